"""Exercises of chapter 12: one step of a beam search, and the score of what it finished.

Sources
    Freitag & Al-Onaizan (2017), "Beam Search Strategies for Neural Machine Translation", section 2;
    Wu et al. (2016), "Google's Neural Machine Translation System", section 7.
"""

import torch
from torch import Tensor

from txlite.checks._cases import normal
from txlite.checks._steps import Step, swapped
from txlite.checks.exercise import Exercise

__all__ = ["extend_beams", "finished_score"]


def _together(scores: Tensor, log_probs: Tensor) -> Tensor:
    return scores[:, None] + log_probs


def _best(totals: Tensor) -> Tensor:
    return totals.flatten().argsort(descending=True)[: len(totals)]


def _split(places: Tensor, totals: Tensor) -> tuple[Tensor, Tensor]:
    return places // totals.shape[1], places % totals.shape[1]


def _beam_then_token(beams: Tensor, tokens: Tensor) -> Tensor:
    return torch.stack([beams, tokens], dim=1)


def _beam_recipe(
    scores: Tensor,
    log_probs: Tensor,
    add: Step = _together,
    choose: Step = _best,
    split: Step = _split,
    finish: Step = _beam_then_token,
) -> object:
    totals = add(scores, log_probs)
    return finish(*split(choose(totals), totals))


def _best_of_each(totals: Tensor) -> Tensor:
    first = torch.arange(len(totals), device=totals.device) * totals.shape[1]
    return first + totals.argmax(1)


def _of_the_first(totals: Tensor) -> Tensor:
    beam = totals.amax(1).argmax()
    return beam * totals.shape[1] + totals[beam].argsort(descending=True)[: len(totals)]


def _log(*rows: list[float]) -> Tensor:
    return torch.tensor(rows).log()


def _drawn(seed: int, beams: int, vocabulary: int) -> Tensor:
    return (2 * normal(seed, beams, vocabulary)).log_softmax(-1)


