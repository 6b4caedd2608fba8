"""Artifacts' own code (`code/`): found, imported, and called as AWS's toolkit calls it."""
