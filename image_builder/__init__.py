"""Builds the model server's image, pushes it to Amazon ECR and names it after its content."""
