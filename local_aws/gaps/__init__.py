"""What moto lacks and this project meets: `registry` has the list, the other modules fill the gaps.

An entry is short-lived by intent: it goes when moto has learned it.
"""
