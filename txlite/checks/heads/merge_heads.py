"""Exercise: put the heads together again.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", section 3.2.2.
"""

from txlite.checks.framework import Exercise, Mistake, counting, normal
from txlite.checks.heads._split_and_merge import right_merge

__all__ = ["merge_heads"]

merge_heads = Exercise(
    name="merge_heads",
    signature="f(z: (B, H, T, E)) -> (B, T, D)",
    task="Put the heads' vectors side by side again: the opposite of split_heads, D = H·E.",
    inputs=("z",),
    reference=right_merge,
    cases=(
        (counting(1, 2, 2, 1),),
        (counting(1, 2, 3, 2),),
        (counting(1, 1, 3, 2),),
        (counting(2, 3, 2, 2),),
        (normal(1, 2, 3, 5, 4),),
    ),
    bank=(
        Mistake(
            "reshaped without transpose",
            "The heads are reshaped without a transpose. Reshape keeps the reading order, so "
            "the vectors of different positions get mixed: transpose axes 1 and 2 first.",
            lambda z: z.reshape(z.shape[0], z.shape[2], -1),
        ),
        Mistake(
            "flatten forgotten",
            "The heads stand beside each other but are still apart, (B, T, H, E). Flatten the "
            "last two axes.",
            lambda z: z.transpose(1, 2),
        ),
        Mistake(
            "interleaved",
            "The entries of the heads alternate. First all entries of head 0, then all of head "
            "1: the last two axes before flattening are (H, E).",
            lambda z: z.permute(0, 2, 3, 1).flatten(2),
        ),
        Mistake(
            "heads averaged",
            "The heads are averaged. Then none of them could say anything of its own: put them "
            "side by side.",
            lambda z: z.mean(1),
        ),
        Mistake(
            "heads added",
            "The heads are added. Then none of them could say anything of its own: put them "
            "side by side.",
            lambda z: z.sum(1),
        ),
        Mistake(
            "first head only",
            "Only the first head is returned.",
            lambda z: z[:, 0],
        ),
        Mistake(
            "one after another",
            "The heads come one after another along the positions. They belong side by side, in "
            "the last axis.",
            lambda z: z.flatten(1, 2),
        ),
        Mistake(
            "heads in reverse",
            "The heads are in reverse order: head 0 comes first.",
            lambda z: right_merge(z.flip(1)),
        ),
    ),
    praise="What was cut is whole again.",
    differentiable=True,
)
