"""The explorer's Python side is txlite.training, and its traits refuse nonsense."""

import math

import pytest
import torch
import traitlets

from txlite.training import smoothed_targets, token_losses, warmup_cosine, warmup_inverse_sqrt
from txlite.viz.widgets.training_explorer import TrainingExplorer

SETTINGS = [
    {},
    {"d_model": 64, "warmup_steps": 500, "step": 20_000, "epsilon": 0.5, "vocab_size": 2},
    {"warmup_steps": 16_000, "step": 16_000, "epsilon": 0.01, "vocab_size": 37_000, "gap": 16.0},
    {"step": 1, "vocab_size": 10, "gap": -4.0},
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_rates_are_those_of_training(setting):
    explorer = TrainingExplorer(**setting)
    rates, step, warmup = explorer.rates(), explorer.step, explorer.warmup_steps
    paper = warmup_inverse_sqrt(explorer.d_model, warmup)
    assert rates.peak == pytest.approx(paper(warmup), rel=1e-12)
    assert rates.inverse_sqrt == pytest.approx(paper(step), rel=1e-12)
    cosine = warmup_cosine(rates.peak, warmup, explorer.total_steps)
    assert rates.cosine == pytest.approx(cosine(step), rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_prediction_is_the_label_smoothed_loss(setting):
    explorer = TrainingExplorer(**setting)
    got, vocabulary = explorer.prediction(), explorer.vocab_size
    gap = torch.tensor(explorer.gap, dtype=torch.float64, requires_grad=True)
    logits = torch.cat([gap[None], torch.zeros(vocabulary - 1, dtype=torch.float64)])
    target = torch.tensor(0)
    loss = token_losses(logits, target, label_smoothing=explorer.epsilon)
    loss.backward()
    assert got.loss == pytest.approx(loss.item(), abs=1e-9)
    assert got.pull == pytest.approx(gap.grad.item(), abs=1e-9)
    assert got.given == pytest.approx(logits.softmax(0)[0].item(), abs=1e-12)
    q = smoothed_targets(target, vocabulary, explorer.epsilon).double()
    assert got.wanted == pytest.approx(q[0].item(), abs=1e-6)
    assert got.least == pytest.approx(-(q * q.log()).sum().item(), abs=1e-5)
    assert got.best_gap == pytest.approx((q[0] / q[1]).log().item(), abs=1e-5)
    assert got.loss >= got.least - 1e-9


def test_without_smoothing_it_is_never_sure_enough():
    certain = TrainingExplorer(epsilon=0.0, gap=16.0).prediction()
    assert certain.best_gap == math.inf
    assert certain.least == 0
    assert certain.pull < 0
    at_the_bottom = TrainingExplorer(epsilon=0.1, vocab_size=10)
    at_the_bottom.gap = at_the_bottom.prediction().best_gap
    assert at_the_bottom.prediction().pull == pytest.approx(0, abs=1e-12)
    assert repr(at_the_bottom) == "TrainingExplorer: How fast, and how sure?"


@pytest.mark.plain
def test_nonsense_is_refused_by_name():
    with pytest.raises(traitlets.TraitError, match=r"d_model should be one of \(64, .*, got 100"):
        TrainingExplorer(d_model=100)
    with pytest.raises(traitlets.TraitError, match=r"vocab_size should be one of .*, got 3"):
        TrainingExplorer(vocab_size=3)
    for name, value in {"warmup_steps": 0, "epsilon": 0.6, "gap": 17.0, "step": 0}.items():
        with pytest.raises(traitlets.TraitError, match=name):
            TrainingExplorer(**{name: value})
