import pytest
import torch
from torch.nn.functional import layer_norm, relu
from torch.nn.functional import scaled_dot_product_attention as torchs

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


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda *a: written_out(*a, causal=False), "not causal"),
        (lambda x, m, t, s: written_out(x, m, t, s, their=t), "target mask used for the source"),
        (lambda x, m, t, s: written_out(x, m, t, s | True), "source padding ignored"),
        (lambda *a: written_out(*a, last=False), "feed-forward missing"),
        (lambda x, m, t, s: written_out(x, m, t | True, s), "target padding ignored"),
        (
            lambda *a: written_out(*a, causal=False, last=False),
            "not causal + feed-forward missing",
        ),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    assert check(answer).mistake == name


def test_the_future_cannot_change_the_past():
    x, memory = torch.randn(1, 4, 3), torch.randn(1, 2, 3)
    keeps = torch.ones(1, 4).bool(), torch.ones(1, 2).bool()
    later = x.clone()
    later[:, 3] = 9.0
    before, after = (check.reference(z, memory, *keeps) for z in (x, later))
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before, after)
