"""Exercises on what BERT reads, and what it is asked for."""
