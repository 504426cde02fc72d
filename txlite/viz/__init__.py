"""Pictures, tables and live figures, from tensors: the package knows no model.

A chapter draws with ``figure`` or ``panels`` and the ``plot_…`` functions, and displays with
``show``; numbers reach the prose through ``glue``. Live figures are in ``txlite.viz.widgets``.
"""

from txlite.viz.charts import plot_bars, plot_histogram
from txlite.viz.curves import plot_curves, plot_runs
from txlite.viz.numbers import glue, peak_gpu_memory, peak_memory
from txlite.viz.pictures import plot_attention, plot_heads, plot_mask, plot_matrix
from txlite.viz.show import show
from txlite.viz.style import figure, panels, style
from txlite.viz.table import table

__all__ = [
    "figure",
    "glue",
    "panels",
    "peak_gpu_memory",
    "peak_memory",
    "plot_attention",
    "plot_bars",
    "plot_curves",
    "plot_heads",
    "plot_histogram",
    "plot_mask",
    "plot_matrix",
    "plot_runs",
    "show",
    "style",
    "table",
]
