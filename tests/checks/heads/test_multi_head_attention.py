import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.nn import MultiHeadAttention

check = checks.multi_head_attention


def looped(x, w_query, w_key, w_value, w_output, num_heads, root=None):
    """One head after the other, each with its own slice of the matrices."""
    width = x.shape[-1] // num_heads
    heads = []
    for h in range(num_heads):
        own = slice(h * width, (h + 1) * width)
        q, k, v = x @ w_query[:, own], x @ w_key[:, own], x @ w_value[:, own]
        heads.append((q @ k.mT / (root or width**0.5)).softmax(-1) @ v)
    return torch.cat(heads, -1) @ w_output


def module(x, w_query, w_key, w_value, w_output, num_heads):
    layer = MultiHeadAttention(x.shape[-1], num_heads, bias=False).to(x)
    names = ("query_proj", "key_proj", "value_proj", "output_proj")
    matrices = (w_query, w_key, w_value, w_output)
    state = {f"{name}.weight": w.T for name, w in zip(names, matrices, strict=True)}
    return torch.func.functional_call(layer, state, (x,))


def test_right_answers_in_other_words_pass():
    check(looped).require()
    check(module).require()


def shares(scores, axis):
    return (scores - scores.logsumexp(axis, keepdim=True)).exp()


def pieces(x, num_heads):
    return x.chunk(num_heads, -1)


def stretches(x, num_heads):
    """Cut all numbers of a sentence into stretches, whoever's they are."""
    return [part.view(len(x), x.shape[1], -1) for part in x.flatten(1).chunk(num_heads, 1)]


def every_nth(x, num_heads):
    return [x[..., h::num_heads] for h in range(num_heads)]


def heads(x, a, b, c, n, cut=pieces, root=None, axis=-1):
    """What each head returns, (B, T, E) by (B, T, E)."""
    parts = zip(*(cut(x @ w, n) for w in (a, b, c)), strict=True)
    scores, values = [], []
    for query, key, value in parts:
        scores.append(torch.einsum("bte,bse->bts", query, key) / (root or key.shape[-1] ** 0.5))
        values.append(value)
    weights = shares(torch.stack(scores, 1), axis)
    return [w @ v for w, v in zip(weights.unbind(1), values, strict=True)]


def beside(parts):
    return torch.cat(list(parts), -1)


def below(parts):
    """Write all that the heads return in one go, and break the lines where words end."""
    return torch.stack(parts, 1).flatten(1).view(*parts[0].shape[:2], -1)


def mean(parts):
    return sum(parts) / len(parts)


def at_one_position(x, a, b, c, n):
    """At each position, the heads attend to each other."""
    rows = []
    for word in x.unbind(1):
        q, k, v = (torch.stack(pieces(word @ w, n), 1) for w in (a, b, c))
        weights = shares(q @ k.mT / q.shape[-1] ** 0.5, -1)
        rows.append(beside((weights @ v).unbind(1)))
    return torch.stack(rows, 1)


def same(w):
    return torch.eye(len(w))


WRITTEN = {
    "divides by √d_model": lambda x, a, b, c, d, n: looped(x, a, b, c, d, n, len(d) ** 0.5),
    "divides by √(number of heads)": lambda x, a, b, c, d, n: looped(x, a, b, c, d, n, n**0.5),
    "softmax over the heads": lambda x, a, b, c, d, n: beside(heads(x, a, b, c, n, axis=1)) @ d,
    "W^O forgotten": lambda x, a, b, c, d, n: beside(heads(x, a, b, c, n)),
    "W^O transposed": lambda x, a, b, c, d, n: torch.einsum(
        "btd,od->bto", beside(heads(x, a, b, c, n)), d
    ),
    "split without transpose": lambda x, a, b, c, d, n: (
        beside(heads(x, a, b, c, n, cut=stretches)) @ d
    ),
    "merge without transpose": lambda x, a, b, c, d, n: below(heads(x, a, b, c, n)) @ d,
    "split and merge without transpose": lambda x, a, b, c, d, n: (
        below(heads(x, a, b, c, n, cut=stretches)) @ d
    ),
    "heads attend to each other": lambda x, a, b, c, d, n: at_one_position(x, a, b, c, n) @ d,
    "heads interleaved": lambda x, a, b, c, d, n: beside(heads(x, a, b, c, n, every_nth)) @ d,
    "one wide head": lambda x, a, b, c, d, n: looped(x, a, b, c, d, 1),
    "first head in place of all": lambda x, a, b, c, d, n: (
        beside([heads(x, a, b, c, n)[0]] * n) @ d
    ),
    "heads averaged": lambda x, a, b, c, d, n: mean(heads(x, a, b, c, n)) @ d,
    "mean of the heads for every head": lambda x, a, b, c, d, n: (
        beside([mean(heads(x, a, b, c, n))] * n) @ d
    ),
    "matrices transposed": lambda x, a, b, c, d, n: looped(x, a.T, b.T, c.T, d, n),
    "query and key matrices swapped": lambda x, a, b, c, d, n: looped(x, b, a, c, d, n),
    "key and value matrices swapped": lambda x, a, b, c, d, n: looped(x, a, c, b, d, n),
    "keys handed over": lambda x, a, b, c, d, n: looped(x, a, b, b, d, n),
    "input handed over": lambda x, a, b, c, d, n: looped(x, a, b, same(c), d, n),
    "W^Q for the keys too": lambda x, a, b, c, d, n: looped(x, a, a, c, d, n),
    "no projection": lambda x, a, b, c, d, n: looped(x, same(a), same(b), same(c), d, n),
    "no scale": lambda x, a, b, c, d, n: looped(x, a, b, c, d, n, 1.0),
    "divides by d_k": lambda x, a, b, c, d, n: looped(x, a, b, c, d, n, len(d) / n),
    "softmax over the queries": lambda x, a, b, c, d, n: beside(heads(x, a, b, c, n, axis=-2)) @ d,
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_mistake_in_other_words_earns_its_name(name):
    earns(check, WRITTEN[name], name)


def test_every_mistake_is_written():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (
            lambda x, a, b, c, d, n: looped(x, a, b, c, torch.eye(len(d)).to(d), n),
            "W^O forgotten",
        ),
        (
            lambda x, a, b, c, d, n: looped(x, a, b, c, torch.eye(len(d)).to(d), n, 1.0),
            "W^O forgotten + no scale",
        ),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    earns(check, answer, name)
