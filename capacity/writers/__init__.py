"""Writes a plan: as a table, JSON, plots, and a page."""