extend_beams = Exercise(
    name="extend_beams",
    signature="f(scores: (K,), log_probs: (K, V)) -> (K, 2) int",
    task=(
        "One step of a beam search. The log-probability of beam k is scores[k], and log_probs[k] "
        "are those of the tokens that may follow it. Return the K best extensions of all, best "
        "first, each as a pair (beam, token)."
    ),
    inputs=("scores", "log_probs"),
    reference=_beam_recipe,
    cases=(
        (_log([0.6, 0.4])[0], _log([0.2, 0.3, 0.5], [0.05, 0.9, 0.05])),
        (_log([0.7, 0.2])[0], _log([0.55, 0.1, 0.35], [0.1, 0.2, 0.7])),
        (
            _log([0.5, 0.3, 0.2])[0],
            _log([0.1, 0.15, 0.3, 0.45], [0.6, 0.2, 0.15, 0.05], [0.02, 0.9, 0.03, 0.05]),
        ),
        (_drawn(3, 1, 4)[0], _drawn(4, 4, 6)),
    ),
    bank=(
        swapped(
            _beam_recipe,
            "every beam keeps its best",
            "Every beam is extended by its own best token. That is greedy search K times over: "
            "extensions of one beam should be able to displace another beam.",
            choose=_best_of_each,
        ),
        swapped(
            _beam_recipe,
            "one beam only",
            "Only one beam is extended. The others have a say too: compare all K × V extensions.",
            choose=_of_the_first,
        ),
        swapped(
            _beam_recipe,
            "the past forgotten",
            "The beams' own scores are forgotten: an improbable beginning then costs nothing.",
            add=lambda scores, log_probs: log_probs,
        ),
        swapped(
            _beam_recipe,
            "log-probabilities multiplied",
            "Probabilities are multiplied; their logarithms are added.",
            add=lambda scores, log_probs: scores[:, None] * log_probs,
        ),
        swapped(
            _beam_recipe,
            "scores added to the wrong axis",
            "The scores belong to the beams, so to the rows: scores[:, None].",
            add=lambda scores, log_probs: (
                log_probs
                + scores.new_tensor(
                    [float(scores[i % len(scores)]) for i in range(log_probs.shape[1])]
                )
            ),
        ),
        swapped(
            _beam_recipe,
            "probabilities and logarithms mixed",
            "Log-probabilities are added to probabilities: take the logarithm of both.",
            add=lambda scores, log_probs: scores[:, None] + log_probs.exp(),
        ),
        swapped(
            _beam_recipe,
            "token before beam",
            "The pairs hold the token first; wanted is (beam, token).",
            finish=lambda beams, tokens: torch.stack([tokens, beams], dim=1),
        ),
        swapped(
            _beam_recipe,
            "divided by the number of beams",
            "A place in the flat list of K × V extensions is beam · V + token. Divide by the size "
            "of the vocabulary, not by the number of beams.",
            split=lambda places, totals: (places // len(totals), places % len(totals)),
        ),
        swapped(
            _beam_recipe,
            "the worst",
            "These are the least probable extensions: sort the other way round.",
            choose=lambda totals: totals.flatten().argsort()[: len(totals)],
        ),
        swapped(
            _beam_recipe,
            "best last",
            "The extensions are right, and their order is not: the best comes first.",
            choose=lambda totals: _best(totals).flip(0),
        ),
    ),
    praise="K beams, and never more than K of their K × V children.",
    differentiable=False,
)


def _up_to_the_end(tokens: Tensor, eos: int) -> Tensor:
    ended = (tokens == eos).long()
    return ended.cumsum(1) - ended == 0  # no end before this token


def _sum(log_probs: Tensor, real: Tensor) -> Tensor:
    return (log_probs * real).sum(1)


def _length(real: Tensor) -> Tensor:
    return real.sum(1)


def _power(total: Tensor, length: Tensor, penalty: float) -> Tensor:
    return total / length.to(total.dtype) ** penalty


def _score_recipe(
    log_probs: Tensor,
    tokens: Tensor,
    eos: int,
    penalty: float,
    real: Step = _up_to_the_end,
    add: Step = _sum,
    count: Step = _length,
    normalise: Step = _power,
) -> object:
    mask = real(tokens, eos)
    return normalise(add(log_probs, mask), count(mask), penalty)


def _sentences(seed: int, *rows: list[int]) -> tuple[Tensor, Tensor]:
    tokens = torch.tensor(rows)
    return -normal(seed, *tokens.shape).abs() - 0.1, tokens


finished_score = Exercise(
    name="finished_score",
    signature="f(log_probs: (B, T), tokens: (B, T) int, eos: int, penalty: float) -> (B,)",
    task=(
        "The score of each sentence: the sum of its tokens' log-probabilities, divided by its "
        "length to the power of the penalty. A sentence goes as far as its first end token eos, "
        "which counts; what follows is padding. Without an end token it is as long as the row."
    ),
    inputs=("log_probs", "tokens", "eos", "penalty"),
    reference=_score_recipe,
    cases=(
        (*_sentences(1, [5, 2, 0]), 2, 1.0),
        (*_sentences(2, [5, 4, 2, 0, 0], [3, 2, 0, 2, 0]), 2, 0.7),
        (*_sentences(3, [5, 4, 3, 6, 2, 0], [3, 6, 5, 5, 4, 3], [2, 0, 0, 0, 0, 0]), 2, 2.0),
    ),
    bank=(
        swapped(
            _score_recipe,
            "padding counted",
            "Padding is counted like words. The longer the longest sentence of the batch, the "
            "worse the others would become.",
            real=lambda tokens, eos: torch.ones_like(tokens, dtype=torch.bool),
        ),
        swapped(
            _score_recipe,
            "up to the last end",
            "The sentence goes on after its end: only the first end token counts.",
            real=lambda tokens, eos: (tokens == eos).flip(1).cumsum(1).flip(1) > 0,
        ),
        swapped(
            _score_recipe,
            "the end left out",
            "The end token is left out. Ending is a choice of the model too, with a probability "
            "of its own.",
            real=lambda tokens, eos: (tokens == eos).cumsum(1) == 0,
        ),
        swapped(
            _score_recipe,
            "the end not counted",
            "The end token's log-probability is in the sum, but the end is not counted in the "
            "length.",
            count=lambda real: (real.sum(1) - 1).clamp(min=1),
        ),
        swapped(
            _score_recipe,
            "divided by the width",
            "Every sum is divided by the width of the batch: then nothing is normalised at all.",
            count=lambda real: torch.full_like(real[:, 0], real.shape[1], dtype=torch.long),
        ),
        swapped(
            _score_recipe,
            "not normalised",
            "The sums are not divided. Every token makes a sum smaller, so that short sentences "
            "win.",
            normalise=lambda total, length, penalty: total,
        ),
        swapped(
            _score_recipe,
            "the penalty ignored",
            "This is the mean, the score for a penalty of 1: raise the length to the power of the "
            "penalty.",
            normalise=lambda total, length, penalty: total / length,
        ),
        swapped(
            _score_recipe,
            "a factor, not a power",
            "The length is multiplied by the penalty. A factor that is the same for all sentences "
            "changes nothing among them; a power does.",
            normalise=lambda total, length, penalty: total / (length * penalty),
        ),
        swapped(
            _score_recipe,
            "multiplied by the length",
            "The sums are multiplied by the length to the power of the penalty. Scores are "
            "negative: that makes long sentences still worse.",
            normalise=lambda total, length, penalty: total * length**penalty,
        ),
        swapped(
            _score_recipe,
            "the translation system's formula",
            "This is the formula of Google's translation system, ((5 + length) / 6) to the power "
            "of the penalty. Wanted is the plain power of the length.",
            normalise=lambda total, length, penalty: total / ((5 + length) / 6) ** penalty,
        ),
    ),
    praise="Now a long sentence can win, if every word of it is good.",
    differentiable=False,
)
