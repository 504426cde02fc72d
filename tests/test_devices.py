"""What a GPU would show, seen without one: in the sources, and with a default device that is not
the CPU.

``meta`` stands for the other device: it takes part in everything but holds no numbers, so that a
tensor that lands on it by mistake is an error here, as one that lands on the CPU is there.
"""

import ast
from pathlib import Path

import pytest
import torch

from txlite.generation import beam_search, generate
from txlite.models import Transformer, TransformerConfig
from txlite.nn import KVCache, masks
from txlite.training import Batches, TeacherForcing, fit

ROOT = Path(__file__).resolve().parents[1] / "txlite"
ROOMS = ("nn", "models", "training", "generation", "checks", "inspect")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
DRAWN = {"rand", "randn", "randint", "randperm", "normal", "multinomial"}
WAITS = {"item", "cpu", "tolist", "numpy"}
ON_THE_CPU = {  # what is drawn by chances that lie on the CPU lies there too
    "generation/acting.py": "the logits of one step, which come to the CPU for the environments",
}
WAITING = {  # loops that wait for the device, and why that is right
    "training/_tensors.py": "processes compare their batches before they are moved",
    "training/rehearsal.py": "a fingerprint, once, at the end",
    "training/corpus_scores.py": "counts of sentences, which lie on the CPU",
}


def calls(tree: ast.AST):
    """Yield every call of something by an attribute: its name and the call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node


def unplaced(source: str) -> list[str]:
    """Return the calls that draw from a generator, and do not say where the numbers are to lie."""
    found = []
    for name, call in calls(ast.parse(source)):
        words = {keyword.arg for keyword in call.keywords}
        if name in DRAWN and "generator" in words and "device" not in words:
            found.append(ast.unparse(call))
    return found


def waits_in_loops(source: str) -> list[str]:
    """Return what waits for the device once for each turn of a loop."""
    loops = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.For | ast.While)]
    return [
        ast.unparse(call)
        for loop in loops
        for part in loop.body
        for name, call in calls(part)
        if name in WAITS and not call.args
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_random_numbers_name_their_device(path):
    expected = path.relative_to(ROOT).as_posix() in ON_THE_CPU
    assert bool(unplaced(path.read_text(encoding="utf-8"))) is expected


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if "checks" not in p.parts and "inspect" not in p.parts],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_loop_waits_for_the_device(path):
    expected = path.relative_to(ROOT).as_posix() in WAITING
    assert bool(waits_in_loops(path.read_text(encoding="utf-8"))) is expected


def test_the_rules_can_see_a_fault():
    assert unplaced("torch.rand(3, generator=g)\ntorch.rand(3, generator=g, device='cpu')") == [
        "torch.rand(3, generator=g)"
    ]
    assert waits_in_loops("while True:\n    x = f(y.item())\ny.item()") == ["y.item()"]


# ------------------------------------------------------------------ with another default device


def tiny():
    with torch.device("cpu"):
        torch.manual_seed(0)
        sizes = {"vocab_size": 11, "d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1}
        return Transformer(TransformerConfig(**sizes, dropout=0.0))


def on_both(compute):
    """Compute with the CPU as the default device, and with another one."""
    here = compute()
    with torch.device("meta"):
        there = compute()
    return here, there


POSITIONS = ["sinusoidal", "learned", "rotary", "alibi", "relative"]


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_model_computes_where_its_tensors_lie(positions):
    sizes = {"vocab_size": 11, "d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1}
    torch.manual_seed(0)
    model = Transformer(TransformerConfig(**sizes, positions=positions)).eval()
    tokens = torch.randint(11, (2, 5))
    keep = torch.ones(2, 5, dtype=torch.bool)

    def compute():
        cache = KVCache()
        first = model(tokens, tokens[:, :3], source_keep=keep, cache=cache)
        return torch.cat([first, model(None, tokens[:, 3:], source_keep=keep, cache=cache)], dim=1)

    here, there = on_both(compute)
    assert torch.equal(here, there)


@pytest.mark.parametrize(
    "rule", [masks.causal(), masks.sliding_window(2), masks.blocks(3)], ids=str
)
def test_a_mask_lies_where_it_is_asked_for(rule):
    cpu = torch.device("cpu")
    here, there = on_both(lambda: rule.to_tensor(4, 9, device=cpu))
    assert torch.equal(here, there)


@pytest.mark.parametrize(
    "search",
    [
        lambda model, prompt, source: generate(
            model, prompt, max_new_tokens=5, source=source, eos_id=3, temperature=0.8, top_k=5,
            top_p=0.9, min_p=0.01, repetition_penalty=1.2,
            generator=torch.Generator("cpu").manual_seed(2),
        ),
        lambda model, prompt, source: generate(model, prompt, max_new_tokens=5, source=source),
        lambda model, prompt, source: beam_search(
            model, prompt, num_beams=3, max_new_tokens=5, eos_id=3, source=source
        ).tokens,
        lambda model, prompt, source: generate(
            model, prompt, max_new_tokens=7, source=source, eos_id=[3, 4], min_new_tokens=2,
            no_repeat_ngram=2, suppress=[5], forced={1: 6}, cache="static", prefill_chunk=1,
            details=True, stop="9", decode=lambda tokens: "".join(map(str, tokens)),
        ).model_log_probs,
        lambda model, prompt, source: generate(
            model, prompt, max_new_tokens=9, source=source, eos_id=3, temperature=0.9, top_k=5,
            draft=model, num_drafted=3, num_return_sequences=2,
            generator=torch.Generator("cpu").manual_seed(2), details=True,
        ).sampler_log_probs,
    ],
    ids=["sampled", "greedy", "beam search", "rules and a static cache", "drafted"],
)  # fmt: skip
def test_what_is_generated_is_the_same(search):
    model, source = tiny(), torch.randint(11, (2, 4))
    here, there = on_both(lambda: search(model, source[:, :1], source))
    assert torch.equal(here, there)


class Pairs:
    """A batch of sentences with themselves."""

    def __init__(self, rows):
        with torch.device("cpu"):
            self.source = self.target = torch.tensor([[r % 11, 2 * r % 11, 3] for r in rows])
            self.source_keep = self.target_keep = self.source != 9


def test_training_is_the_same(tmp_path):
    folders = iter("ab")

    def compute():
        model = tiny()
        folder = tmp_path / next(folders)
        source = Batches(range(20), Pairs, batch_size=4, seed=1)
        # torch's own Adam counts its steps on the default device; this one counts nothing
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        options = {"optimizer": optimizer, "clip_norm": 0.5, "accumulate": 2}
        first = fit(model, source, TeacherForcing(), steps=2, checkpoint=folder, **options)
        again = fit(model, source, TeacherForcing(), steps=4, checkpoint=folder, **options)
        return first.losses, again.losses, again.gradient_norms

    here, there = on_both(compute)
    assert here == there
