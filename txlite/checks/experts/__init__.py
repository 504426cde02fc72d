"""The exercises on experts: who takes a token, for how many there is room, and what keeps it even."""
