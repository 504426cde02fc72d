"""Exercises on pictures and their names: their loss, their vectors, and what a search finds."""
