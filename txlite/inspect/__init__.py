"""Looking inside a model while it runs, without changing what it computes."""

from txlite.inspect.attention import record_attention

__all__ = ["record_attention"]
