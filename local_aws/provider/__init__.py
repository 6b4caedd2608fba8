"""A stand-in for Terraform's hashicorp/aws provider that works on the local AWS only."""
