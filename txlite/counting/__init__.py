"""Counting: parameters, memory, arithmetic, time and money, by formula and by what is there."""
