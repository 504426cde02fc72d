"""Looking inside a model while it runs, without changing what it computes."""

from txlite.inspect.attention import record_attention
from txlite.inspect.memory import Memory, record_memory
from txlite.inspect.saved import Saved, SavedTensor, record_saved
from txlite.inspect.shapes import Call, ShapeTrace, trace_shapes

__all__ = [
    "Call",
    "Memory",
    "Saved",
    "SavedTensor",
    "ShapeTrace",
    "record_attention",
    "record_memory",
    "record_saved",
    "trace_shapes",
]
