"""How a model is tried before it is added, by default. The help shows these before anything else is imported."""

DEFAULT_PROGRAM = "inference.py"
"""The name of a model's own code below `code/`."""
DEFAULT_SECONDS = 300.0
"""SageMaker gives a load 360 s."""
DEFAULT_MEMORY_MIB = 8192
