"""Exercises on how far back a model sees, hears and remembers."""
