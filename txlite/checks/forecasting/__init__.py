"""Exercises of forecasting: scores, windows and splits that keep to the past, and money."""
