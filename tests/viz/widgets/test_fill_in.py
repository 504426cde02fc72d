"""The figure of hidden words carries what the page computes with, and encodes as it does."""

from dataclasses import asdict
from typing import Any

import pytest
import torch
import traitlets

from txlite.models import BERTConfig, BERTForMaskedLM
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.fill_in import FillIn

TOKENS = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "SMALL", "LETTER", "a", "A"]
SIZES: dict[str, Any] = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1, "max_len": 6}


def model(**choices: Any) -> BERTForMaskedLM:
    config = BERTConfig(vocab_size=len(TOKENS), **(SIZES | choices))
    return BERTForMaskedLM(config).half().float()


def figure(made: BERTForMaskedLM, **changes: Any) -> FillIn:
    given = {"config": asdict(made.config), "weights": made.state_dict(), "tokens": TOKENS}
    return FillIn(**(given | {"examples": ["small letter A", "a"]} | changes))


def test_config_and_weights_come_back_as_they_were() -> None:
    made = model(norm_first=True)
    told = figure(made, hidden=[0, 2])
    other = BERTForMaskedLM(BERTConfig(**told.config))
    other.load_state_dict({n: x.float() for n, x in told.weights.tensors.items()})
    for want, got in zip(made.parameters(), other.parameters(), strict=True):
        assert torch.equal(want, got)
    assert other.config.norm_first
    assert told.weights.apart
    assert (told.sentence, told.hidden, told.room) == ("small letter A", [0, 2], 4)
    assert figure(model(positions="rotary")).room == 0
    plain = figure(made, sentence="a")
    assert (plain.sentence, plain.hidden, plain.word) == ("a", [], -1)
    assert (plain.layer, plain.head) == (-1, -1)
    assert plain.marks == {"[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "[MASK]": 4}


@pytest.mark.parametrize(
    ("sentence", "hidden", "want"),
    [
        ("small letter A", [], [1, 5, 6, 8, 2]),
        ("Small-LETTER a", [1], [1, 5, 4, 7, 2]),  # as it is typed, before any other form
        ("  letter\t-other [MASK]", [7, -1], [1, 6, 3, 4, 2]),
        ("A A A A A A", [5, 0], [1, 4, 8, 8, 8, 2]),
        ("", [0], [1, 2]),
    ],
)
def test_a_sentence_becomes_what_the_model_reads(
    sentence: str, hidden: list[int], want: list[int]
) -> None:
    assert figure(model()).encode(sentence, hidden) == want


def test_what_the_page_cannot_compute_is_refused_by_name() -> None:
    made = model()
    with pytest.raises(ValueError, match="examples should hold at least one sentence"):
        figure(made, examples=[])
    with pytest.raises(ValueError, match=r"got no \[SEP\], \[MASK\]"):
        figure(made, tokens=["[PAD]", "[CLS]", "[UNK]", *"abcdef"])
    with pytest.raises(ValueError, match=r"tokens should be 9, .* got 8"):
        figure(made, tokens=TOKENS[:-1])
    with pytest.raises(ValueError, match=r"positions learned, .*, got 'relative'"):
        figure(model(positions="relative"))
    odd = made.state_dict() | {"head.dense.bias": torch.full((8,), 0.1)}
    with pytest.raises(ValueError, match=r"float16 numbers.*head\.dense\.bias is not"):
        figure(made, weights=odd)


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(FillIn.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(FillIn.class_traits(sync=True))
    told = figure(model(), hidden=[1]).frame
    limits = {"min": -1, "whole": True}
    assert told["choices"] == {
        "sentence": {}, "hidden": {}, "word": limits, "layer": limits, "head": limits,
    }  # fmt: skip
    begun = {"sentence": "small letter A", "hidden": [1], "word": -1, "layer": -1, "head": -1}
    assert told["beginning"] == begun


@pytest.mark.parametrize("name", ["word", "layer", "head", "room"])
def test_what_is_out_of_range_is_refused(name: str) -> None:
    made = figure(model())
    with pytest.raises(traitlets.TraitError):
        setattr(made, name, -2)
