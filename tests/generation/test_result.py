"""What a run says beside its tokens: why rows end, how probable they were, and as it goes."""

import inspect
import math
import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

import pytest
import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.testing import assert_close

from tests.generation.tiny import left_padded, tiny
from txlite.generation import GenerateResult, beam_search, generate, stream
from txlite.generation._plan import Plan, Settings
from txlite.nn import StaticKVCache


def count(tokens: Tensor) -> Tensor:
    """After every number comes the next one."""
    return one_hot((tokens.long() + 1) % 10, 10).double() * 50


def fixed(*shares: float) -> Callable[[Tensor], Tensor]:
    """A model that always says the same."""
    logits = torch.tensor(shares).double().log()
    return lambda tokens: logits.expand(*tokens.shape, len(shares))


def write(prompt: list[list[int]], **options: Any) -> Any:
    return generate(count, torch.tensor(prompt), use_cache=False, **options)


# ----------------------------------------------------------------------------- ends


@pytest.mark.plain  # the types say int
@pytest.mark.parametrize("ends", [[9, 5], (5, 9), {5, 9}, torch.tensor([9, 5, 9])], ids=str)
def test_any_of_several_tokens_ends_a_row(ends: Any) -> None:
    out = write([[3], [7], [9]], max_new_tokens=6, eos_id=ends, pad_id=1)
    assert out.tolist() == [[3, 4, 5, 1, 1, 1, 1], [7, 8, 9, 1, 1, 1, 1], [9, 0, 1, 2, 3, 4, 5]]


def test_padding_that_is_an_end_ends_once() -> None:
    told = write([[3], [7]], max_new_tokens=4, eos_id=9, pad_id=9, details=True)
    assert told.tokens.tolist() == [[3, 4, 5, 6, 7], [7, 8, 9, 9, 9]]
    assert told.reasons == ["length", "eos"]
    assert told.lengths.tolist() == [4, 2]


def test_a_row_says_why_it_ended() -> None:
    told = write([[3], [7], [4]], max_new_tokens=5, eos_id=8, details=True)
    assert told.reasons == ["eos", "eos", "eos"]
    told = write([[3], [7], [4]], max_new_tokens=4, eos_id=8, details=True)
    assert isinstance(told, GenerateResult)
    assert told.tokens.tolist() == [[3, 4, 5, 6, 7], [7, 8, 0, 0, 0], [4, 5, 6, 7, 8]]
    assert told.reasons == ["length", "eos", "eos"]
    assert told.lengths.tolist() == [4, 1, 4]
    assert [told.texts, told.drafted, told.accepted] == [None] * 3


def test_before_the_least_number_of_tokens_nothing_ends() -> None:
    kind = fixed(0.1, 0.2, 0.7)
    out = generate(
        kind,
        torch.tensor([[0]]),
        max_new_tokens=5,
        min_new_tokens=3,
        eos_id=2,
        use_cache=False,
    )
    assert out.tolist() == [[0, 1, 1, 1, 2]]


def test_rules_reach_the_tokens() -> None:
    def run(**rules: Any) -> list[int]:
        row: list[int] = write([[3]], max_new_tokens=4, **rules)[0, 1:].tolist()
        return row

    assert run() == [4, 5, 6, 7]
    assert run(forced={1: 0, 3: 8}) == [4, 0, 1, 8]
    assert run(suppress=[5]) == [4, 0, 1, 2]
    assert run(suppress_first=[4, 0]) == [1, 2, 3, 4]
    assert run(no_repeat_ngram=1, suppress=[7, 8, 9]) == [4, 5, 6, 0]
    assert run(processors=[lambda logits, tokens: logits.roll(int(tokens[0, -1]), -1)]) == [
        7, 5, 1, 3,
    ]  # fmt: skip
    own: list[list[list[int]]] = []

    def note(logits: Tensor, tokens: Tensor) -> Tensor:
        own.append(tokens.tolist())
        return logits

    run(processors=[note])
    assert own == [[[3]], [[3, 4]], [[3, 4, 5]], [[3, 4, 5, 6]]]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("draft", [None, fixed(0.2, 0.2, 0.6)])
