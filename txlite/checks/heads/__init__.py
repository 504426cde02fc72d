"""Exercises on attention with many heads, and on heads that share keys and values."""
