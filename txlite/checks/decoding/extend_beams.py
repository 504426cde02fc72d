"""Exercise: one step of a beam search.

Sources
    Freitag & Al-Onaizan (2017), "Beam Search Strategies for Neural Machine Translation", section 2.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, normal, swapped

__all__ = ["extend_beams"]


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


def _only_the_best(scores: Tensor, log_probs: Tensor) -> Tensor:
    others = torch.arange(len(scores)) != scores.argmax()
    return _together(scores, log_probs).masked_fill(others[:, None], -torch.inf)


def _best_of_each(totals: Tensor) -> Tensor:
    first = torch.arange(len(totals)) * totals.shape[1]
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
        (_log([0.6, 0.4])[0], _log([0.45, 0.55], [0.1, 0.9])),
        (_log([0.7, 0.2])[0], _log([0.55, 0.1, 0.35], [0.1, 0.2, 0.7])),
        (
            _log([0.3, 0.5, 0.2])[0],
            _log([0.6, 0.2, 0.15, 0.05], [0.1, 0.15, 0.3, 0.45], [0.02, 0.85, 0.08, 0.05]),
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
            "Only one beam is extended. Compare all K × V extensions of all beams.",
            choose=_of_the_first,
        ),
        swapped(
            _beam_recipe,
            "the best beam only",
            "Only the beam with the best score is extended, so that the search forgets the others. "
            "Compare all K × V extensions of all beams.",
            add=_only_the_best,
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
            add=lambda scores, log_probs: log_probs + scores,
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
            "An entry of the flat list of K × V extensions is beam · V + token. Divide by the size "
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
            choose=lambda totals: totals.flatten().argsort()[-len(totals) :],
        ),
    ),
    praise="K beams, and never more than K of their K × V extensions.",
    differentiable=False,
)
