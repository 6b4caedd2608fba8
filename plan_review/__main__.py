import gc
import sys

from plan_review.cli import main

# One short run whose objects live to its end: looking for garbage among them takes a quarter of its time.
gc.disable()
sys.exit(main())
