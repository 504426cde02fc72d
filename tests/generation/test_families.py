"""Published models, read from Hugging Face's files into txlite, write what theirs write.

Without a cache, with growing and static ones, prompts whole and in pieces: token for token.
"""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from tests.generation import hugging_face as hf
from txlite.generation import beam_search, generate
from txlite.interop import load

pytestmark = pytest.mark.plain  # as a user runs it
MODELS: dict[str, Callable[..., hf.Peer]] = {
    "marian": hf.marian,
    "t5": hf.t5,
    "gpt2": hf.gpt2,
    "llama": hf.llama,
    "mistral": hf.mistral,
}
WAYS: dict[str, dict[str, Any]] = {
    "no cache": {"use_cache": False},
    "growing": {},
    "static": {"cache": "static"},
    "static, in pieces": {"cache": "static", "prefill_chunk": 2},
    "growing, in pieces": {"prefill_chunk": 5},  # longer than Mistral's window here
}
NEW = 10


def loaded(name: str, seed: int, folder: Path) -> tuple[hf.Peer, Any]:
    """A model of Hugging Face with redrawn weights, and ours of the same files."""
    peer = MODELS[name](seed)
    peer.theirs.save_pretrained(folder)
    return peer, load(folder).double().eval()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MODELS)
def test_it_writes_what_hugging_face_writes(name: str, seed: int, tmp_path: Path) -> None:
    peer, ours = loaded(name, seed, tmp_path)
    reading = {k: v for k, v in hf.reading(peer).items() if k != "use_cache"}
    want = hf.theirs_generate(peer, max_new_tokens=NEW).sequences
    beams: dict[str, Any] = {"num_beams": 3, "max_new_tokens": NEW, "num_return_sequences": 2}
    several = hf.theirs_generate(peer, **beams)
    for way in WAYS.values():
        got = generate(ours, peer.prompt, max_new_tokens=NEW, **reading, **way)
        assert torch.equal(got, want), way
        found = beam_search(ours, peer.prompt, **beams, **reading, **way)
        assert torch.equal(found.tokens, several.sequences), way
        assert_close(found.scores.float(), several.sequences_scores, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_draft_changes_no_token(name: str, tmp_path: Path) -> None:
    peer, ours = loaded(name, 0, tmp_path / "model")
    _, draft = loaded(name, 1, tmp_path / "draft")
    reading = {k: v for k, v in hf.reading(peer).items() if k != "use_cache"}
    want = generate(ours, peer.prompt, max_new_tokens=NEW, **reading)
    for way, drafted in itertools.product(WAYS.values(), (1, 3, 20)):
        for small in (draft, ours):
            got = generate(
                ours,
                peer.prompt,
                max_new_tokens=NEW,
                draft=small,
                num_drafted=drafted,
                **reading,
                **way,
            )
            assert torch.equal(got, want)
