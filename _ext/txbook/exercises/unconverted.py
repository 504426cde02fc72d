"""x"""
UNCONVERTED: frozenset[str] = frozenset()
