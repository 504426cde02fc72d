"""The book's Transformer under every way of decoding: cache and padding change nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.generation import beam_search, generate
from txlite.models import Transformer, TransformerConfig

BOS, EOS, PAD, VOCABULARY = 1, 2, 0, 13
LENGTHS = [5, 2, 4]
SCHEMES = ["sinusoidal", "rotary", "relative"]


def model(positions: Any, seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    config = TransformerConfig(
        vocab_size=VOCABULARY,
        d_model=12,
        num_heads=3,
        d_ff=20,
        num_layers=1,
        positions=positions,
        tied_output=False,  # a tied output likes to repeat what it reads
    )
    made = Transformer(config).double().eval()
    for p in made.parameters():
        if p.ndim > 1:  # a random bias of the last norm would drown what is read
            nn.init.normal_(p, std=0.6)
    return made


def sources() -> tuple[Tensor, Tensor]:
    keep = torch.arange(5) < torch.tensor(LENGTHS)[:, None]
    return torch.randint(3, VOCABULARY, (3, 5)).masked_fill(~keep, PAD), keep


def options(source: Tensor, keep: Tensor, **more: Any) -> dict[str, Any]:
    settings = {"source": source, "source_keep": keep, "max_new_tokens": 9, "eos_id": EOS}
    return {"prompt": torch.full((len(source), 1), BOS), **settings, **more}


WAYS: dict[str, Any] = {
    "greedy": lambda m, **o: generate(m, **o),
    "sampling": lambda m, **o: generate(
        m, temperature=1.0, top_p=0.9, generator=torch.Generator().manual_seed(3), **o
    ),
    "beams": lambda m, **o: beam_search(m, num_beams=4, num_return_sequences=4, **o).tokens,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("positions", SCHEMES)
def test_cached_is_uncached(positions: str, way: str) -> None:
    made, (source, keep) = model(positions), sources()
    cached, anew = (
        WAYS[way](made, **options(source, keep, use_cache=use)) for use in (True, False)
    )
    assert torch.equal(cached, anew)
    assert len(cached.unique()) > 3  # and something is said


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("way", ["greedy", "beams"])
@pytest.mark.parametrize("positions", SCHEMES)
def test_a_padded_source_is_read_as_if_alone(positions: str, way: str, use_cache: bool) -> None:
    made, (source, keep) = model(positions), sources()
    together = WAYS[way](made, **options(source, keep, use_cache=use_cache)).unflatten(0, (3, -1))
    for row, length in enumerate(LENGTHS):
        alone = WAYS[way](
            made, **options(source[row : row + 1, :length], None, use_cache=use_cache)
        )
        assert torch.equal(together[row, :, : alone.shape[1]], alone)
        assert (together[row, :, alone.shape[1] :] == PAD).all()


@pytest.mark.parametrize("way", ["greedy", "beams"])
def test_without_the_mask_of_the_source_padding_is_read(way: str) -> None:
    made, (source, keep) = model("sinusoidal"), sources()
    masked = WAYS[way](made, **options(source, keep))
    other = WAYS[way](made, **options(source.masked_fill(~keep, 7), keep))
    assert torch.equal(masked, other)  # what is masked may be anything
    blind = WAYS[way](made, **options(source, None))
    assert blind.shape != masked.shape or not torch.equal(blind, masked)


def test_the_encoder_runs_once_with_a_cache() -> None:
    made, (source, keep) = model("sinusoidal"), sources()
    calls: list[int] = []
    made.encoder.register_forward_hook(lambda *_: calls.append(1))
    out = generate(made, **options(source, keep, eos_id=None))
    assert (len(calls), out.shape[1]) == (1, 10)
    beam_search(made, num_beams=3, **options(source, keep, eos_id=None))
    assert len(calls) == 2
    generate(made, **options(source, keep, eos_id=None, use_cache=False))
    assert len(calls) == 2 + 9


def test_the_scores_are_the_log_probabilities_of_the_tokens() -> None:
    made, (source, keep) = model("rotary"), sources()
    result = beam_search(made, num_beams=3, **options(source, keep, length_penalty=1.0))
    with torch.no_grad():
        logits = made(source, result.tokens[:, :-1], source_keep=keep)
    new = result.tokens[:, 1:]
    each = logits.log_softmax(-1).gather(-1, new[..., None])[..., 0]
    ended = (new == EOS).long()
    real = ended.cumsum(1) - ended == 0
    assert_close((each * real).sum(1) / real.sum(1), result.scores)
