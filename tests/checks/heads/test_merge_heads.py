import pytest
import torch

from tests.checks.written import earns
from txlite import checks


@pytest.mark.parametrize(
    "answer",
    [
        lambda z: torch.cat(z.unbind(1), -1),
        lambda z: z.permute(0, 2, 1, 3).reshape(z.size(0), z.size(2), -1),
    ],
    ids=["cat", "permute"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.merge_heads(answer).require()


WRITTEN = {
    "reshaped without transpose": lambda z: z.flatten(1).unflatten(1, (z.size(2), -1)),
    "flatten forgotten": lambda z: torch.stack(z.unbind(1), 2),
    "interleaved": lambda z: torch.stack(
        [z[:, h, :, e] for e in range(z.size(3)) for h in range(z.size(1))], -1
    ),
    "heads averaged": lambda z: sum(z.unbind(1)) / z.size(1),
    "heads added": lambda z: sum(z.unbind(1)),
    "first head only": lambda z: z.unbind(1)[0],
    "one after another": lambda z: torch.cat(z.unbind(1), 1),
    "heads in reverse": lambda z: torch.cat(z.unbind(1)[::-1], -1),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(checks.merge_heads, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(checks.merge_heads.mistakes)


def test_natural_mistakes_are_named():
    assert checks.merge_heads(lambda z: z.flatten(2)).mistake is None
    assert checks.merge_heads(lambda z: z.contiguous().view(z.size(0), z.size(2), -1)).mistake == (
        "reshaped without transpose"
    )


@pytest.mark.parametrize("case", checks.split_heads.cases)
def test_merging_undoes_splitting(case):
    x, num_heads = case
    z = checks.split_heads.reference(x, num_heads)
    assert z.shape == (x.shape[0], num_heads, x.shape[1], x.shape[2] // num_heads)
    assert torch.equal(checks.merge_heads.reference(z), x)
