import operator

import pytest
import torch
from torch.nn.functional import layer_norm, relu
from torch.nn.functional import scaled_dot_product_attention as torchs

from tests.checks.written import earns
from txlite import checks

check = checks.decoder_layer


def written_out(x, memory, target_keep, source_keep, causal=True, their=None, last=True):
    """The same, line by line."""
    size, keep = x.shape[-2:-1], target_keep
    allowed = keep[:, None].expand(-1, *size, -1)
    if causal:
        allowed = allowed.tril()
    z = layer_norm(x, x.shape[-1:])
    x = x + torchs(z, z, z, allowed)
    z = layer_norm(x, x.shape[-1:])
    x = x + torchs(z, memory, memory, (source_keep if their is None else their)[:, None])
    return x + relu(layer_norm(x, x.shape[-1:])) if last else x


def test_right_answers_in_other_words_pass():
    check(written_out).require()


def norm(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def by_softmax(q, k, v, allowed):
    """Attention in which a row without any key is NaN."""
    return (q @ k.mT / k.shape[-1] ** 0.5).masked_fill(~allowed, -torch.inf).softmax(-1) @ v


def gather(z, keep, rule=operator.ge, attend=torchs):
    i = torch.arange(z.shape[1])
    return attend(z, z, z, rule(i[:, None], i) & keep[:, None])


def look_up(z, memory, keep):
    return torchs(z, memory, memory, keep[:, None])


def gathered(*args, **options):
    """The whole layer with another self-attention."""
    x, memory, target_keep, source_keep = args
    x = x + gather(norm(x), target_keep, **options)
    x = x + look_up(norm(x), memory, source_keep)
    return x + relu(norm(x))


def looked_up(x, target_keep, read):
    """The whole layer with another cross-attention."""
    x = x + gather(norm(x), target_keep)
    x = x + read(norm(x))
    return x + relu(norm(x))


def triangle(z, m, s):
    i, j = torch.arange(z.shape[1]), torch.arange(m.shape[1])
    return torchs(z, m, m, (j <= i[:, None]) & s[:, None])


def cross_first(x, m, t, s):
    x = x + look_up(norm(x), m, s)
    x = x + gather(norm(x), t)
    return x + relu(norm(x))


def no_cross(x, m, t, s):
    x = x + gather(norm(x), t)
    return x + relu(norm(x))


def no_self(x, m, t, s):
    x = x + look_up(norm(x), m, s)
    return x + relu(norm(x))


def post_norm(x, m, t, s):
    x = norm(x + gather(x, t))
    x = norm(x + look_up(x, m, s))
    return norm(x + relu(x))


def token_by_token(x, m, t, s, read):
    """One row after another; ``read`` says what self-attention gets of the earlier ones."""
    done = x[:, :0]
    for i in range(x.shape[1]):
        seen, new = norm(read(done, x[:, : i + 1])), x[:, i : i + 1]
        new = new + torchs(norm(new), seen, seen, t[:, None, : i + 1])
        new = new + look_up(norm(new), m, s)
        done = torch.cat([done, new + relu(norm(new))], 1)
    return done


def test_token_by_token_is_right_if_what_came_in_is_kept():
    check(lambda *a: token_by_token(*a, read=lambda done, given: given)).require()


WRITTEN = {
    "not causal": lambda *a: written_out(*a, causal=False),
    "strictly causal": lambda *a: gathered(*a, rule=operator.gt),
    "strictly causal, first row NaN": lambda *a: gathered(*a, rule=operator.gt, attend=by_softmax),
    "the past is hidden": lambda *a: gathered(*a, rule=operator.le),
    "the past is hidden, rows of NaN": lambda *a: gathered(*a, rule=operator.le, attend=by_softmax),
    "target padding ignored": lambda x, m, t, s: written_out(x, m, t | True, s),
    "target mask used for the source": lambda x, m, t, s: written_out(x, m, t, s, their=t),
    "source padding ignored": lambda x, m, t, s: looked_up(x, t, lambda z: torchs(z, m, m)),
    "causal towards the source": lambda x, m, t, s: looked_up(x, t, lambda z: triangle(z, m, s)),
    "cross-attention first": cross_first,
    "cross-attention missing": no_cross,
    "self-attention missing": no_self,
    "feed-forward missing": lambda *a: written_out(*a, last=False),
    "memory normalised again": lambda x, m, t, s: written_out(x, norm(m), t, s),
    "values from the target": lambda x, m, t, s: looked_up(
        x, t, lambda z: torchs(z, m, z, s[:, None])
    ),
    "branches side by side": lambda x, m, t, s: (
        x + gather(norm(x), t) + look_up(norm(x), m, s) + norm(x).clamp(min=0)
    ),
    "reads what it has returned": lambda *a: token_by_token(
        *a, read=lambda done, given: torch.cat([done, given[:, -1:]], 1)
    ),
    "post-norm": post_norm,
    "residual missing": lambda x, m, t, s: relu(norm(look_up(norm(gather(norm(x), t)), m, s))),
}


def test_the_layers_that_are_varied_are_right():
    check(gathered).require()
    check(lambda *a: gathered(*a, attend=by_softmax)).require()
    check(lambda x, m, t, s: looked_up(x, t, lambda z: look_up(z, m, s))).require()


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_mistakes_at_once_are_named():
    earns(
        check,
        lambda *a: written_out(*a, causal=False, last=False),
        "not causal + feed-forward missing",
    )


def test_the_future_cannot_change_the_past():
    x, memory = torch.randn(1, 4, 3), torch.randn(1, 2, 3)
    keeps = torch.ones(1, 4).bool(), torch.ones(1, 2).bool()
    later = x.clone()
    later[:, 3] = 9.0
    before, after = (check.reference(z, memory, *keeps) for z in (x, later))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before, after)
