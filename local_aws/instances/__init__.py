"""Instances of endpoints: processes that run the `serve` of an image, behind one small interface."""
