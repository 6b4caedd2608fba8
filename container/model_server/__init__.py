"""A model server for SageMaker multi-model endpoints: many models, few worker processes."""
