"""Exercise: making what has been said less probable.

Sources
    Keskar et al. (2019), "CTRL", section 4.1.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, swapped
from txlite.generation import repetition_penalty

__all__ = ["penalise_repetition"]


def _counts(logits: Tensor, tokens: Tensor) -> Tensor:
    ones = torch.ones_like(tokens, dtype=logits.dtype)
    return torch.zeros_like(logits).scatter_add(-1, tokens, ones)


def _whether(counts: Tensor, penalty: float) -> float:
    return penalty


def _weaken(logits: Tensor, penalty: float | Tensor) -> Tensor:
    return torch.where(logits < 0, logits * penalty, logits / penalty)


def _put(logits: Tensor, weaker: Tensor, said: Tensor) -> Tensor:
    return torch.where(said, weaker, logits)


def _penalty_recipe(
    logits: Tensor,
    tokens: Tensor,
    penalty: float,
    count: Step = _counts,
    force: Step = _whether,
    weaken: Step = _weaken,
    finish: Step = _put,
) -> object:
    counts = count(logits, tokens)
    return finish(logits, weaken(logits, force(counts, penalty)), counts > 0)


def _everybodys(logits: Tensor, tokens: Tensor) -> Tensor:
    return _counts(logits, tokens).sum(0)


def _case(rows: list[list[float]], said: list[list[int]], penalty: float) -> tuple[object, ...]:
    return torch.tensor(rows), torch.tensor(said), penalty


penalise_repetition = Exercise(
    name="penalise_repetition",
    signature="f(logits: (B, V), tokens: (B, T) int, penalty: float) -> (B, V)",
    task=(
        "Make the tokens that occur in a row of tokens less probable in the same row of logits: "
        "divide a positive logit by the penalty and multiply a negative one by it, once, however "
        "often the token occurred."
    ),
    inputs=("logits", "tokens", "penalty"),
    reference=repetition_penalty,
    cases=(
        _case([[2.0, -1.0, 0.5, -3.0]], [[0, 1]], 2.0),
        _case([[2.0, -1.0, 0.5, -3.0], [1.0, 3.0, -2.0, 4.0]], [[0, 1, 1], [1, 2, 1]], 2.0),
        _case(
            [[1.5, -2.5, 0.5, 3.5, -1.0], [2.0, 1.0, -1.0, -2.0, 3.0]], [[4, 4, 2], [3, 3, 0]], 1.5
        ),
    ),
    bank=(
        swapped(
            _penalty_recipe,
            "negative logits divided",
            "A negative logit divided by the penalty comes closer to zero: the token has become "
            "*more* probable. Multiply it instead.",
            weaken=lambda logits, penalty: logits / penalty,
        ),
        swapped(
            _penalty_recipe,
            "everything multiplied",
            "A positive logit multiplied by the penalty grows: the token has become more probable. "
            "Divide it instead.",
            weaken=lambda logits, penalty: logits * penalty,
        ),
        swapped(
            _penalty_recipe,
            "the wrong way round",
            "Positive logits are multiplied and negative ones divided: repetition is rewarded.",
            weaken=lambda logits, penalty: torch.where(
                logits < 0, logits / penalty, logits * penalty
            ),
        ),
        swapped(
            _penalty_recipe,
            "subtracted",
            "The penalty is subtracted. That is OpenAI's presence penalty; this one divides and "
            "multiplies.",
            weaken=lambda logits, penalty: logits - penalty,
        ),
        swapped(
            _penalty_recipe,
            "the logarithm subtracted",
            "Dividing the *probability* by the penalty subtracts its logarithm from the logit. "
            "CTRL's penalty divides the logit itself.",
            weaken=lambda logits, penalty: logits - torch.as_tensor(penalty).log(),
        ),
        swapped(
            _penalty_recipe,
            "the tokens of all rows",
            "What one row has written is penalised in all rows: the rows of a batch are "
            "independent.",
            count=_everybodys,
        ),
        swapped(
            _penalty_recipe,
            "only the last token",
            "Only the last token is penalised; all that occurred should be.",
            count=lambda logits, tokens: _counts(logits, tokens[:, -1:]),
        ),
        swapped(
            _penalty_recipe,
            "what did not occur",
            "The tokens that did *not* occur are penalised.",
            finish=lambda logits, weaker, said: torch.where(said, logits, weaker),
        ),
        swapped(
            _penalty_recipe,
            "every token",
            "All tokens are penalised, whether they occurred or not. Then a token that occurred "
            "loses nothing against the others.",
            finish=lambda logits, weaker, said: weaker,
        ),
        swapped(
            _penalty_recipe,
            "forbidden",
            "A token that occurred is forbidden altogether. After one “the” there would never be "
            "another.",
            weaken=lambda logits, penalty: torch.full_like(logits, -torch.inf),
        ),
        swapped(
            _penalty_recipe,
            "once for every time",
            "A token that occurred twice is penalised twice. Here it counts only whether it "
            "occurred.",
            force=lambda counts, penalty: penalty**counts,
        ),
    ),
    praise="Whatever the sign, a token that occurred has become less probable.",
    differentiable=False,
)
