"""Exercises on pictures: patches as tokens, what stands before them, and where they stand."""