def test_a_row_that_has_ended_may_use_up_what_is_allowed(draft: Any, temperature: float) -> None:
    told = generate(
        fixed(0.3, 0.3, 0.4),
        torch.tensor([[0], [1]]),
        max_new_tokens=2,
        eos_id=2,
        forced={0: 2},
        no_repeat_ngram=1,
        pad_id=1,
        temperature=temperature,
        use_cache=False,
        draft=draft,
        details=True,
        processors=[lambda z, t: z],
    )
    assert told.tokens.tolist() == [[0, 2], [1, 2]]
    with pytest.raises(ValueError, match=r"^logits should leave at least one token"):
        generate(
            fixed(0.3, 0.3, 0.4),
            torch.tensor([[0]]),
            max_new_tokens=3,
            no_repeat_ngram=1,
            temperature=temperature,
            use_cache=False,
            draft=draft,
        )
    for seed in range(8):  # a draft goes on behind the end, where nothing is left
        out = generate(
            fixed(0.3, 0.3, 0.4),
            torch.tensor([[0]]),
            max_new_tokens=6,
            eos_id=2,
            no_repeat_ngram=1,
            temperature=temperature,
            generator=torch.Generator().manual_seed(seed),
            use_cache=False,
            draft=draft,
        )
        assert out.tolist() in ([[0, 2]], [[0, 1, 2]])
    long = fixed(0.1, 0.2, 0.3, 0.4)  # one row ends at once, and then has nothing left
    rows = generate(
        lambda tokens: long(tokens),
        torch.tensor([[0, 1], [2, 2]]),
        max_new_tokens=3,
        eos_id=3,
        no_repeat_ngram=1,
        pad_id=2,
        temperature=temperature,
        generator=torch.Generator().manual_seed(0),
        use_cache=False,
        draft=draft and long,
        processors=[lambda z, t: z.index_fill(-1, torch.tensor([3]), -math.inf).where(
            (t[:, :1] == 2) & (torch.tensor(t.shape[1]) < 4), z
        )],
    )  # fmt: skip
    assert rows[0, :3].tolist() == [0, 1, 3]
    assert rows[1].tolist()[-1] == 3


# ----------------------------------------------------------------------------- probabilities


def test_both_distributions_are_told_and_each_sums_to_one() -> None:
    """Shares .6, .3, .1 at temperature .5, two left: .36 and .09, of which .8 and .2."""
    told = generate(
        fixed(0.6, 0.3, 0.1),
        torch.zeros(3_000, 1, dtype=torch.long),
        max_new_tokens=1,
        temperature=0.5,
        top_k=2,
        generator=torch.Generator().manual_seed(0),
        use_cache=False,
        details=True,
    )
    model, sampler = torch.tensor([0.6, 0.3, 0.1]).double(), torch.tensor([0.8, 0.2, 0.0]).double()
    new = told.tokens[:, 1:]
    assert set(new.flatten().tolist()) == {0, 1}
    assert_close(told.model_log_probs.exp(), model[new])
    assert_close(told.sampler_log_probs.exp(), sampler[new])
    each = set(told.sampler_log_probs.flatten().tolist())
    assert abs(sum(map(math.exp, each)) - 1) < 1e-12
    shares = torch.bincount(new.flatten(), minlength=3).double() / len(new)
    assert_close(shares, sampler, atol=4 * math.sqrt(0.16 / 3_000), rtol=0)


def test_log_probabilities_are_those_of_the_whole_sequence() -> None:
    model, (prompt, keep) = tiny(), left_padded([5, 1, 3])
    for temperature in (0.0, 1.2):
        told = generate(
            model,
            prompt,
            prompt_keep=keep,
            max_new_tokens=9,
            eos_id=2,
            temperature=temperature,
            top_k=4,
            repetition_penalty=1.4,
            generator=torch.Generator().manual_seed(5),
            details=True,
        )
        whole = torch.cat([keep, torch.ones_like(told.tokens[:, 5:], dtype=torch.bool)], dim=1)
        with torch.no_grad():
            logits = model(told.tokens, keep=whole)[:, 4:-1]
        each = logits.log_softmax(-1).gather(-1, told.tokens[:, 5:, None])[..., 0]
        real = torch.arange(each.shape[1]) < told.lengths[:, None]
        assert not real.all()
        assert_close(told.model_log_probs, each.where(real, 0.0))
        assert (told.sampler_log_probs[~real] == 0).all()
        if temperature == 0:
            assert (told.sampler_log_probs == 0).all()
        else:
            assert (told.sampler_log_probs[real] < 0).any()


