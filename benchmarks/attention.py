"""Attention side by side: txlite, torch.nn and, where it is installed, x-transformers.

``make bench`` runs it. Each line times one forward and one backward pass of self-attention over a
batch of one, in the same process, several times in turn; the medians are printed and written with
the machine's description to ``benchmarks/results/``. Ratios within one run are what to read:
absolute times are the machine's.
"""

import argparse
import datetime
import importlib.util
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer

import txlite
from txlite.nn import Mask, MultiHeadAttention, masks

D_MODEL, NUM_HEADS, WINDOW = 256, 8, 64
RESULTS = Path(__file__).parent / "results"

Pass = Callable[[Tensor], Tensor]


def txlite_attention(mask: Mask | Tensor | None) -> Pass:
    """The package under test."""
    attention = MultiHeadAttention(D_MODEL, NUM_HEADS).to(txlite.device())
    return lambda x: attention(x, mask=mask)


def torch_attention(mask: Mask | None, length: int) -> Pass:
    """torch.nn.MultiheadAttention with a mask of its own polarity, without weights returned."""
    device = txlite.device()
    attention = nn.MultiheadAttention(D_MODEL, NUM_HEADS, batch_first=True, device=device)
    blocked = None if mask is None else ~mask.to_tensor(length, length, device=device)
    return lambda x: attention(x, x, x, attn_mask=blocked, need_weights=False)[0]


def x_transformers_attention(causal: bool) -> Pass:
    """The peer's attention, on its fused path."""
    from x_transformers.x_transformers import Attention

    attention = Attention(
        dim=D_MODEL, heads=NUM_HEADS, dim_head=D_MODEL // NUM_HEADS, causal=causal, flash=True
    ).to(txlite.device())
    return lambda x: attention(x)


def contestants(kind: str, length: int) -> Iterator[tuple[str, Pass]]:
    """Everything that can compute attention of this kind."""
    rule = {
        "full": None,
        "causal": masks.causal(),
        "window": masks.causal() & masks.sliding_window(WINDOW),
    }[kind]
    yield "txlite", txlite_attention(rule)
    if kind == "window" and rule is not None:
        table = rule.to_tensor(length, length, device=txlite.device())
        yield "txlite, the same mask as a table", txlite_attention(table)
    yield "torch.nn", torch_attention(rule, length)
    if kind != "window" and importlib.util.find_spec("x_transformers"):
        yield "x-transformers", x_transformers_attention(kind == "causal")


def median_ms(run: Pass, length: int, seconds: float) -> float:
    """Median time of a forward and a backward pass, in milliseconds."""
    x = torch.randn(1, length, D_MODEL, device=txlite.device(), requires_grad=True)
    timer = Timer("run(x).sum().backward()", globals={"run": run, "x": x})
    timer.num_threads = torch.get_num_threads()
    return timer.blocked_autorange(min_run_time=seconds).median * 1e3


def machine() -> dict[str, str]:
    """What the numbers depend on."""
    device = txlite.device()
    gpu = torch.cuda.get_device_name() if device.type == "cuda" else ""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": gpu or f"{platform.machine()} CPU, {torch.get_num_threads()} threads",
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "txlite": txlite.__version__,
    }


def keep(name: str, rows: list[dict[str, Any]]) -> None:
    """Write what was measured beside the machine's description, whole or not at all."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{txlite.device().type}.json"
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    os.replace(scratch, path)
    print(f"written to {path.relative_to(Path.cwd())}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each line, at least")
    arguments = parser.parse_args()
    txlite.seed(0)
    rows = []
    for length in arguments.lengths:
        for kind in ("full", "causal", "window"):
            for name, run in contestants(kind, length):
                took = median_ms(run, length, arguments.seconds)
                rows.append({"length": length, "mask": kind, "who": name, "ms": round(took, 2)})
                print(f"{length:>6}  {kind:<7} {name:<34} {took:>9.2f} ms", flush=True)
    keep("attention", rows)


if __name__ == "__main__":
    main()
