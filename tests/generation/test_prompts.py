"""Prompts of unequal length side by side: as if each were alone, whole or in pieces."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from tests.generation.tiny import left_padded, tiny
from txlite.generation import Prompts, beam_search, generate, pad_left

PROMPTS = [[5, 1, 3, 4], [6], [4, 4, 1]]


def test_shorter_prompts_are_filled_up_on_the_left() -> None:
    tokens, keep = pad_left(PROMPTS, 2)
    assert tokens.tolist() == [[5, 1, 3, 4], [2, 2, 2, 6], [2, 4, 4, 1]]
    assert keep.tolist() == [[True] * 4, [False] * 3 + [True], [False] + [True] * 3]
    assert (tokens.dtype, keep.dtype) == (torch.int64, torch.bool)
    same = pad_left([torch.tensor(p) for p in PROMPTS], 2)
    assert isinstance(same, Prompts)
    assert torch.equal(same.tokens, tokens)
    assert torch.equal(same.keep, keep)


@pytest.mark.parametrize("pad_id", [0, 5])
def test_each_prompt_goes_on_as_if_alone(pad_id: int) -> None:
    model, (tokens, keep) = tiny(), pad_left(PROMPTS, pad_id)
    options: dict[str, Any] = {"max_new_tokens": 8, "eos_id": 2}
    together = generate(model, tokens, prompt_keep=keep, **options)[:, 4:]
    beams = beam_search(model, tokens, prompt_keep=keep, num_beams=3, **options).tokens[:, 4:]
    for row, prompt in enumerate(PROMPTS):
        alone, _ = pad_left([prompt])
        new = generate(model, alone, **options)[0, len(prompt) :]
        assert torch.equal(together[row, : len(new)], new)
        best = beam_search(model, alone, num_beams=3, **options).tokens[0, len(prompt) :]
        assert torch.equal(beams[row, : len(best)], best)


@pytest.mark.parametrize("cache", ["growing", "static"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 6, 7, 50])
def test_a_prompt_in_pieces_is_the_whole_prompt(chunk: int, cache: Any) -> None:
    model, (prompt, keep) = tiny(), left_padded([6, 2, 5])
    ways: list[Any] = [
        lambda **o: generate(model, prompt, **o),
        lambda **o: generate(
            model, prompt, temperature=1.0, generator=torch.Generator().manual_seed(1), **o
        ),
        lambda **o: generate(model, prompt, draft=tiny(4), num_drafted=3, **o),
        lambda **o: beam_search(model, prompt, num_beams=4, **o).tokens,
    ]
    for way in ways:
        options: dict[str, Any] = {"max_new_tokens": 7, "eos_id": 2, "prompt_keep": keep}
        want = way(**options)
        model.read.clear()
        got = way(cache=cache, prefill_chunk=chunk, **options)
        assert torch.equal(got, want)
        read, widest = 0, 0
        for _, width in model.read:
            read, widest = read + width, max(widest, width)
            if read >= 6:
                break
        assert widest <= chunk + 3  # beside what a draft has written
        assert way is not ways[0] or [w for _, w in model.read[: -(-6 // chunk)]] == (
            [chunk] * (6 // chunk) + [6 % chunk] * (6 % chunk > 0)
        )


MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "no prompt": (lambda: pad_left([]), "prompts should hold at least one prompt, got none"),
    "an empty prompt": (
        lambda: pad_left([[1], []]),
        "prompts should hold rows of at least one whole number, got [] as row 1",
    ),
    "a text": (
        lambda: pad_left(["ab"]),  # type: ignore[list-item]
        "prompts should hold rows of at least one whole number, got 'ab' as row 0",
    ),
    "halves": (
        lambda: pad_left([[1, 2], [0.5]]),  # type: ignore[list-item]
        "prompts should hold rows of at least one whole number, got [0.5] as row 1",
    ),
    "padding by a flag": (
        lambda: pad_left([[1]], True),
        "pad_id should be a whole number, got True",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()
