"""Generation with a sliding window: the same tokens in every way, and memory with a bound."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.generation.tiny import left_padded
from tests.models.decoders import tiny
from tests.nn.test_window_cache import held, parts_of
from txlite.generation import beam_search, generate, stream
from txlite.models import Llama
from txlite.nn import KVCache, StaticKVCache

WINDOW, NEW = 4, 40
WAYS: dict[str, dict[str, Any]] = {
    "growing": {},
    "growing, in pieces": {"prefill_chunk": 5},
    "static": {"cache": "static"},
    "static, in pieces": {"cache": "static", "prefill_chunk": 2},
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))


def windowed(seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    return tiny("llama grouped", sliding_window=WINDOW, **options)


def prompts() -> dict[str, Tensor]:
    """Of 9, 3 and 1 tokens."""
    torch.manual_seed(5)
    tokens, keep = left_padded([9, 3, 1])
    return {"prompt": tokens, "prompt_keep": keep}


class Watched:
    """A model whose cache is looked at after every call."""

    def __init__(self, model: Llama) -> None:
        self.model, self.sliding_window = model, model.sliding_window
        self.caches: list[KVCache] = []
        self.sizes: list[int] = []

    def __call__(self, tokens: Tensor, *, cache: KVCache, keep: Tensor | None = None) -> Tensor:
        logits: Tensor = self.model(tokens, keep=keep, cache=cache)
        self.caches.append(cache)
        self.sizes.append(held(cache))
        return logits


@ways
def test_the_tokens_are_those_without_a_cache(way: dict[str, Any]) -> None:
    model, given = windowed(), prompts()
    want = generate(model, max_new_tokens=NEW, use_cache=False, **given)
    assert torch.equal(generate(model, max_new_tokens=NEW, **given, **way), want)
    steps = stream(model, given.pop("prompt"), max_new_tokens=NEW, **given, **way)
    assert torch.equal(torch.stack([*steps], dim=1), want[:, 9:])
    wide = tiny("llama grouped")
    wide.load_state_dict(model.state_dict())
    other = generate(wide, max_new_tokens=NEW, use_cache=False, **prompts())
    assert not torch.equal(other, want)  # the window is felt


@ways
@pytest.mark.parametrize("seed", range(3))
def test_beams_are_those_without_a_cache(way: dict[str, Any], seed: int) -> None:
    model, given = windowed(seed), prompts()
    options: dict[str, Any] = {"num_beams": 3, "max_new_tokens": 15, "eos_id": 2}
    want = beam_search(model, **given, **options, use_cache=False)
    found = beam_search(model, **given, **options, **way)
    assert torch.equal(found.tokens, want.tokens)
    assert torch.allclose(found.scores, want.scores)


@pytest.mark.plain  # thousands of short runs; the tests around it check shapes
@ways
@pytest.mark.parametrize("drafted", [1, 3, 7])
def test_a_draft_that_is_taken_back_changes_no_token(way: dict[str, Any], drafted: int) -> None:
    """The draft is another model, so that most of what it writes is cropped again."""
    model, given = windowed(), prompts()
    want = generate(model, max_new_tokens=NEW, use_cache=False, **given)
    for draft in (windowed(1), model):
        told = generate(
            model, max_new_tokens=NEW, draft=draft, num_drafted=drafted, details=True,
            **given, **way,
        )  # fmt: skip
        assert torch.equal(told.tokens, want)


@ways
def test_several_continuations_of_one_prompt(way: dict[str, Any]) -> None:
    model, given = windowed(), prompts()
    options: dict[str, Any] = {"temperature": 1.0, "num_return_sequences": 3, "max_new_tokens": 20}
    draws = [
        generate(model, **given, **options, **chosen, generator=torch.Generator().manual_seed(1))
        for chosen in (way, {"use_cache": False})
    ]
    assert torch.equal(*draws)


@pytest.mark.plain  # thousands of short runs; the tests around it check shapes
@pytest.mark.kills(
    "generation that never forgets",
    "generation/_reader.py",
    'getattr(model, "sliding_window", None)',
    "None",
)
@pytest.mark.parametrize("kind", ["growing", "static"])
@pytest.mark.parametrize("drafted", [0, 3])
def test_memory_has_a_bound_whatever_the_length(kind: Any, drafted: int) -> None:
    sizes = {}
    for new in (100, 300):
        model = Watched(windowed())
        draft = {"draft": windowed(1), "num_drafted": drafted} if drafted else {}
        generate(model, torch.ones(1, 2).long(), max_new_tokens=new, cache=kind, **draft)
        sizes[new] = max(model.sizes)
        assert len({id(cache) for cache in model.caches}) == 1
    assert sizes[100] == sizes[300]
    positions = 2 * (WINDOW + drafted) if kind == "static" else WINDOW - 1 + drafted
    part = parts_of(model.caches[0])[0].read()[0]
    assert sizes[300] == 2 * 2 * positions * part.shape[1] * part.shape[-1] * part.itemsize


def test_a_run_that_fits_is_not_made_to_forget() -> None:
    model = Watched(windowed())
    generate(model, torch.ones(1, 2).long(), max_new_tokens=5, cache="static")
    (cache,) = {id(cache): cache for cache in model.caches}.values()
    assert isinstance(cache, StaticKVCache)
    assert (cache.max_len, cache._window) == (7, None)


def test_a_model_without_a_window_remembers_all() -> None:
    for model in (Watched(windowed()), Watched(tiny("llama"))):
        generate(model, torch.ones(1, 2).long(), max_new_tokens=9)
        part = parts_of(model.caches[0])[0]
        assert part.read()[0].shape[-2] == (10 if model.sliding_window is None else WINDOW - 1)


@pytest.mark.plain
@pytest.mark.parametrize("kind", ["growing", "static"])
@pytest.mark.parametrize(
    ("said", "message"),
    [
        (WINDOW, "mask should keep to masks.sliding_window(4), for the cache forgets what is "),
        (0, "window should be a positive whole number, got 0"),
    ],
)
def test_a_model_that_reaches_farther_than_it_says_is_refused(
    kind: Any, said: int, message: str
) -> None:
    model = Watched(tiny("llama"))
    model.sliding_window = said
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        generate(model, torch.ones(1, 2).long(), max_new_tokens=20, cache=kind)
