"""The commands: their options and arguments. What a command works with is imported when it runs, so help is quick."""
