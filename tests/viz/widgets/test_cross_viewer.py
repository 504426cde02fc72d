"""The cross-attention viewer's Python side: every choice of words has its own numbers."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from txlite.viz.widgets.cross_viewer import CrossViewer, Study, Variant


def study(source: str, num_blanks: int, seed: int) -> Study:
    draw = torch.Generator().manual_seed(seed)
    words, variants = [*source, *[""] * num_blanks], []
    for n in range(2 ** len(words)):
        target = [f"w{n}-{t}" for t in range(1 + n % 3)]
        weights = torch.rand(len(target), len(words), generator=draw)
        probabilities = torch.rand(len(target), 3, generator=draw)
        variants.append(Variant(target, weights, [["x", "y", "z"]] * len(target), probabilities))
    return Study(words, [bool(word) for word in words], variants)


STUDIES = [study("abc", 1, 1), study("de", 0, 2)]


def viewer(**traits: Any) -> CrossViewer:
    return CrossViewer(STUDIES, **traits)


@pytest.mark.parametrize(("sentence", "size"), [(0, 4), (1, 2)])
def test_it_shows_the_variant_of_the_visible_words(sentence: int, size: int) -> None:
    for visible in range(2**size):
        shown, want = viewer(sentence=sentence, visible=visible).shown(), None
        want = STUDIES[sentence].variants[visible]
        assert [*shown.target] == [*want.target]
        assert shown.options == [*want.options]
        assert_close(shown.weights, want.weights.double())
        assert_close(shown.probabilities, want.probabilities.double())


def test_it_starts_with_all_words_and_no_blank() -> None:
    assert viewer().visible == 0b0111
    assert viewer(sentence=1).visible == 0b11
    assert viewer(visible=5).visible == 5


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(viewer()) == "CrossViewer: Cover a word: what the translator writes then"


@pytest.mark.plain
def test_errors_name_what_is_wrong() -> None:
    first = STUDIES[0]
    with pytest.raises(ValueError, match="variants should be 16, one for each choice of 4 words"):
        CrossViewer([first._replace(variants=first.variants[:-1])])
    with pytest.raises(ValueError, match="variants should be 16"):
        CrossViewer([first._replace(real=[True] * 3)])
    narrow = [v._replace(weights=v.weights[:, :-1]) for v in first.variants]
    with pytest.raises(ValueError, match=r"weights should have shape \(T=1, S=4\), got \(1, 3\)"):
        CrossViewer([first._replace(variants=narrow)])
    fewer = [*first.variants[:-1], first.variants[-1]._replace(probabilities=torch.rand(1, 2))]
    with pytest.raises(ValueError, match="probabilities should have shape"):
        CrossViewer([first._replace(variants=fewer)])
