"""`python -m mme`; `bin/mme` runs it in the project's environment."""

import sys

from mme.program import main

if __name__ == "__main__":
    sys.exit(main())
