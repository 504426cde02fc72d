"""Exercises on language models: what they are trained on, how they are read, what they cost."""
