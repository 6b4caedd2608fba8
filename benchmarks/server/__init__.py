"""The model server in container/ beside AWS's multi-model-server: same run, same checkpoints."""
