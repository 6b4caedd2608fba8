"""Defaults of commands, which their help shows before anything else is imported."""

from __future__ import annotations

MINUTES = 60
"""How far back `status` counts invocations."""
MOST_MODELS = 100
"""How many models are warmed by default. More than the instances hold would push the first ones out again."""
RATE = 5.0
"""Calls a second that warm models, by default."""
