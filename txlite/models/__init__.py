"""Published systems: one file each, a frozen config and the wiring of parts from ``txlite.nn``."""

from txlite.models.transformer import Transformer, TransformerConfig

__all__ = ["Transformer", "TransformerConfig"]
