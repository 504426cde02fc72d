"""The layer viewer's Python side: the rollout, from one word at a time."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from txlite.viz.widgets.layer_viewer import LayerViewer, Reading

N, A = 3, 4
NAMES = list("wxyz")


def reading(words: str, seed: int) -> Reading:
    draw, size = torch.Generator().manual_seed(seed), len(words)
    maps = torch.randn(N, size, size, generator=draw).softmax(-1)
    told = torch.randn(N + 1, size, A, generator=draw).softmax(-1)
    return Reading(tuple(words), words.upper(), maps, told)


READINGS = [reading("abcde", 1), reading("fgh", 2)]


def viewer(**traits: Any) -> LayerViewer:
    return LayerViewer(READINGS, NAMES, **traits)


@pytest.mark.parametrize("text", [0, 1])
@pytest.mark.parametrize("residual", [True, False])
def test_the_first_row_is_the_rollout(text: int, residual: bool) -> None:
    maps = READINGS[text].maps.double()
    eye = torch.eye(maps.shape[-1]).double()
    ways = (maps + eye) / 2 if residual else maps
    total = ways[2] @ ways[1] @ ways[0]
    for word in range(maps.shape[-1]):
        shares, _ = viewer(text=text, word=word, residual=residual).gather()
        assert_close(shares[0], total[word])
        assert_close(shares[-1], eye[word])
        assert_close(shares.sum(-1), torch.ones(N + 1).double(), rtol=0, atol=1e-6)


def test_an_earlier_layer_has_a_shorter_way() -> None:
    shares, answers = viewer(word=2, layer=1).gather()
    assert_close(shares[0], (READINGS[0].maps[0, 2].double() + torch.eye(5)[2]) / 2)
    assert len(shares) == 2
    assert_close(answers, READINGS[0].probabilities[1, 2].double())
    shares, answers = viewer(word=2, layer=0).gather()
    assert_close(shares, torch.eye(5)[2:3].double())
    assert_close(answers, READINGS[0].probabilities[0, 2].double())


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(viewer()) == "LayerViewer: Layer by layer: where a word's knowledge comes from"


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    first = READINGS[0]
    with pytest.raises(
        ValueError, match=r"maps should have shape \(N=3, T=5, S=5\), got \(3, 4, 5\)"
    ):
        LayerViewer([first._replace(maps=first.maps[:, :4])], NAMES)
    with pytest.raises(ValueError, match="probabilities should have shape"):
        LayerViewer([first._replace(probabilities=first.probabilities[:-1])], NAMES)
    with pytest.raises(ValueError, match="probabilities should have shape"):
        LayerViewer(READINGS, NAMES[:-1])
