"""The exercises on experts: who takes a token, how many find room, and what keeps it even."""
