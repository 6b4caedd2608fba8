"""An artifact's folder and archive: which files are a model's and what they say. For every process, without numpy."""
