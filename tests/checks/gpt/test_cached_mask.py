import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.models import GPT, GPTConfig
from txlite.nn import KVCache

check = checks.cached_mask


def table(keep, new, allowed):
    """Ask for every query and key; ``query`` is where the token stands."""
    rows, keys = keep.shape
    past = keys - new
    return torch.tensor(
        [
            [
                [bool(allowed(keep[b].tolist(), past + t, k, past)) for k in range(keys)]
                for t in range(new)
            ]
            for b in range(rows)
        ]
    )


def asking(allowed):
    return lambda keep, new: table(keep, new, allowed)


def right(keep, query, key, past):
    return keep[key] and key <= query


def test_right_answers_in_other_words_pass():
    check(asking(right)).require()

    def by_triangle(keep, new):
        causal = torch.ones(new, keep.shape[1]).tril(keep.shape[1] - new).bool()
        return causal & keep.unsqueeze(1)

    check(by_triangle).require()


def first_row(keep, new):
    return table(keep[:1].repeat(len(keep), 1), new, right)


WRITTEN = {
    "counted from the first key": asking(lambda k, i, j, past: k[j] and j <= i - past),
    "not to itself": asking(lambda k, i, j, past: k[j] and j < i),
    "one position too far": asking(lambda k, i, j, past: k[j] and j < i + 2),
    "all that is new": asking(lambda k, i, j, past: k[j]),
    "all new tokens stand at the end": asking(lambda k, i, j, past: k[j] and j < len(k) - 1),
    "only the new tokens": asking(lambda k, i, j, past: right(k, i, j, past) and j >= past),
    "only the cache": asking(lambda k, i, j, past: k[j] and j < past),
    "what comes later": asking(lambda k, i, j, past: k[j] and i <= j),
    "padding attended to": asking(lambda k, i, j, past: j <= i),
    "padding upside down": asking(lambda k, i, j, past: not k[j] and j <= i),
    "padding on the other side": asking(lambda k, i, j, past: j <= i and j < k.count(True)),
    "queries for keys": asking(lambda k, i, j, past: k[i] and j <= i),
    "the first row's padding": first_row,
    "one of the two is enough": asking(lambda k, i, j, past: k[j] or j <= i),
    "True for hidden": asking(lambda k, i, j, past: not right(k, i, j, past)),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("new", [1, 2, 3, 6])
def test_what_it_hides_decides_nothing_and_what_it_shows_does(new):
    """The gradient at the embeddings says which tokens a prediction of a GPT depends on."""
    torch.manual_seed(0)
    config = GPTConfig(vocab_size=11, d_model=16, num_heads=2, d_ff=32, num_layers=1)
    model = GPT(config).eval()
    keep = torch.tensor([[False, False, True, True, True, True], [True] * 6])
    tokens = torch.tensor([[0, 0, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6]])
    wanted = check.reference(keep, new)
    found = torch.zeros_like(wanted)
    hook = model.embedding.register_forward_hook(lambda *args: vectors.append(args[2]) or None)
    for query in range(6 - new, 6):
        vectors: list[torch.Tensor] = []
        logits = model(tokens, keep=keep)[:, query].square().sum()
        (moves,) = torch.autograd.grad(logits, vectors[-1])
        found[:, query - (6 - new)] = moves.abs().amax(-1) > 0
    hook.remove()
    real = keep[:, -new:]
    assert found[real].equal(wanted[real])  # what padding attends to is its own affair
    with torch.no_grad():
        cache = KVCache()
        pieces = [
            model(part, keep=keep[:, : cache.length + part.shape[1]], cache=cache)
            for part in tokens.split(new, dim=1)
        ]
        whole = model(tokens, keep=keep)
    assert torch.cat(pieces, dim=1)[keep].allclose(whole[keep], atol=1e-5)
