"""Counting: parameters, memory, arithmetic, time and money, by formula and by what is there."""

from txlite.counting.activations import korthikanti_layer, layer_activations, predict_activations
from txlite.counting.chart import CHART, ChartEntry
from txlite.counting.cost import training_cost, training_days, training_seconds
from txlite.counting.flops import FlopCount, count_flops, predict_flops, training_flops
from txlite.counting.groups import ParameterCount
from txlite.counting.kinds import build_on_meta
from txlite.counting.parameters import (
    active_parameters,
    count_parameters,
    layer_parameters,
    predict_parameters,
)
from txlite.counting.power_law import PowerLaw, fit_power_law
from txlite.counting.scaling import BESIROGLU, HOFFMANN, ScalingFit, kaplan_loss
from txlite.counting.training_memory import (
    TrainingMemory,
    kv_cache_bytes,
    measure_state,
    predict_training_memory,
    state_memory,
    weight_bytes,
)

__all__ = [
    "BESIROGLU",
    "CHART",
    "HOFFMANN",
    "ChartEntry",
    "FlopCount",
    "ParameterCount",
    "PowerLaw",
    "ScalingFit",
    "TrainingMemory",
    "active_parameters",
    "build_on_meta",
    "count_flops",
    "count_parameters",
    "fit_power_law",
    "kaplan_loss",
    "korthikanti_layer",
    "kv_cache_bytes",
    "layer_activations",
    "layer_parameters",
    "measure_state",
    "predict_activations",
    "predict_flops",
    "predict_parameters",
    "predict_training_memory",
    "state_memory",
    "training_cost",
    "training_days",
    "training_flops",
    "training_seconds",
    "weight_bytes",
]
