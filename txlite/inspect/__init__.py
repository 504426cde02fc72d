"""Looking inside a model while it runs, without changing what it computes."""

from txlite.inspect.attention import record_attention
from txlite.inspect.memory import Memory, record_memory
from txlite.inspect.shapes import Call, ShapeTrace, trace_shapes

__all__ = ["Call", "Memory", "ShapeTrace", "record_attention", "record_memory", "trace_shapes"]
