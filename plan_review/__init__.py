"""Reviews saved Terraform plans: what a pull request does to the multi-model endpoint."""
