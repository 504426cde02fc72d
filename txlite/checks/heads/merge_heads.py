"""Exercise: put the heads together again, also where some were taken out.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2.
    Michel et al. (2019), "Are Sixteen Heads Really Better than One?", section 2 (heads taken out).
"""

from torch import Tensor, nn

from txlite.checks.framework import Exercise, Mistake, counting, normal
from txlite.checks.heads._split_and_merge import right_merge

__all__ = ["merge_heads"]


def _placed(z: Tensor, kept: list[int], num_heads: int) -> Tensor:
    """Give every head its row: zeros for those that are gone, (B, H, T, E)."""
    batch, _, length, width = z.shape
    whole = z.new_zeros(batch, num_heads, length, width)
    whole[:, kept] = z
    return whole


def _right(z: Tensor, kept: list[int], num_heads: int) -> Tensor:
    return right_merge(_placed(z, kept, num_heads))


def _room(z: Tensor, num_heads: int) -> int:
    return (num_heads - z.shape[1]) * z.shape[-1]


merge_heads = Exercise(
    name="merge_heads",
    signature="f(z: (B, K, T, E), kept: list[int], num_heads: int) -> (B, T, D)",
    task=(
        "Put the heads' vectors side by side, D = H·E, where only K of H heads are left: z[:, i] "
        "comes from head kept[i]. The columns of the heads that are gone are zero."
    ),
    inputs=("z", "kept", "num_heads"),
    reference=_right,
    cases=(
        (1 + counting(1, 1, 2, 1), [1], 2),
        (1 + counting(1, 2, 2, 1), [0, 1], 2),
        (1 + counting(1, 2, 3, 2), [0, 2], 3),
        (1 + counting(1, 2, 3, 2), [2, 0], 3),
        (1 + counting(2, 3, 2, 2), [0, 1, 2], 3),
        (normal(1, 2, 3, 5, 4), [0, 3, 4], 6),
    ),
    bank=(
        Mistake(
            "reshaped without transpose",
            "The heads are reshaped without a transpose. Reshape keeps the reading order, so "
            "the vectors of different positions get mixed: transpose axes 1 and 2 first.",
            lambda z, kept, n: _placed(z, kept, n).reshape(z.shape[0], z.shape[2], -1),
        ),
        Mistake(
            "moved to the front",
            "The heads that are left have moved up, and the zeros stand behind them. W^O reads a "
            "head by its columns: each has to stay in its own.",
            lambda z, kept, n: nn.functional.pad(right_merge(z), (0, _room(z, n))),
        ),
        Mistake(
            "moved to the end",
            "The zeros stand in front, and the heads that are left behind them. W^O reads a head "
            "by its columns: each has to stay in its own.",
            lambda z, kept, n: nn.functional.pad(right_merge(z), (_room(z, n), 0)),
        ),
        Mistake(
            "no room for the heads that are gone",
            "The result is narrower than D: there are no columns for the heads that are gone. "
            "W^O still has its rows for them.",
            lambda z, kept, n: right_merge(z),
        ),
        Mistake(
            "order of kept ignored",
            "The heads are taken in rising order. z[:, i] is head kept[i], whatever that is.",
            lambda z, kept, n: _right(z, sorted(kept), n),
        ),
        Mistake(
            "scaled up",
            "The heads that are left are multiplied by H/K, as dropout does in training. Here "
            "nothing is to be made up for.",
            lambda z, kept, n: _right(z, kept, n) * n / len(kept),
        ),
        Mistake(
            "flatten forgotten",
            "The heads stand beside each other but are still apart, (B, T, H, E). Flatten the "
            "last two axes.",
            lambda z, kept, n: _placed(z, kept, n).transpose(1, 2),
        ),
        Mistake(
            "interleaved",
            "The entries of the heads alternate. First all entries of head 0, then all of head "
            "1: the last two axes before flattening are (H, E).",
            lambda z, kept, n: _placed(z, kept, n).permute(0, 2, 3, 1).flatten(2),
        ),
        Mistake(
            "heads averaged",
            "The heads are averaged. Then none of them could say anything of its own: put them "
            "side by side.",
            lambda z, kept, n: z.mean(1),
        ),
        Mistake(
            "heads added",
            "The heads are added. Then none of them could say anything of its own: put them "
            "side by side.",
            lambda z, kept, n: z.sum(1),
        ),
        Mistake(
            "one after another",
            "The heads come one after another along the positions. They belong side by side, in "
            "the last axis.",
            lambda z, kept, n: _placed(z, kept, n).flatten(1, 2),
        ),
        Mistake(
            "heads in reverse",
            "The heads are in reverse order: head 0 comes first.",
            lambda z, kept, n: right_merge(_placed(z, kept, n).flip(1)),
        ),
    ),
    praise="Each head is in its own columns, whoever is missing.",
    differentiable=True,
)
