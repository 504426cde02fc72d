"""Writing token by token: endings, padding, the cache, chance, and Hugging Face's greedy search."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.testing import assert_close

from tests.generation import hugging_face as hf
from tests.generation.tiny import left_padded, tiny
from txlite.generation import generate, repetition_penalty, sampling, temperature, top_k, top_p

SAMPLING: list[dict[str, Any]] = [
    {"temperature": 0.8},
    {"temperature": 1.3, "top_k": 4, "top_p": 0.9},
    {"temperature": 1.0, "min_p": 0.2, "repetition_penalty": 1.5},
]


def count(tokens: Tensor) -> Tensor:
    """After every number comes the next one."""
    return one_hot((tokens.long() + 1) % 10, 10).double() * 50


# ----------------------------------------------------------------------------- endings


def test_a_row_ends_with_its_end_token_and_is_padded() -> None:
    out = generate(
        count, torch.tensor([[3], [7], [8]]), max_new_tokens=9, eos_id=9, pad_id=1, use_cache=False
    )
    assert out.tolist() == [[3, 4, 5, 6, 7, 8, 9], [7, 8, 9, 1, 1, 1, 1], [8, 9, 1, 1, 1, 1, 1]]


def test_without_an_end_token_every_row_is_full() -> None:
    out = generate(count, torch.tensor([[3], [7]]), max_new_tokens=4, use_cache=False)
    assert out.tolist() == [[3, 4, 5, 6, 7], [7, 8, 9, 0, 1]]


def test_an_end_token_in_the_prompt_ends_nothing() -> None:
    out = generate(count, torch.tensor([[9, 9]]), max_new_tokens=3, eos_id=2, use_cache=False)
    assert out.tolist() == [[9, 9, 0, 1, 2]]


def test_the_prompt_keeps_its_dtype() -> None:
    prompt = torch.tensor([[3]], dtype=torch.int32)
    assert generate(count, prompt, max_new_tokens=2, use_cache=False).dtype == torch.int32


def test_it_stops_when_all_have_ended() -> None:
    model = tiny()
    prompt, _ = left_padded([3, 3])
    full = generate(model, prompt, max_new_tokens=8)
    end = int(full[0, 4])
    model.read.clear()
    out = generate(model, prompt[:1], max_new_tokens=8, eos_id=end)
    assert out.tolist()[0] == full[0, : out.shape[1]].tolist()
    assert len(model.read) == out.shape[1] - 3 <= 2


# ----------------------------------------------------------------------------- cache and padding


@pytest.mark.parametrize("settings", [{}, *SAMPLING], ids=str)
@pytest.mark.parametrize("lengths", [[4, 4], [5, 1, 3]], ids=str)
def test_the_cache_changes_nothing_but_what_is_read(
    settings: dict[str, Any], lengths: list[int]
) -> None:
    model, (prompt, keep) = tiny(), left_padded(lengths)
    outs, reads = [], []
    for use_cache in (True, False):
        model.read.clear()
        outs.append(
            generate(
                model,
                prompt,
                prompt_keep=keep,
                max_new_tokens=7,
                generator=torch.Generator().manual_seed(6),
                use_cache=use_cache,
                **settings,
            )
        )
        reads.append([length for _, length in model.read])
    assert torch.equal(outs[0], outs[1])
    width = max(lengths)
    assert reads == [[width] + [1] * 6, list(range(width, width + 7))]


@pytest.mark.parametrize("settings", [{}, {"repetition_penalty": 1.8}], ids=str)
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_padded_row_is_written_as_if_alone(settings: dict[str, Any], use_cache: bool) -> None:
    model, (prompt, keep) = tiny(), left_padded([5, 1, 3])
    options = {"max_new_tokens": 9, "eos_id": 3, "pad_id": 0, "use_cache": use_cache, **settings}
    together = generate(model, prompt, prompt_keep=keep, **options)
    for row in range(3):
        alone = generate(model, prompt[row : row + 1, keep[row]], **options)[0]
        new = alone[int(keep[row].sum()) :]
        assert torch.equal(together[row, 5 : 5 + len(new)], new)
        assert (together[row, 5 + len(new) :] == 0).all()
    blind = generate(model, prompt, **options)
    assert blind.shape != together.shape or not torch.equal(blind, together)  # padding matters


def test_what_is_written_does_not_depend_on_the_padding_token() -> None:
    model, (prompt, keep) = tiny(), left_padded([5, 1, 3])
    options: dict[str, Any] = {"max_new_tokens": 6, "repetition_penalty": 1.8, "prompt_keep": keep}
    other = prompt.masked_fill(~keep, 4)
    assert torch.equal(
        generate(model, prompt, **options)[:, 5:], generate(model, other, **options)[:, 5:]
    )


# ----------------------------------------------------------------------------- chance


def test_a_generator_repeats_a_run() -> None:
    model, (prompt, keep) = tiny(), left_padded([4, 2])

    def run(seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return generate(
            model, prompt, prompt_keep=keep, max_new_tokens=12, temperature=1.0, generator=generator
        )

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_tokens_are_drawn_from_the_filtered_distribution() -> None:
    n, logits = 4_000, torch.tensor([0.2, 1.0, -0.5, 0.6, 0.1], dtype=torch.float64)
    out = generate(
        lambda tokens: logits.expand(*tokens.shape, 5),
        torch.zeros(n, 1, dtype=torch.long),
        max_new_tokens=1,
        temperature=0.7,
        top_k=4,
        top_p=0.8,
        repetition_penalty=1.5,
        generator=torch.Generator().manual_seed(3),
        use_cache=False,
    )
    seen = repetition_penalty(logits, torch.zeros(1, dtype=torch.long), 1.5)
    want = top_p(top_k(temperature(seen, 0.7), 4), 0.8).softmax(-1)
    shares = torch.bincount(out[:, 1], minlength=5).double() / n
    assert (want == 0).any()
    assert_close(shares, want, atol=4 * math.sqrt(0.25 / n), rtol=0)


def test_filters_change_nothing_at_temperature_zero() -> None:
    model, (prompt, _) = tiny(), left_padded([4, 4])
    plain = generate(model, prompt, max_new_tokens=5)
    assert torch.equal(
        plain, generate(model, prompt, max_new_tokens=5, top_k=1, top_p=0.1, min_p=0.9)
    )
    one = generate(model, prompt, max_new_tokens=5, temperature=2.0, top_k=1)
    assert torch.equal(plain, one)  # nor does chance, where one token is left


# ----------------------------------------------------------------------------- the model


def test_dropout_is_off_and_the_mode_is_restored() -> None:
    model, (prompt, _) = tiny(dropout=0.5), left_padded([4, 4])
    quiet = generate(model, prompt, max_new_tokens=6)
    model.train()
    model.attention[1].eval()  # a part that its owner has frozen stays frozen
    out = generate(model, prompt, max_new_tokens=6)
    assert torch.equal(out, quiet)
    assert [model.training, model.attention[0].training, model.attention[1].training] == [
        True,
        True,
        False,
    ]
    assert torch.is_grad_enabled()


def test_the_mode_is_restored_after_an_error() -> None:
    model = tiny(dropout=0.5).train()
    prompt, _ = left_padded([4])
    with pytest.raises(IndexError):
        generate(model, prompt, max_new_tokens=60)  # the positions end at 40
    assert model.training


# ----------------------------------------------------------------------------- Hugging Face

MAKERS: dict[str, Callable[..., hf.Peer]] = {"marian": hf.marian, "t5": hf.t5, "gpt2": hf.gpt2}


@pytest.mark.parametrize("penalty", [None, 1.4])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", MAKERS)
def test_greedy_search_is_that_of_hugging_face(name: str, seed: int, penalty: float | None) -> None:
    peer = MAKERS[name](seed, batch=1 if penalty and name == "gpt2" else 4)
    for new in (1, 5, 12):
        options = {} if penalty is None else {"repetition_penalty": penalty}
        want = hf.theirs_generate(peer, max_new_tokens=new, **options).sequences
        got = generate(
            peer.ours,
            peer.prompt,
            max_new_tokens=new,
            repetition_penalty=penalty,
            **hf.reading(peer),
        )
        assert torch.equal(got, want)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.6},
        {"temperature": 1.7, "top_k": 5},
        {"temperature": 0.9, "top_p": 0.7},
        {"temperature": 1.2, "min_p": 0.15},
        {"temperature": 1.4, "top_k": 9, "top_p": 0.8, "min_p": 0.1, "repetition_penalty": 1.3},
    ],
    ids=str,
)
def test_sampling_draws_from_the_scores_of_hugging_face(
    name: str, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = MAKERS[name](1, batch=1 if name == "gpt2" else 3)  # their penalty also counts padding
    everything = {"top_k": 0, "top_p": 1.0, **settings}
    want = hf.theirs_generate(peer, do_sample=True, max_new_tokens=8, **everything)
    drawn = iter(want.sequences[:, peer.prompt.shape[1] :].unbind(1))
    scores: list[Tensor] = []
    monkeypatch.setattr(sampling, "sample", lambda z, generator: (scores.append(z), next(drawn))[1])
    got = generate(peer.ours, peer.prompt, max_new_tokens=8, **settings, **hf.reading(peer))
    assert torch.equal(got, want.sequences)
    running = torch.ones(len(got), dtype=torch.bool)
    for ours, theirs, token in zip(
        scores, want.scores, got[:, peer.prompt.shape[1] :].T, strict=True
    ):
        assert_close(ours.float()[running], theirs[running], atol=1e-5, rtol=1e-5)
        running = running & (token != peer.eos)
