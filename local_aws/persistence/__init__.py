"""State that survives a restart on request (`--persist`): a folder of snapshots.

errors, folder <- bodies <- pickling <- moto_state; manifest (what a snapshot is); keeper (when one is written).
"""
