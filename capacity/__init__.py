"""How many instances of which type a multi-model endpoint needs, how often a call is cold, and what it costs."""
