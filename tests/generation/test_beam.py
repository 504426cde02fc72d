"""Beam search: exhaustive search as the oracle, and what must not change the result."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.generation.tiny import every_sequence, left_padded, log_prob, tiny
from txlite.generation import BeamResult, BeamStep, beam_search, generate

EOS, PENALTIES = 2, [0.0, 0.7, 1.0, 2.0, -0.5]


def search(model: Any, prompt: Tensor, num_beams: int, **kwargs: Any) -> BeamResult:
    settings: dict[str, Any] = {"max_new_tokens": 6, "eos_id": EOS, **kwargs}
    return beam_search(model, prompt, num_beams=num_beams, **settings)


def best_of_all(model: Any, prompt: Tensor, vocabulary: int, length: int, penalty: float) -> Any:
    """Every sequence there is with its score, best first."""
    found = [
        (log_prob(model, prompt, new) / len(new) ** penalty, new)
        for new in every_sequence(vocabulary, length, EOS)
    ]
    return sorted(found, key=lambda pair: -pair[0])


# ----------------------------------------------------------------------------- the oracle


@pytest.mark.kills(
    "what has ended comes back",
    "generation/beam.py",
    "beams = going.choose(survivors)",
    "beams = candidates.choose(survivors)",
)
@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("seed", range(3))
def test_with_enough_beams_it_finds_what_exhaustive_search_finds(seed: int, penalty: float) -> None:
    model, (prompt, _) = tiny(seed, vocabulary=3), left_padded([2])
    prompt = prompt.clamp(max=1)
    everything = best_of_all(model, prompt[0], 3, 5, penalty)
    assert len(everything) == 63  # 1 + 2 + 4 + 8 + 16 that ended, 32 that did not
    result = search(
        model,
        prompt,
        64,
        max_new_tokens=5,
        length_penalty=penalty,
        early_stopping="never",
        num_return_sequences=64,
    )
    assert_close(result.scores[:63], torch.tensor([s for s, _ in everything]).double())
    for row, (_, new) in zip(result.tokens[:63].tolist(), everything, strict=True):
        assert row[2:] == new + [0] * (5 - len(new))
    assert result.scores[63] == -torch.inf  # there is no sixty-fourth
    assert result.tokens[63].tolist() == prompt[0].tolist() + [0] * 5


# From each token, how probable each token is next: the likelier beginning, 3, leads nowhere sure.
TRAP = torch.tensor([
    [0.0, 0.0, 0.0, 0.6, 0.4],  # 0 begins
    [1.0, 0.0, 0.0, 0.0, 0.0],  # 1 is not used
    [1.0, 0.0, 0.0, 0.0, 0.0],  # 2 ends
    [0.2, 0.2, 0.3, 0.1, 0.2],
    [0.0, 0.0, 0.9, 0.1, 0.0],
]).double().log()  # fmt: skip


def test_greedy_search_falls_into_a_trap_that_two_beams_see() -> None:
    prompt = torch.zeros(1, 1, dtype=torch.long)
    options: dict[str, Any] = {"length_penalty": 0.0, "use_cache": False, "max_new_tokens": 4}
    one = search(lambda tokens: TRAP[tokens], prompt, 1, **options)
    two = search(lambda tokens: TRAP[tokens], prompt, 2, **options)
    assert one.tokens.tolist() == [[0, 3, 2]]
    assert one.scores.exp().item() == pytest.approx(0.6 * 0.3)
    assert two.tokens.tolist() == [[0, 4, 2]]
    assert two.scores.exp().item() == pytest.approx(0.4 * 0.9)


# ----------------------------------------------------------------------------- what it returns


@pytest.mark.parametrize("seed", range(6))
def test_one_beam_is_greedy_search(seed: int) -> None:
    model, (prompt, keep) = tiny(seed), left_padded([4, 2, 3])
    greedy = generate(model, prompt, prompt_keep=keep, max_new_tokens=6, eos_id=EOS)
    assert torch.equal(search(model, prompt, 1, prompt_keep=keep).tokens, greedy)


@pytest.mark.kills(
    "every candidate extends the first beam",
    "generation/_beams.py",
    "shorter = beams.choose(parents)",
    "shorter = beams.choose(0 * parents)",
)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_scores_are_those_of_the_tokens(penalty: float) -> None:
    model, (prompt, _) = tiny(1), left_padded([3, 3])
    result = search(model, prompt, 4, length_penalty=penalty, num_return_sequences=4)
    ended = 0
    for i, (row, score) in enumerate(zip(result.tokens.tolist(), result.scores, strict=True)):
        new = row[3:]
        if EOS in new:
            ended, new = ended + 1, new[: new.index(EOS) + 1]
        assert score == pytest.approx(log_prob(model, prompt[i // 4], new) / len(new) ** penalty)
    assert 0 < ended < 8 or penalty != 1.0
    assert (result.scores.view(2, 4).diff(dim=1) <= 0).all()  # best first
    assert len({tuple(row) for row in result.tokens[:4].tolist()}) == 4


def test_asking_for_fewer_sequences_returns_the_first_ones() -> None:
    model, (prompt, _) = tiny(4), left_padded([3, 3])
    many = search(model, prompt, 5, num_return_sequences=5)
    for n in (1, 2, 4):
        few = search(model, prompt, 5, num_return_sequences=n)
        chosen = many.tokens.view(2, 5, -1)[:, :n].flatten(0, 1)
        assert torch.equal(few.tokens, chosen[:, : few.tokens.shape[1]])
        assert torch.equal(few.scores, many.scores.view(2, 5)[:, :n].flatten())
        assert (chosen[:, few.tokens.shape[1] :] == 0).all()


def test_without_an_end_token_all_are_full() -> None:
    model, (prompt, _) = tiny(), left_padded([3])
    result = search(model, prompt, 4, eos_id=None, num_return_sequences=4)
    assert result.tokens.shape == (4, 9)
    best = max(
        log_prob(model, prompt[0], list(new)) for new in itertools.product(range(7), repeat=2)
    )
    two = search(model, prompt, 49, eos_id=None, max_new_tokens=2, length_penalty=0.0)
    assert two.scores.item() == pytest.approx(best)


def test_a_longer_penalty_prefers_longer_sequences() -> None:
    lengths = []
    for penalty in (-1.0, 0.0, 1.0, 3.0):
        total = 0
        for seed in range(8):
            model, (prompt, _) = tiny(seed), left_padded([2])
            result = search(model, prompt, 5, length_penalty=penalty, early_stopping="never")
            new = result.tokens[0, 2:].tolist()
            total += new.index(EOS) + 1 if EOS in new else len(new)
        lengths.append(total)
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


# ----------------------------------------------------------------------------- what changes nothing


@pytest.mark.kills(
    "places counted in the row and not in the batch",
    "generation/beam.py",
    "(first + parents).flatten()",
    "(0 * first + parents).flatten()",
)
@pytest.mark.kills(
    "beams forget which prompts are padded",
    "generation/_reader.py",
    "None if x is None else x.index_select(0, index)",
    "None if x is None else x[:1].expand(len(index), *x.shape[1:])",
)
@pytest.mark.parametrize("stopping", [False, True, "never"])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_padded_row_is_searched_as_if_alone(stopping: Any, use_cache: bool) -> None:
    for seed in range(4):
        model, (prompt, keep) = tiny(seed), left_padded([5, 1, 3])
        options = {
            "early_stopping": stopping,
            "use_cache": use_cache,
            "num_return_sequences": 2,
        }
        together = search(model, prompt, 3, prompt_keep=keep, **options)
        for row in range(3):
            alone = search(model, prompt[row : row + 1, keep[row]], 3, **options)
            new = alone.tokens[:, int(keep[row].sum()) :]
            rows = together.tokens[2 * row : 2 * row + 2, 5:]
            assert torch.equal(rows[:, : new.shape[1]], new)
            assert (rows[:, new.shape[1] :] == 0).all()
            assert_close(together.scores[2 * row : 2 * row + 2], alone.scores)


@pytest.mark.kills(
    "a beam search forgets the cache's order",
    "generation/_reader.py",
    "            self.cache.reorder(index)",
    "            self.cache.reorder(index.sort().values)",
)
@pytest.mark.parametrize("num_beams", [1, 2, 5])
@pytest.mark.parametrize("lengths", [[4, 4], [5, 1, 3]], ids=str)
def test_the_cache_changes_nothing_but_what_is_read(num_beams: int, lengths: list[int]) -> None:
    for seed in range(4):
        model, (prompt, keep) = tiny(seed), left_padded(lengths)
        results = []
        for use_cache in (True, False):
            model.read.clear()
            results.append(
                search(
                    model,
                    prompt,
                    num_beams,
                    prompt_keep=keep,
                    use_cache=use_cache,
                    num_return_sequences=num_beams,
                )
            )
            assert model.read[0] == tuple(prompt.shape)  # the prompt is read once, not per beam
            assert all(
                shape == (len(lengths) * num_beams, 1 if use_cache else len(prompt[0]) + i)
                for i, shape in enumerate(model.read[1:], start=1)
            )
        assert torch.equal(results[0].tokens, results[1].tokens)
        assert_close(results[0].scores, results[1].scores)


def test_the_padding_token_only_fills() -> None:
    filled = 0
    for seed in range(4):
        model, (prompt, _) = tiny(seed), left_padded([3, 3])
        zero, six = (search(model, prompt, 4, num_return_sequences=4, pad_id=p) for p in (0, 6))
        assert torch.equal(zero.scores, six.scores)
        ended = (zero.tokens[:, 3:] == EOS).long()
        after = ended.cumsum(1) > ended
        assert (six.tokens[:, 3:][after] == 6).all()
        assert (zero.tokens[:, 3:][after] == 0).all()
        assert torch.equal(six.tokens[:, 3:][~after], zero.tokens[:, 3:][~after])
        filled += int(after.sum())
    assert filled


def test_half_precision_is_summed_in_single() -> None:
    model, (prompt, _) = tiny(), left_padded([3])
    result = search(lambda tokens: model(tokens).bfloat16(), prompt, 3, use_cache=False)
    assert result.scores.dtype == torch.float32


# ----------------------------------------------------------------------------- stopping


def test_early_stopping_only_shortens_the_search() -> None:
    steps, missed = {True: 0, False: 0, "never": 0}, 0
    for seed in range(8):
        model, (prompt, _) = tiny(seed), left_padded([2, 2])
        scores = {}
        for stopping in steps:
            model.read.clear()
            options: dict[str, Any] = {"early_stopping": stopping, "length_penalty": 2.0}
            scores[stopping] = search(model, prompt, 2, max_new_tokens=12, **options).scores
            steps[stopping] += len(model.read)
        assert (scores[True] <= scores["never"] + 1e-12).all()
        assert (scores[False] <= scores["never"] + 1e-12).all()
        missed += int((scores[False] < scores["never"] - 1e-6).sum())
    assert steps[True] < steps[False] < steps["never"]
    assert missed  # what stops early may stop too early


# ----------------------------------------------------------------------------- the record


@pytest.mark.parametrize("stopping", [False, True, "never"])
def test_the_record_tells_the_whole_search(stopping: Any) -> None:
    model, (prompt, _) = tiny(2), left_padded([3, 3])
    record: list[BeamStep] = []
    options: dict[str, Any] = {"num_return_sequences": 3, "early_stopping": stopping}
    result = search(model, prompt, 3, record=record, **options)
    assert torch.equal(result.tokens, search(model, prompt, 3, **options).tokens)
    for row in range(2):
        beams, finished = [[]], []  # type: ignore[var-annotated]
        for length, step in enumerate(record, start=1):
            written = [
                [*beams[parent], token]
                for parent, token in zip(
                    step.parents[row].tolist(), step.tokens[row].tolist(), strict=True
                )
            ]
            for new, score in zip(written, step.scores[row].tolist(), strict=True):
                assert score == pytest.approx(log_prob(model, prompt[row], new))
            finished += [
                (step.scores[row, i].item() / length, written[i])
                for i in step.finishes[row].nonzero().flatten().tolist()
            ]
            beams = [written[i] for i in step.survivors[row].tolist()]
        finished.sort(key=lambda pair: -pair[0])
        for (score, new), tokens, found in zip(
            finished[:3],
            result.tokens[3 * row : 3 * row + 3, 3:].tolist(),
            result.scores[3 * row : 3 * row + 3].tolist(),
            strict=True,
        ):
            assert found == pytest.approx(score)
            assert tokens == new + [0] * (len(tokens) - len(new))


# ----------------------------------------------------------------------------- rules


def test_enough_beams_go_on_where_several_tokens_end() -> None:
    """Three of five tokens end, and they are the likely ones: two beams go on all the same."""
    shares = torch.tensor([0.28, 0.27, 0.25, 0.12, 0.08]).double()
    steps: list[BeamStep] = []
    result = beam_search(
        lambda tokens: shares.log().expand(*tokens.shape, 5),
        torch.tensor([[3]]),
        num_beams=2,
        max_new_tokens=2,
        eos_id=[0, 1, 2],
        early_stopping="never",
        num_return_sequences=2,
        use_cache=False,
        record=steps,
    )
    assert steps[0].tokens.tolist() == [[0, 1, 2, 3, 4, *steps[0].tokens[0, 5:].tolist()]]
    assert steps[0].tokens.shape == (1, 8)
    assert steps[0].tokens[0, steps[0].survivors[0]].tolist() == [3, 4]
    assert result.tokens[:, 1].tolist() == [0, 1]
    assert_close(result.scores, shares[:2].log())


def test_rules_hold_in_every_beam() -> None:
    model, (prompt, keep) = tiny(), left_padded([5, 1, 3])
    plain = search(model, prompt, 3, prompt_keep=keep, num_return_sequences=3)
    ruled = search(
        model,
        prompt,
        3,
        prompt_keep=keep,
        num_return_sequences=3,
        no_repeat_ngram=2,
        min_new_tokens=4,
        suppress=[1],
        forced={0: 5},
    )
    assert not torch.equal(plain.tokens, ruled.tokens)
    for row, real in zip(ruled.tokens.tolist(), keep.repeat_interleave(3, 0).tolist(), strict=True):
        new = row[5:]
        end = new.index(EOS) + 1 if EOS in new else len(new)
        assert end >= 5
        assert new[0] == 5
        assert 1 not in new[:end]
        whole = [t for t, k in zip(row[:5], real, strict=True) if k] + new[:end]
        given = len(whole) - end
        pairs = list(itertools.pairwise(whole))
        for i in range(given, len(pairs)):  # the first new token is forced, whatever it repeats
            assert pairs[i] not in pairs[:i]
