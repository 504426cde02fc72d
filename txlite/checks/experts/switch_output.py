"""Exercise: one expert for each token, and its gate.

Sources
    Fedus et al. (2022), "Switch Transformers: Scaling to Trillion Parameter Models with Simple and
    Efficient Sparsity", section 2.1, equations (1) and (2), and appendix C: the router's input is
    multiplied by noise, the experts' is not.
"""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["switch_output"]


def _multiplied(x: Tensor, noise: Tensor) -> Tensor:
    return x * noise


def _untouched(x: Tensor, noise: Tensor) -> Tensor:
    return x


def _over_experts(scores: Tensor) -> Tensor:
    return scores.softmax(-1)


def _likeliest(probabilities: Tensor) -> Tensor:
    return probabilities.argmax(-1)


def _its_probability(probabilities: Tensor, best: Tensor, scores: Tensor) -> Tensor:
    return probabilities.gather(-1, best[:, None])


def _answer(x: Tensor, weights: Tensor, biases: Tensor, gate: Tensor) -> Tensor:
    return (torch.einsum("tij,tj->ti", weights, x) + biases) * gate


def _switch_recipe(
    x: Tensor,
    noise: Tensor,
    router: Tensor,
    weights: Tensor,
    biases: Tensor,
    shake: Step = _multiplied,
    share: Step = _over_experts,
    choose: Step = _likeliest,
    gate: Step = _its_probability,
    fed: Step = _untouched,
    answer: Step = _answer,
) -> Tensor:
    scores = shake(x, noise) @ router.T
    probabilities = share(scores)
    best = choose(probabilities)
    factor = gate(probabilities, best, scores)
    found: Tensor = answer(fed(x, noise), weights[best], biases[best], factor)
    return found


def _unshaken_gate(
    x: Tensor, noise: Tensor, router: Tensor, weights: Tensor, biases: Tensor
) -> Tensor:
    best = (x * noise @ router.T).argmax(-1)
    gate = _its_probability((x @ router.T).softmax(-1), best, best)
    return _answer(x, weights[best], biases[best], gate)


def _all_of_them(
    x: Tensor, noise: Tensor, router: Tensor, weights: Tensor, biases: Tensor
) -> Tensor:
    probabilities = (x * noise @ router.T).softmax(-1)
    answers = torch.einsum("nij,tj->tni", weights, x) + biases
    return (probabilities[..., None] * answers).sum(1)


def _one_for_all(probabilities: Tensor) -> Tensor:
    return probabilities.mean(0).argmax().repeat(len(probabilities))


def _score(probabilities: Tensor, best: Tensor, scores: Tensor) -> Tensor:
    return scores.gather(-1, best[:, None])


def _case(seed: int, tokens: int, width: int, experts: int, draw: Step) -> tuple[object, ...]:
    return (
        draw(seed, tokens, width),
        1 + halves(seed + 1, tokens, width) / 4,
        draw(seed + 2, experts, width),
        draw(seed + 3, experts, width, width),
        draw(seed + 4, experts, width),
    )


switch_output = Exercise(
    name="switch_output",
    signature=(
        "f(x: (T, D), noise: (T, D), router: (N, D), weights: (N, D, D), biases: (N, D)) -> (T, D)"
    ),
    task=(
        "Send each of T tokens to one of N experts. The router reads `x * noise`, scores the "
        "experts with `router`, and a softmax makes probabilities of the scores. The likeliest "
        "expert e reads the token itself, without the noise, and answers "
        "`weights[e] @ token + biases[e]`. Return the answers, each times its expert's "
        "probability."
    ),
    inputs=("x", "noise", "router", "weights", "biases"),
    reference=_switch_recipe,
    cases=(
        _case(1, 1, 2, 2, normal),
        _case(6, 3, 2, 2, normal),
        _case(11, 5, 3, 4, normal),
        _case(16, 7, 4, 3, normal),
    ),
    bank=(
        swapped(
            _switch_recipe,
            "a gate of one",
            "The answers are not multiplied by the probability, or it was divided by itself. The "
            "choice of an expert has no gradient: only through this factor does the loss reach "
            "the router, which would learn nothing.",
            gate=lambda probabilities, best, scores: torch.ones_like(scores[:, :1]),
        ),
        swapped(
            _switch_recipe,
            "the score as the gate",
            "The answers are multiplied by the score. The gate is what the softmax makes of it: "
            "between 0 and 1, and one with all the others.",
            gate=_score,
        ),
        swapped(
            _switch_recipe,
            "a gate by itself",
            "The gate is the sigmoid of the expert's own score. A softmax lets the experts "
            "compete: what one gains, the others lose.",
            gate=lambda *given: _score(*given).sigmoid(),
        ),
        swapped(
            _switch_recipe,
            "softmax over the tokens",
            "The softmax goes over the tokens: they compete for an expert, and each token's answer "
            "depends on its neighbours. It belongs over the experts.",
            share=lambda scores: scores.softmax(0),
        ),
        swapped(
            _switch_recipe,
            "the experts read the noise",
            "The experts read the shaken token too. The noise is there to try other experts where "
            "the choice is close; their work is on the token itself.",
            fed=_multiplied,
        ),
        swapped(
            _switch_recipe,
            "the noise is added",
            "The noise is added to the token. It is a factor near one, so that large numbers are "
            "shaken as much as small ones.",
            shake=lambda x, noise: x + noise,
        ),
        swapped(
            _switch_recipe,
            "without the noise",
            "The router reads the token as it is. In training it reads it times the noise.",
            shake=_untouched,
        ),
        Mistake(
            "an unshaken gate",
            "The choice is made with the noise, and the gate without it. Both belong to the same "
            "scores: else the router is not told what it did.",
            _unshaken_gate,
        ),
        swapped(
            _switch_recipe,
            "the least likely expert",
            "Each token goes to the expert that suits it worst.",
            choose=lambda probabilities: probabilities.argmin(-1),
        ),
        swapped(
            _switch_recipe,
            "one expert for all",
            "All tokens go to the expert that is the likeliest on average. Each token has its own.",
            choose=_one_for_all,
        ),
        Mistake(
            "every expert for every token",
            "Each token is answered by all experts, and their answers are averaged. That is as "
            "much work as all of them; the point is to do the work of one.",
            _all_of_them,
        ),
        swapped(
            _switch_recipe,
            "the gate before the expert",
            "The token is multiplied by its gate before the expert reads it, so that the bias is "
            "not, and an expert that is not linear would see another token.",
            answer=lambda x, weights, biases, gate: _answer(
                x * gate, weights, biases, torch.ones_like(gate)
            ),
        ),
    ),
    praise="One expert works for each token, and the router learns from the factor before it.",
    differentiable=True,
)
