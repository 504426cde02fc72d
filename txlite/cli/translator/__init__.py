"""The translator of the command line: what it learns from, how, and what its folder holds."""
