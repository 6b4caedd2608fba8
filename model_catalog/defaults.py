"""The lock file's name, and how a model is tried before it is added. Help and completion need no more than these."""

LOCK_FILE = "models.lock.json"

DEFAULT_PROGRAM = "inference.py"
"""The name of a model's own code below `code/`."""
DEFAULT_SECONDS = 300.0
"""SageMaker gives a load 360 s."""
DEFAULT_MEMORY_MIB = 8192
