"""The forecaster: from a table of times and values to what comes next."""
