"""The catalog of models: what exists, in which versions, under which keys; recorded in a lock file in git."""
