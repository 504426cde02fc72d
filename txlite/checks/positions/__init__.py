"""Exercises on order: absolute, relative and rotary positions."""
