"""Exercises on how far back a model sees and remembers."""
