"""Exercises on how many numbers a model learns."""
