"""Exercise: what each process hands in, when the processes' gradients are averaged."""

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, halves, normal, swapped

__all__ = ["ddp_gradients"]


def _over_all(counts: Tensor) -> Tensor:
    return counts.sum()


def _processes(counts: Tensor) -> Tensor:
    return torch.tensor(float(len(counts)))


def _hand_in(
    gradients: Tensor, counts: Tensor, over: Step = _over_all, times: Step = _processes
) -> object:
    return gradients * times(counts) / over(counts)


def _own_tokens(counts: Tensor) -> Tensor:
    return counts[:, None]


def _one(counts: Tensor) -> Tensor:
    return torch.tensor(1.0)


def _sum_over_all(gradients: Tensor, counts: Tensor) -> Tensor:
    return (gradients.sum(0) / counts.sum()).expand_as(gradients)


ddp_gradients = Exercise(
    name="ddp_gradients",
    signature="f(gradients: (P, N), counts: (P,)) -> (P, N)",
    task=(
        "Row p is the gradient of the SUM of the losses of process p, which has counts[p] tokens. "
        "The library will AVERAGE what the P processes hand in. Return what each of them should "
        "hand in, from its own row and all counts, so that the average is the gradient of the "
        "mean loss over all tokens."
    ),
    inputs=("gradients", "counts"),
    reference=_hand_in,
    cases=(
        (torch.tensor([[4.0]]), torch.tensor([8.0])),
        (torch.tensor([[6.0], [2.0]]), torch.tensor([2.0, 2.0])),
        (torch.tensor([[6.0, 0.0], [0.0, 2.0]]), torch.tensor([3.0, 1.0])),
        (halves(1, 3, 2), torch.tensor([1.0, 2.0, 5.0])),
        (halves(2, 4, 3), torch.tensor([7.0, 1.0, 1.0, 7.0])),
        (normal(3, 5, 4), torch.tensor([10.0, 20.0, 5.0, 1.0, 3.0])),
    ),
    bank=(
        swapped(
            _hand_in,
            "mean of the means",
            "Each process divides by its own tokens. A token of a process with few of them then "
            "counts more. Divide by the tokens of all processes.",
            over=_own_tokens,
            times=_one,
        ),
        swapped(
            _hand_in,
            "the averaging is forgotten",
            "This would be right if the library added up. It averages, which divides by the number "
            "of processes once more: make up for it.",
            times=_one,
        ),
        swapped(
            _hand_in,
            "divides by the processes as well",
            "The library divides by the number of processes already. Multiply by it, so that the "
            "two cancel.",
            times=lambda counts: torch.tensor(1 / len(counts)),
        ),
        swapped(
            _hand_in,
            "own tokens, times the processes",
            "The number of processes is made up for, but each divides by its own tokens. Divide by "
            "the tokens of all.",
            over=_own_tokens,
        ),
        swapped(
            _hand_in,
            "nothing is divided",
            "These are the gradients of the sums: the step grows with the number of tokens.",
            over=_one,
            times=_one,
        ),
        swapped(
            _hand_in,
            "sum instead of mean",
            "The averaging is made up for, but nothing divides by the tokens: the average is the "
            "gradient of the sum.",
            over=_one,
        ),
        swapped(
            _hand_in,
            "weighted by the own share",
            "Each gradient is multiplied by its process's share of the tokens. It is the gradient "
            "of a sum: more tokens have made it longer already.",
            over=lambda counts: counts.sum() / counts[:, None],
        ),
        swapped(
            _hand_in,
            "the most tokens",
            "All divide by the tokens of the largest process, as if they had as many. Divide by "
            "what all of them really have, and make up for the averaging.",
            over=lambda counts: counts.max() * len(counts),
        ),
        swapped(
            _hand_in,
            "the first process's tokens",
            "All divide by the tokens of the first process, as if they had as many. Divide by what "
            "all of them really have, and make up for the averaging.",
            over=lambda counts: counts[0],
            times=_one,
        ),
        Mistake(
            "every process hands in the sum",
            "Every row is the sum over all processes. Its average is right, but no process knows "
            "the gradients of the others: the averaging is what brings them together.",
            _sum_over_all,
        ),
    ),
    praise="However the rows are dealt out, the step is that of one process.",
)
