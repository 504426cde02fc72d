"""Exercises on losses, schedules, gradients and batches."""
