"""Looking inside a model while it runs, without changing what it computes."""

from txlite.inspect.attention import record_attention
from txlite.inspect.memory import Memory, record_memory

__all__ = ["Memory", "record_attention", "record_memory"]
