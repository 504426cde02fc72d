"""Exercises on what a model costs: numbers, bytes, operations, and how much of each to spend."""
