"""Greedy and beam search under rules, against Hugging Face's ``generate``: token for token."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.generation import hugging_face as hf
from txlite.generation import beam_search, generate

pytestmark = pytest.mark.plain  # as a user runs it; the other tests have the shapes checked
MODELS: dict[str, Callable[..., hf.Peer]] = {
    "marian": hf.marian,
    "t5": hf.t5,
    "gpt2": hf.gpt2,
    "llama": hf.llama,
}
NEW = 9
# what txlite is told, and Hugging Face
RULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "none": ({}, {}),
    "unigrams": ({"no_repeat_ngram": 1}, {"no_repeat_ngram_size": 1}),
    "bigrams": ({"no_repeat_ngram": 2}, {"no_repeat_ngram_size": 2}),
    "minimum": ({"min_new_tokens": 6}, {"min_new_tokens": 6}),
    "penalty": ({"repetition_penalty": 1.6}, {"repetition_penalty": 1.6}),
    "suppressed": (
        {"suppress": [5, 11, 12], "suppress_first": [7, 8, 16]},
        {"suppress_tokens": [5, 11, 12], "begin_suppress_tokens": [7, 8, 16]},
    ),
    "forced end": ({"forced": {NEW - 1: "eos"}}, {"forced_eos_token_id": "eos"}),
    "all": (
        {"no_repeat_ngram": 2, "min_new_tokens": 4, "repetition_penalty": 1.2, "suppress": [6]},
        {
            "no_repeat_ngram_size": 2,
            "min_new_tokens": 4,
            "repetition_penalty": 1.2,
            "suppress_tokens": [6],
        },
    ),
}
ENDS = (1, 2, 3)  # how many tokens end a sequence


def peer_for(name: str, rule: str, seed: int) -> hf.Peer:
    padded = rule not in ("unigrams", "bigrams", "all")  # their n-grams run through padding
    return MODELS[name](seed, 3 if padded or name in ("marian", "t5") else 1)


def ends(peer: hf.Peer, count: int) -> list[int]:
    return [peer.eos, *(v for v in (9, 14, 4) if v != peer.eos)][:count]


def filled(options: dict[str, Any], peer: hf.Peer) -> dict[str, Any]:
    """The same options, with the model's own end in the place of its name."""
    return {
        name: peer.eos
        if value == "eos"
        else dict.fromkeys(value, peer.eos)
        if isinstance(value, dict)
        else value
        for name, value in options.items()
    }


@pytest.mark.parametrize("rule", RULES)
def test_greedy_search_is_that_of_hugging_face(rule: str) -> None:
    ours, theirs = RULES[rule]
    plain_differs = 0
    for name, seed, count in itertools.product(MODELS, range(3), ENDS):
        peer = peer_for(name, rule, seed)
        options = {**hf.reading(peer), "eos_id": ends(peer, count), "max_new_tokens": NEW}
        want = hf.theirs_generate(
            peer, max_new_tokens=NEW, **{**filled(theirs, peer), "eos_token_id": ends(peer, count)}
        ).sequences
        got = generate(peer.ours, peer.prompt, **options, **filled(ours, peer))
        assert torch.equal(got, want), (name, seed, count)
        plain = generate(peer.ours, peer.prompt, **options)
        plain_differs += plain.shape != got.shape or not torch.equal(plain, got)
    assert plain_differs > 3 or rule == "none"  # of 36: and the rule does something


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", MODELS)
def test_beams_are_those_of_hugging_face(name: str, rule: str) -> None:
    ours, theirs = RULES[rule]
    grid = [(0, 2, 1, False, 1.0), (1, 3, 2, True, 0.0), (2, 4, 3, "never", -0.5)]
    for seed, beams, count, stopping, penalty in grid:
        peer = peer_for(name, rule, seed)
        settings: dict[str, Any] = {
            "num_beams": beams,
            "max_new_tokens": NEW,
            "early_stopping": stopping,
            "length_penalty": penalty,
            "num_return_sequences": beams - 1,
        }
        want = hf.theirs_generate(
            peer, **settings, **{**filled(theirs, peer), "eos_token_id": ends(peer, count)}
        )
        reading = {**hf.reading(peer), "eos_id": ends(peer, count)}
        got = beam_search(peer.ours, peer.prompt, **settings, **reading, **filled(ours, peer))
        real = want.sequences_scores > -1e8  # theirs are minus a thousand million, ours infinite
        assert torch.equal(real, got.scores.isfinite())
        assert torch.equal(got.tokens[real], want.sequences[real]), (seed, beams)
        assert_close(got.scores.float()[real], want.sequences_scores[real], atol=1e-5, rtol=1e-6)
