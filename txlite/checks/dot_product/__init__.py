"""Exercises on scaled dot-product attention: scores, weights, and the weighted sum."""
