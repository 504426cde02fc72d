"""Exercise: cut every vector into heads.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2.
"""

from txlite.checks.framework import Exercise, Mistake, counting, normal
from txlite.checks.heads._split_and_merge import right_split

__all__ = ["split_heads"]

split_heads = Exercise(
    name="split_heads",
    signature="f(x: (B, T, D), num_heads: int) -> (B, H, T, E)",
    task="Cut each vector into num_heads pieces of width E = D/H; head h gets the h-th piece.",
    inputs=("x", "num_heads"),
    reference=right_split,
    cases=(
        (counting(1, 2, 4), 2),
        (counting(1, 4, 2), 1),
        (counting(1, 4, 6), 2),
        (counting(2, 2, 6), 3),
        (normal(1, 2, 5, 12), 3),
    ),
    bank=(
        Mistake(
            "reshaped without transpose",
            "The vectors are reshaped straight into (B, H, T, E). Reshape keeps the reading "
            "order, so a head gets whole words instead of a piece of every word: reshape to "
            "(B, T, H, E), then transpose.",
            lambda x, n: x.reshape(x.shape[0], n, x.shape[1], -1),
        ),
        Mistake(
            "transpose forgotten",
            "The pieces are right, but the heads still stand behind the positions, "
            "(B, T, H, E). Transpose axes 1 and 2: attention works on the last two axes.",
            lambda x, n: x.unflatten(-1, (n, -1)),
        ),
        Mistake(
            "interleaved",
            "Head h gets every H-th entry. It should get a piece in one stretch, entries h·E to "
            "(h + 1)·E: reshape to (…, H, E), not (…, E, H).",
            lambda x, n: x.unflatten(-1, (-1, n)).permute(0, 3, 1, 2),
        ),
        Mistake(
            "width and number confused",
            "There are as many entries as there should be heads, and as many heads as there "
            "should be entries. num_heads is the number of pieces; each is D/H wide.",
            lambda x, n: x.unflatten(-1, (-1, n)).transpose(1, 2),
        ),
        Mistake(
            "cuts the sentence",
            "It is the positions that are cut into pieces, so each head sees a part of the "
            "sentence. Each head should see all positions, and a part of each vector.",
            lambda x, n: x.reshape(x.shape[0], n, x.shape[1] // n, x.shape[2]),
        ),
        Mistake(
            "positions last",
            "The last two axes are (E, T). Attention wants (T, E): move the head axis only.",
            lambda x, n: x.unflatten(-1, (n, -1)).permute(0, 2, 3, 1),
        ),
        Mistake(
            "heads first",
            "The head axis stands before the batch. It comes after it: (B, H, T, E).",
            lambda x, n: x.unflatten(-1, (n, -1)).permute(2, 0, 1, 3),
        ),
        Mistake(
            "batch and heads in one axis",
            "Batch and heads have become one axis. Keep both: (B, H, T, E).",
            lambda x, n: right_split(x, n).flatten(0, 1),
        ),
        Mistake(
            "copied, not cut",
            "Every head gets the whole vector. Each should get a piece of it, D/H wide; that is "
            "why many heads cost no more than one.",
            lambda x, n: x[:, None].expand(-1, n, -1, -1),
        ),
    ),
    praise="Each head has its own piece of every word.",
    differentiable=True,
)
