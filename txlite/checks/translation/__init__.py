"""Exercises on dictionaries learned from sentences, and on scores of translations."""
