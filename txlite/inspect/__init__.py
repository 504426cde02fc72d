"""Looking inside a model while it runs, without changing what it computes."""

from txlite.inspect.attention import record_attention
from txlite.inspect.memory import Memory, record_memory
from txlite.inspect.routing import ExpertLoad, expert_load, record_routing
from txlite.inspect.shapes import Call, ShapeTrace, trace_shapes

__all__ = [
    "Call",
    "ExpertLoad",
    "Memory",
    "ShapeTrace",
    "expert_load",
    "record_attention",
    "record_memory",
    "record_routing",
    "trace_shapes",
]
