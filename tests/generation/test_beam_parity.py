"""Beam search against Hugging Face's ``generate``: token for token, over a grid of settings.

Both search the same logits. Theirs are summed in single precision and ours in double, so that the
scores agree to single precision.
"""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch.testing import assert_close

from tests.generation import hugging_face as hf
from txlite.generation import beam_search, generate

pytestmark = pytest.mark.plain  # as a user runs it; test_beam.py has the shapes checked
MODELS: dict[str, Callable[..., hf.Peer]] = {"marian": hf.marian, "t5": hf.t5, "gpt2": hf.gpt2}
BEAMS = [2, 3, 5, 8]
GRID = list(
    itertools.product(
        [-0.7, 0.0, 1.0, 1.8],  # length_penalty
        [False, True, "never"],  # early_stopping
        [(1, 3, 9), (2, 1, 5)],  # seed, batch, max_new_tokens
    )
)


@pytest.mark.parametrize("num_beams", BEAMS)
@pytest.mark.parametrize("name", MODELS)
def test_beams_are_those_of_hugging_face(name: str, num_beams: int) -> None:
    ended = full = unlike_greedy = 0
    for penalty, stopping, (seed, batch, new) in GRID:
        peer = MODELS[name](seed, batch)
        settings = {
            "num_beams": num_beams,
            "length_penalty": penalty,
            "early_stopping": stopping,
            "max_new_tokens": new,
            "num_return_sequences": num_beams if seed == 1 else 1,
        }
        want = hf.theirs_generate(peer, **settings)
        got = beam_search(peer.ours, peer.prompt, **settings, **hf.reading(peer))
        assert torch.equal(got.tokens, want.sequences), settings
        assert_close(got.scores.float(), want.sequences_scores, atol=1e-5, rtol=1e-6)
        width = peer.prompt.shape[1]
        short = (got.tokens[:, width:] == peer.eos).any(1)
        ended, full = ended + int(short.sum()), full + int((~short).sum())
        greedy = generate(peer.ours, peer.prompt, max_new_tokens=new, **hf.reading(peer))
        best = got.tokens.unflatten(0, (batch, -1))[:, 0]
        unlike_greedy += greedy.shape != best.shape or not torch.equal(greedy, best)
    assert len(GRID) == 24  # times 4 numbers of beams and 3 models: 288 settings
    assert min(ended, full) > 0.1 * (ended + full)  # both ways to end are met
    assert unlike_greedy > 4  # and the search does something
