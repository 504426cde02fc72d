"""Whole models side by side: an encoder, and greedy decoding with a cache.

``make bench`` runs it. Everybody has the same sizes, post-norm layers with ReLU and no dropout, and
does the same work; runs alternate within one process, and medians are compared: of the processor's
time, or on a GPU of the time until it has finished. Beside txlite stand torch.nn and, where it is
installed, Hugging Face's BERT and Marian. Where nothing is learned torch.nn computes an encoder
layer by one fused call; the others have none.
"""

import importlib.util
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from attention import keep
from torch import Tensor, nn

import txlite
from txlite.generation import generate
from txlite.models import Transformer, TransformerConfig
from txlite.nn import Encoder

# width, heads, hidden width, layers, batch, length
ENCODERS = [(64, 4, 256, 2, 8, 32), (256, 8, 1024, 4, 4, 128), (512, 8, 2048, 6, 1, 64)]
TRANSLATORS = [(96, 4, 256, 2), (64, 4, 256, 6)]  # width, heads, hidden width, layers on each side
VOCABULARY, SOURCE, NEW = 800, 12, 20
PEERS = importlib.util.find_spec("transformers") is not None

Run = Callable[[], object]


def encoders(d: int, heads: int, d_ff: int, layers: int) -> Iterator[tuple[str, nn.Module]]:
    """Everybody's encoder of these sizes, with weights of its own."""
    sizes: dict[str, Any] = {"num_layers": layers, "d_model": d, "num_heads": heads, "d_ff": d_ff}
    yield "txlite", Encoder(**sizes, norm_first=False, dropout=0.0, activation="relu")
    layer = nn.TransformerEncoderLayer(d, heads, d_ff, dropout=0.0, batch_first=True)
    yield "torch.nn", nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
    if PEERS:
        from transformers import BertConfig
        from transformers.models.bert.modeling_bert import BertEncoder

        config = BertConfig(
            hidden_size=d,
            num_attention_heads=heads,
            intermediate_size=d_ff,
            num_hidden_layers=layers,
            hidden_act="relu",
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            attn_implementation="sdpa",
        )
        yield "Hugging Face", BertEncoder(config)


def states(found: Any) -> Tensor:
    """Return the hidden states from whatever an encoder gives back."""
    return found if isinstance(found, Tensor) else found[0]


def learning(model: nn.Module, x: Tensor) -> Run:
    """One forward and one backward pass."""
    return lambda: states(model(x)).square().mean().backward()


def reading(model: nn.Module, x: Tensor) -> Run:
    """One forward pass that nothing is learned from."""

    def run() -> None:
        with torch.no_grad():
            model.eval()(x)

    return run


def translators(
    d: int, heads: int, d_ff: int, layers: int, source: Tensor
) -> Iterator[tuple[str, Run]]:
    """Everybody's greedy search for as many tokens."""
    config = TransformerConfig(
        vocab_size=VOCABULARY,
        d_model=d,
        num_heads=heads,
        d_ff=d_ff,
        num_layers=layers,
        dropout=0.0,
        norm_first=False,
    )
    ours = Transformer(config).to(source.device).eval()
    begin = torch.ones_like(source[:, :1])
    yield "txlite", lambda: generate(ours, begin, source=source, max_new_tokens=NEW)
    if PEERS:
        from transformers import MarianConfig, MarianMTModel

        sizes: dict[str, Any] = {}
        for side in ("encoder", "decoder"):
            sizes |= {f"{side}_layers": layers, f"{side}_ffn_dim": d_ff}
            sizes[f"{side}_attention_heads"] = heads
        peer = MarianConfig(
            vocab_size=VOCABULARY,
            d_model=d,
            **sizes,
            max_position_embeddings=64,
            dropout=0.0,
            activation_function="relu",
            pad_token_id=0,
            bos_token_id=1,
            decoder_start_token_id=1,
            eos_token_id=2,
            forced_eos_token_id=None,
        )
        theirs: Any = MarianMTModel(peer).to(source.device).eval()
        theirs.generation_config.eos_token_id = None  # to the last token, as ours
        keep = torch.ones_like(source)
        yield (
            "Hugging Face",
            lambda: theirs.generate(
                source, attention_mask=keep, max_new_tokens=NEW, num_beams=1, do_sample=False
            ),
        )


def clock() -> float:
    """Return the seconds that count: the processor's, or a GPU's once it has nothing to do."""
    if txlite.device().type == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def times(runs: list[Run], rounds: int) -> list[float]:
    """Return the median of each one's milliseconds; they take turns."""
    taken: list[list[float]] = [[] for _ in runs]
    for turn in range(-2, rounds):  # two to warm up
        for run, row in zip(runs, taken, strict=True):
            begin = clock()
            run()
            if turn >= 0:
                row.append(1e3 * (clock() - begin))
    return [median(row) for row in taken]


def compared(what: str, named: list[tuple[str, Run]], rounds: int = 30) -> list[dict[str, Any]]:
    """Time everybody, and print each one's milliseconds and its ratio to the fastest peer."""
    found = times([run for _, run in named], rounds)
    peer = min(found[1:], default=found[0])
    rows = []
    for (who, _), ms in zip(named, found, strict=True):
        rows.append({"what": what, "who": who, "ms": round(ms, 2), "ratio": round(ms / peer, 3)})
        print(f"{what:<58} {who:<14} {ms:>9.2f} ms {ms / peer:>7.3f}", flush=True)
    return rows


def main() -> None:
    """Measure, print, write."""
    txlite.seed(0)
    device = txlite.device()
    rows: list[dict[str, Any]] = []
    for *sizes, batch, length in ENCODERS:
        x = torch.randn(batch, length, sizes[0], device=device)
        models = [(who, model.to(device)) for who, model in encoders(*sizes)]
        for kind, way in (("a step of training", learning), ("reading", reading)):
            what = f"encoder {sizes}, ({batch}, {length}), {kind}"
            rows += compared(what, [(who, way(model, x)) for who, model in models])
    for sizes in TRANSLATORS:
        for batch in (1, 16):
            source = torch.randint(3, VOCABULARY, (batch, SOURCE), device=device)
            rows += compared(f"greedy {sizes}, batch {batch}", list(translators(*sizes, source)))
    keep("models", rows)


if __name__ == "__main__":
    main()
