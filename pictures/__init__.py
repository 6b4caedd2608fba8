"""Pictures of the documentation, each made by a command: `python -m pictures`."""
