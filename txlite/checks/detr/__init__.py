"""Exercises on finding objects: what a pair costs, what a set costs, and how a find is counted."""
