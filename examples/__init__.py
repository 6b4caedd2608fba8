"""Programs that fill the catalog with example models and invoke them; run as `python3 -m examples.NAME`."""