# ----------------------------------------------------------------------------- copies


def test_several_sequences_of_a_prompt_lie_beside_each_other() -> None:
    model, (prompt, keep) = tiny(), left_padded([5, 1, 3])
    options: dict[str, Any] = {"max_new_tokens": 6, "temperature": 1.1, "eos_id": 2, "top_k": 5}

    def run(prompt: Tensor, keep: Tensor, **more: Any) -> Any:
        generator = torch.Generator().manual_seed(4)
        return generate(model, prompt, prompt_keep=keep, generator=generator, **options, **more)

    model.read.clear()
    several = run(prompt, keep, num_return_sequences=4, details=True)
    assert model.read[:2] == [(3, 5), (12, 1)]  # the prompts are read once
    repeated = run(prompt.repeat_interleave(4, 0), keep.repeat_interleave(4, 0), details=True)
    assert torch.equal(several.tokens, repeated.tokens)
    assert torch.equal(several.lengths, repeated.lengths)
    assert several.reasons == repeated.reasons
    assert_close(several.model_log_probs, repeated.model_log_probs)
    for more in ({"use_cache": False}, {"cache": "static"}):
        assert torch.equal(run(prompt, keep, num_return_sequences=4, **more), several.tokens)
    assert len(set(map(tuple, several.tokens.tolist()))) > 8


# ----------------------------------------------------------------------------- as it goes


def test_a_stream_is_what_generate_writes() -> None:
    model, (prompt, keep) = tiny(dropout=0.5).train(), left_padded([5, 1, 3])
    options: dict[str, Any] = {"prompt_keep": keep, "max_new_tokens": 9, "eos_id": 2, "pad_id": 1}
    for draft in (None, tiny(4)):
        heard: list[Tensor] = []
        whole = generate(model, prompt, draft=draft, on_token=heard.append, **options)
        assert torch.equal(torch.stack(heard, dim=1), whole[:, 5:])
        told = []
        for token in stream(model, prompt, draft=draft, **options):
            assert model.training  # between two tokens everything is as it was
            assert torch.is_grad_enabled()
            told.append(token)
        assert torch.equal(torch.stack(told, dim=1), whole[:, 5:])


def test_a_stream_may_be_left() -> None:
    model, (prompt, _) = tiny(dropout=0.5).train(), left_padded([4])
    for _ in stream(model, prompt, max_new_tokens=30):
        break
    assert len(model.read) == 1
    assert model.training


def test_a_stream_refuses_before_it_is_read() -> None:
    with pytest.raises(ValueError, match=r"^max_new_tokens should be a positive whole number"):
        stream(count, torch.tensor([[3]]), max_new_tokens=0)


# ----------------------------------------------------------------------------- caches


