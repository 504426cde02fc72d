import math

import torch
from torch.nn.functional import softmax

from txlite import checks
from txlite.nn.positions import Rotary


def attend(q, k, v):
    return softmax(q @ k.mT / math.sqrt(q.shape[-1]), dim=-1) @ v


def turn(x, p):
    return Rotary(x.shape[-1])(p).apply(x)


def test_rotary_attention_right_and_wrong():
    shifted = lambda q, k, v, i, j: attend(turn(q, i + 90), turn(k, j + 90), v)  # noqa: E731
    checks.rotary_attention(shifted).require()  # only differences count
    checks.rotary_attention(
        lambda q, k, v, i, j: torch.nn.functional.scaled_dot_product_attention(
            turn(q, i), turn(k, j), v
        )
    ).require()
    for answer, name in (
        (lambda q, k, v, i, j: attend(turn(q, i), turn(k, j), turn(v, j)), "turns the values too"),
        (lambda q, k, v, i, j: attend(turn(q, i), k, v), "keys left as they are"),
        (lambda q, k, v, i, j: attend(turn(q, i), turn(k, -j), v), "keys turned backwards"),
        (
            lambda q, k, v, i, j: attend(turn(q, torch.arange(len(i))), turn(k, j), v),
            "queries counted from zero",
        ),
        (
            lambda q, k, v, i, j: attend(
                turn(q, torch.arange(len(i))), turn(k, torch.arange(len(j))), v
            ),
            "queries counted from zero + keys counted from zero",
        ),
    ):
        assert checks.rotary_attention(answer).mistake == name
