import pytest
import torch

from tests.checks.written import earns
from txlite import checks


def strips(z, kept, num_heads):
    """One strip for each head, of zeros where it is gone: a list of (B, T, E)."""
    gone = torch.zeros_like(z[:, 0])
    there = dict(zip(kept, z.unbind(1), strict=True))
    return [there.get(h, gone) for h in range(num_heads)]


def merged(*case):
    return torch.cat(strips(*case), -1)


@pytest.mark.parametrize(
    "answer",
    [
        merged,
        lambda z, kept, n: torch.einsum(
            "bkte,kh->bthe", z, torch.nn.functional.one_hot(torch.tensor(kept), n).to(z)
        ).reshape(z.size(0), z.size(2), -1),
    ],
    ids=["cat", "one-hot"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.merge_heads(answer).require()


def side_by_side(z):
    return torch.cat(z.unbind(1), -1)


def zeros_for(z, num_heads):
    return torch.zeros(*z.shape[::2], (num_heads - z.size(1)) * z.size(3))


WRITTEN = {
    "reshaped without transpose": lambda *case: (
        torch.stack(strips(*case), 1).flatten(1).unflatten(1, (case[0].size(2), -1))
    ),
    "moved to the front": lambda z, kept, n: torch.cat([side_by_side(z), zeros_for(z, n)], -1),
    "moved to the end": lambda z, kept, n: torch.cat([zeros_for(z, n), side_by_side(z)], -1),
    "no room for the heads that are gone": lambda z, kept, n: side_by_side(z),
    "order of kept ignored": lambda z, kept, n: merged(z, [h for h in range(n) if h in kept], n),
    "scaled up": lambda z, kept, n: merged(z / z.size(1), kept, n) * n,
    "flatten forgotten": lambda *case: torch.stack(strips(*case), 2),
    "interleaved": lambda *case: torch.stack(strips(*case), -1).flatten(2),
    "heads averaged": lambda z, kept, n: sum(z.unbind(1)) / z.size(1),
    "heads added": lambda z, kept, n: sum(z.unbind(1)),
    "one after another": lambda *case: torch.cat(strips(*case), 1),
    "heads in reverse": lambda *case: torch.cat(strips(*case)[::-1], -1),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.merge_heads, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.merge_heads.mistakes)


def test_natural_mistakes_are_named():
    assert checks.merge_heads(lambda z, kept, n: z.flatten(2)).mistake is None
    assert checks.merge_heads(lambda z, kept, n: z.transpose(1, 2).flatten(2)).mistake == (
        "no room for the heads that are gone"
    )


@pytest.mark.parametrize("case", checks.split_heads.cases)
def test_merging_undoes_splitting(case):
    x, num_heads = case
    z = checks.split_heads.reference(x, num_heads)
    assert z.shape == (x.shape[0], num_heads, x.shape[1], x.shape[2] // num_heads)
    assert torch.equal(checks.merge_heads.reference(z, [*range(num_heads)], num_heads), x)


def test_a_head_that_is_gone_is_a_head_that_is_silent():
    z = torch.randn(2, 4, 3, 5)
    silent = z.clone()
    silent[:, [0, 2]] = 0
    got = checks.merge_heads.reference(z[:, [1, 3]], [1, 3], 4)
    assert torch.equal(got, checks.merge_heads.reference(silent, [0, 1, 2, 3], 4))