@pytest.mark.parametrize("lengths", [[4], [5, 1, 3]], ids=str)
def test_a_static_cache_changes_nothing(
    lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    start = StaticKVCache.__init__

    def noted(cache: StaticKVCache, max_len: int) -> None:
        made.append(max_len)
        start(cache, max_len)

    monkeypatch.setattr(StaticKVCache, "__init__", noted)
    model, (prompt, keep) = tiny(), left_padded(lengths)
    options: dict[str, Any] = {"prompt_keep": keep, "max_new_tokens": 8, "eos_id": 2}
    for way in (
        lambda **o: generate(model, prompt, **options, **o),
        lambda **o: beam_search(model, prompt, num_beams=4, **options, **o).tokens,
    ):
        want = way()
        assert not made
        assert torch.equal(way(cache="static"), want)
        assert set(made) == {max(lengths) + 8}
        made.clear()


# ----------------------------------------------------------------------------- one set of words


def test_the_keywords_are_said_once_and_the_same() -> None:
    """The signature of generate, the fields of the plan, and what stream may be given."""
    signature = {
        name: p.default
        for name, p in inspect.signature(generate).parameters.items()
        if p.default is not inspect.Parameter.empty
    }
    own = {"on_token", "details"}
    plan = {f.name: f.default for f in fields(Plan) if f.init and f.default is not MISSING}
    assert {k: v for k, v in signature.items() if k not in own} == {
        k: v for k, v in plan.items() if k != "with_log_probs"
    }
    assert set(get_type_hints(Settings)) == set(signature) - own
    documented = re.findall(r"^    ((?:\w+, )*\w+) : ", generate.__doc__ or "", re.MULTILINE)
    names = {name for line in documented for name in line.split(", ")}
    assert names == set(inspect.signature(generate).parameters)


# ----------------------------------------------------------------------------- what is refused

ROW = [[3]]
MESSAGES: dict[str, tuple[Callable[[], object], str]] = {
    "copies of the same": (
        lambda: write(ROW, max_new_tokens=1, num_return_sequences=2),
        "num_return_sequences should be 1 at temperature 0, where all are the same, got 2",
    ),
    "no copy": (
        lambda: write(ROW, max_new_tokens=1, num_return_sequences=0),
        "num_return_sequences should be a positive whole number, got 0",
    ),
    "one end of several": (
        lambda: write(ROW, max_new_tokens=1, eos_id=[3, 12]),
        "eos_id should be a token of the vocabulary, in [0, V=10), got 12",
    ),
    "ends in words": (
        lambda: write(ROW, max_new_tokens=1, eos_id="9"),
        "eos_id should be a token of the vocabulary, in [0, V=10), got '9'",
    ),
    "a stranger suppressed": (
        lambda: write(ROW, max_new_tokens=1, suppress=[10]),
        "suppress should be a token of the vocabulary, in [0, V=10), got 10",
    ),
    "a stranger suppressed first": (
        lambda: write(ROW, max_new_tokens=1, suppress_first=-1),
        "suppress_first should be a token of the vocabulary, in [0, V=10), got -1",
    ),
    "a stranger forced": (
        lambda: write(ROW, max_new_tokens=1, forced={0: 10}),
        "forced should be a token of the vocabulary, in [0, V=10), got 10",
    ),
    "forced before the start": (
        lambda: write(ROW, max_new_tokens=1, forced={-1: 3}),
        "forced should count new tokens by whole numbers from 0, got -1",
    ),
    "forced in a row": (
        lambda: write(ROW, max_new_tokens=1, forced=[3]),
        "forced should map numbers of new tokens to tokens, got [3]",
    ),
    "runs of nothing": (
        lambda: write(ROW, max_new_tokens=1, no_repeat_ngram=0),
        "no_repeat_ngram should be a positive whole number, got 0",
    ),
    "fewer than nothing": (
        lambda: write(ROW, max_new_tokens=1, min_new_tokens=-1),
        "min_new_tokens should be a whole number of at least zero, got -1",
    ),
    "a rule that is a number": (
        lambda: write(ROW, max_new_tokens=1, processors=[3]),
        "processors should be a function, from logits (B, V) and tokens (B, T) to logits, got 3",
    ),
    "a rule that loses a token": (
        lambda: write(ROW, max_new_tokens=1, processors=[lambda z, t: z[:, 1:]]),
        "the logits of processors should have shape (N=1, V=10), got (1, 9); axis V disagrees",
    ),
    "nothing left": (
        lambda: write(ROW, max_new_tokens=1, suppress=range(10)),
        "logits should leave at least one token, got all ruled out in a row",
    ),
    "another kind of cache": (
        lambda: generate(tiny(), torch.tensor(ROW), max_new_tokens=1, cache="paged"),  # type: ignore[call-overload]
        "cache should be one of growing, static, got 'paged'",
    ),
    "a static cache without a cache": (
        lambda: write(ROW, max_new_tokens=1, cache="static"),
        "cache='static' should come with a cache, got use_cache=False",
    ),
    "pieces without a cache": (
        lambda: write(ROW, max_new_tokens=1, prefill_chunk=2),
        "prefill_chunk should come with a cache, got use_cache=False",
    ),
    "pieces of nothing": (
        lambda: generate(tiny(), torch.tensor(ROW), max_new_tokens=1, prefill_chunk=0),
        "prefill_chunk should be a positive whole number, got 0",
    ),
    "nobody to call": (
        lambda: write(ROW, max_new_tokens=1, on_token=[]),
        "on_token should be a function, of the new tokens (N,), got []",
    ),
}


@pytest.mark.plain
@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_names_what_is_wrong(name: str) -> None:
    ask, message = MESSAGES[name]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        ask()
