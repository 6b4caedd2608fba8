"""The project's command line: it puts the other folders' commands together, and says what went wrong."""
