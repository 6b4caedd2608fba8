"""The page at /_local/: what the endpoints do just now, for people; the same facts as JSON; and a form that invokes.

access, recent, probes <- facts, invoking <- http, which the gateway mounts.
"""
