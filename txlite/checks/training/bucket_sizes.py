"""Exercise: how many sentences go into a batch under a budget of tokens."""

from txlite.checks.framework import Exercise, Mistake, Step, swapped

__all__ = ["bucket_sizes"]


def _longest(rows: list[int]) -> int:
    return max(rows) * len(rows)


def _fits(cost: int, budget: int) -> bool:
    return cost <= budget


def _ascending(lengths: list[int]) -> list[int]:
    return sorted(lengths)


def _all(sizes: list[int]) -> list[int]:
    return sizes


def _packing_recipe(
    lengths: list[int],
    budget: int,
    order: Step = _ascending,
    cost: Step = _longest,
    fits: Step = _fits,
    finish: Step = _all,
) -> object:
    batches: list[list[int]] = []
    for length in order(lengths):
        if batches and fits(cost([*batches[-1], length]), budget):
            batches[-1].append(length)
        else:
            batches.append([length])
    return finish([len(batch) for batch in batches])


def _equal_rows(lengths: list[int], budget: int) -> object:
    rows = budget // max(lengths)
    return [len(lengths[i : i + rows]) for i in range(0, len(lengths), rows)]


bucket_sizes = Exercise(
    name="bucket_sizes",
    signature="f(lengths: list[int], budget: int) -> list[int]",
    task="Fill batches from the shortest sentence to the longest, each as far as it goes: rows "
    "times the longest row may be at most the budget. Return how many rows each batch has.",
    inputs=("lengths", "budget"),
    reference=_packing_recipe,
    cases=(
        ([3, 2], 6),
        ([2, 5, 3], 9),
        ([4, 1, 1, 3, 2], 8),
        ([7, 2, 2, 3, 6, 2, 4, 4], 12),
        ([5, 9, 1, 8, 2, 2, 7, 3, 3, 4, 6], 16),
    ),
    bank=(
        swapped(
            _packing_recipe,
            "padding not counted",
            "The lengths are added up as they are. In the batch every row is as long as the "
            "longest: the cost is rows times the longest.",
            cost=sum,
        ),
        swapped(
            _packing_recipe,
            "not sorted",
            "The sentences are taken as they come, so that a long one drags short ones along and "
            "they are mostly padding. Sort by length first.",
            order=list,
        ),
        swapped(
            _packing_recipe,
            "longest first",
            "The batches are filled from the longest sentence on. The task begins with the "
            "shortest.",
            order=lambda lengths: sorted(lengths, reverse=True),
        ),
        swapped(
            _packing_recipe,
            "one row too many",
            "The batch is looked at before the new row is in, so it may run over the budget. "
            "Count the row that you are about to add.",
            cost=lambda rows: _longest(rows[:-1]),
        ),
        swapped(
            _packing_recipe,
            "a full batch refused",
            "A batch that meets the budget exactly is still allowed: at most, not less than.",
            fits=lambda cost, budget: cost < budget,
        ),
        swapped(
            _packing_recipe,
            "the shortest sets the width",
            "The width of the batch is taken from its shortest row; it is as wide as the longest.",
            cost=lambda rows: min(rows) * len(rows),
        ),
        swapped(
            _packing_recipe,
            "last batch lost",
            "The last batch is missing, and with it the longest sentences. What is left at the "
            "end is a batch, too.",
            finish=lambda sizes: sizes[:-1],
        ),
        swapped(
            _packing_recipe,
            "the budget counts rows",
            "The budget is compared with the number of rows. It is a number of tokens.",
            cost=len,
        ),
        swapped(
            _packing_recipe,
            "cumulative sizes",
            "These are the rows at which batches end. Wanted is how many rows each batch has.",
            finish=lambda sizes: [sum(sizes[: i + 1]) for i in range(len(sizes))],
        ),
        Mistake(
            "the same number of rows everywhere",
            "Every batch has as many rows as the longest sentence allows, so that batches of short "
            "ones are nearly empty. The number of rows depends on the length.",
            _equal_rows,
        ),
    ),
    praise="Every step now costs about the same, and little of it is padding.",
)
