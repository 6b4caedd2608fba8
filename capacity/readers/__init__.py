"""Reads traces and what is known of the models."""
