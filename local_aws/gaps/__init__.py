"""What moto lacks and this project meets: answers given before a request reaches moto.

An entry is short-lived by intent: it goes when moto has learned the call.
"""
