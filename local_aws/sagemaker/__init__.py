"""Amazon SageMaker hosting for multi-model endpoints: control plane and runtime.

errors, validation, records <- models, endpoint_configs, endpoints, tags, invoker <- service <- transport.
"""
