"""Many machines: a model that is cut, passed on or copied, and what its processes say.

Everything runs on several processes of one machine as it does on many: gloo between processors,
NCCL between GPUs.
"""

from txlite.distributed.operators import enter_cut, sum_over
from txlite.distributed.parts import ModelParts, model_parts
from txlite.distributed.pipeline import PipelineStage, run_pipeline, stage_layers
from txlite.distributed.planner import Estimate, Layout, Machine, plan_layouts
from txlite.distributed.recorder import Collective, Traffic, record_collectives
from txlite.distributed.schedules import (
    PipelineStep,
    Timeline,
    bubble_share,
    pipeline_order,
    pipeline_timeline,
)
from txlite.distributed.tensor_parallel import (
    EnterCut,
    OwnChance,
    apply_tensor_parallel,
    tensor_parallel_plan,
)
from txlite.distributed.traffic import (
    bytes_sent,
    data_parallel_bytes,
    pipeline_bytes,
    sharded_bytes,
    tensor_parallel_bytes,
    vocabulary_bytes,
)
from txlite.distributed.vocabulary import VocabularyParallelEmbedding, vocabulary_cross_entropy
from txlite.distributed.workers import run_workers

__all__ = [
    "Collective",
    "EnterCut",
    "Estimate",
    "Layout",
    "Machine",
    "ModelParts",
    "OwnChance",
    "PipelineStage",
    "PipelineStep",
    "Timeline",
    "Traffic",
    "VocabularyParallelEmbedding",
    "apply_tensor_parallel",
    "bubble_share",
    "bytes_sent",
    "data_parallel_bytes",
    "enter_cut",
    "model_parts",
    "pipeline_bytes",
    "pipeline_order",
    "pipeline_timeline",
    "plan_layouts",
    "record_collectives",
    "run_pipeline",
    "run_workers",
    "sharded_bytes",
    "stage_layers",
    "sum_over",
    "tensor_parallel_bytes",
    "tensor_parallel_plan",
    "vocabulary_bytes",
    "vocabulary_cross_entropy",
]
