"""Transformers from nothing: the package that the book derives.

``import txlite`` gives the version, the device, the seed and the budget, and costs no more than
``import torch``. Everything else is imported from the package that holds it, for instance
``from txlite.nn import MultiHeadAttention``.
"""

from txlite.runtime import budget, device, seed

__all__ = ["__version__", "budget", "device", "seed"]

__version__ = "0.1.0"
