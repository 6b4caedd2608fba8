"""Experiments with faults that anyone can repeat: `make chaos`. What they reach stands in benchmarks/reliability.md."""
