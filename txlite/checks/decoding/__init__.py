"""Exercises on choosing the next token, and on searching for a whole sentence."""
