"""The formats of a review: each module turns a `Review` into one text."""
