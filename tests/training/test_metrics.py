import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from txlite.training import cross_entropy, mean_loss, perplexity, token_accuracy


def test_accuracy_counted_by_hand():
    logits = torch.tensor([[[0.0, 1], [1, 0], [1, 0]], [[0, 1], [0, 1], [1, 0]]])
    targets = torch.tensor([[1, 1, 0], [0, 1, 0]])  # right: yes no yes, no yes yes
    keep = torch.tensor([[True, True, True], [False, False, True]])
    assert token_accuracy(logits, targets, keep).item() == 0.75
    assert token_accuracy(logits, targets).item() == pytest.approx(4 / 6)
    assert token_accuracy(logits, targets, torch.zeros_like(keep)).item() == 0


def test_perplexity_of_a_guess_among_v():
    assert perplexity(math.log(37)) == pytest.approx(37)
    assert perplexity(0.0) == 1


def test_mean_loss_weighs_by_tokens_and_leaves_the_mode():
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.9)).double()
    batches = [(torch.randn(n, 4).double(), torch.randint(5, (n,))) for n in (1, 6)]

    def loss(m, batch):
        assert not m.training
        return cross_entropy(m(batch[0]), batch[1]) * len(batch[1]), len(batch[1])

    got = mean_loss(model, batches, loss)
    assert model.training
    joined = [torch.cat(parts) for parts in zip(*batches, strict=True)]
    wanted = cross_entropy(model.eval()(joined[0]), joined[1])
    assert_close(torch.tensor(got, dtype=torch.float64), wanted.detach())


@pytest.mark.plain
def test_no_token_is_an_error():
    with pytest.raises(ValueError, match=r"^batches should hold at least one token, got none"):
        mean_loss(nn.Linear(1, 1), [], lambda m, b: (torch.zeros(()), 0))


@pytest.mark.kills(
    "training: an evaluation thaws what was frozen",
    "training/_modes.py",
    "            module.training = mode",
    "            module.training = True",
)
def test_every_module_is_left_in_its_own_mode():
    model = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.9), nn.Dropout(0.9))
    model[1].eval()  # frozen on purpose
    with pytest.raises(ValueError, match="none"):
        mean_loss(model, [torch.zeros(2, 4)], lambda m, b: (m(b).sum(), 0))
    assert [module.training for module in model.modules()] == [True, True, False, True]


@pytest.mark.plain
def test_accuracy_refuses_what_would_only_broadcast():
    logits, targets = torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.long)
    with pytest.raises(ValueError, match=r"^targets should have .* \(2, 3\), got \(3,\)"):
        token_accuracy(logits, targets[0])
    with pytest.raises(ValueError, match=r"^keep should hold bool .* got bool in \(2, 1\)"):
        token_accuracy(logits, targets, torch.ones(2, 1, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"^keep should hold bool .* got int64"):
        token_accuracy(logits, targets, torch.ones_like(targets))
