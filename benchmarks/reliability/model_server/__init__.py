"""Faults of the model server, and attacks on it: experiments that anyone can repeat with the same seed.

What they reach stands in benchmarks/reliability-server.md.
"""
