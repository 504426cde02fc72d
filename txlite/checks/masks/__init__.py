"""Exercises on masks, and on attention that obeys them."""
