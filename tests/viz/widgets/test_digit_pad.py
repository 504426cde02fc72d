"""The digit pad carries what the page computes with, and reads drawings as digits are made."""

from typing import Any

import pytest
import torch
import traitlets
from sklearn.datasets import load_digits
from torch.testing import assert_close

from txlite.models import ViTConfig, ViTForImageClassification
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.digit_pad import DigitPad, digit_of

SIZES: dict[str, Any] = {
    "image_size": 8, "patch_size": 2, "num_channels": 1, "num_labels": 10,
    "d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1,
}  # fmt: skip
DIGITS = load_digits()
PICTURES = torch.tensor(DIGITS.images[:6] / 16, dtype=torch.float32)[:, None]
LABELS = torch.tensor(DIGITS.target[:6])


def model(**choices: Any) -> ViTForImageClassification:
    return ViTForImageClassification(ViTConfig(**(SIZES | choices))).half().float()


def figure(made: ViTForImageClassification, **changes: Any) -> DigitPad:
    return DigitPad(made, **({"pictures": PICTURES, "labels": LABELS} | changes))


def test_config_weights_and_pictures_come_back_as_they_were() -> None:
    made = model(norm_first=False)
    told = figure(made, layer=0)
    other = ViTForImageClassification(ViTConfig(**told.config))
    other.load_state_dict({n: x.float() for n, x in told.weights.tensors.items()})
    for want, got in zip(made.parameters(), other.parameters(), strict=True):
        assert torch.equal(want, got)
    assert not other.config.norm_first
    assert told.weights.apart
    assert told.stack["pooling"] == "class"
    for n in range(6):
        assert torch.equal(told.reads(picture=n) / 16, PICTURES[n, 0])
    assert told.tests["labels"].tolist() == LABELS.tolist()
    assert (told.picture, told.layer, told.head, told.drawing) == (0, 0, -1, "")
    assert figure(made, drawing="0808").picture == -1
    assert figure(made, picture=3).picture == 3
    scaled = figure(made, pictures=PICTURES.double() * 4, full=4)
    assert torch.equal(scaled.tests["counts"], told.tests["counts"])


def test_a_drawing_is_as_large_and_as_dark_as_the_digits() -> None:
    """Wherever and however small it is drawn: what ``load_digits`` holds, measured here too."""
    dark = torch.tensor(DIGITS.images).sum((1, 2))
    by_digit = [float(dark[DIGITS.target == n].mean()) for n in range(10)]
    assert 302 < min(by_digit) < 304
    assert 329 < max(by_digit) < 331
    rows = torch.tensor(DIGITS.images).sum(2) > 0
    assert float(rows.all(1).double().mean()) > 0.99  # every digit is as high as its bitmap
    found = []
    for middle, wide, high in ((128, 70, 100), (60, 14, 20), (190, 42, 60)):
        turns = torch.linspace(0, 2 * torch.pi, 40)
        x, y = middle + wide * turns.cos(), middle + high * turns.sin()
        points = [f"{int(a):02x}{int(b):02x}" for a, b in zip(x, y, strict=True)]
        drawn = digit_of("0" + "".join(points))
        assert 303 < int(drawn.sum()) < 330
        assert drawn.any(1).all()
        assert drawn.any(0).tolist() == [False, *[True] * 6, False]
        found.append(drawn.double())
    assert_close(found[1], found[0], rtol=0, atol=3)  # whole units of a small ring are coarse
    assert_close(found[2], found[0], rtol=0, atol=2)


@pytest.mark.parametrize(
    ("drawing", "rows", "columns"),
    [
        ("0ff00ffff", 8, 4),  # a line down: no wider than its pen
        ("000ff ffff".replace(" ", ""), 4, 6),  # a line across: as wide as a digit may be
        ("08080", 4, 4),  # a dot
    ],
)
def test_lines_and_dots_are_not_stretched_to_squares(drawing: str, rows: int, columns: int) -> None:
    drawn = digit_of(drawing)
    assert (int(drawn.any(1).sum()), int(drawn.any(0).sum())) == (rows, columns)
    assert torch.equal(drawn, drawn.flip(0))
    assert torch.equal(drawn, drawn.flip(1))


@pytest.mark.parametrize("drawing", ["", ".", "0", "0123", "x8080", "0808", "0808g"])
def test_what_cannot_be_read_is_left_out(drawing: str) -> None:
    assert not digit_of(drawing).any()
    assert torch.equal(digit_of(f"{drawing}.0ff00ffff"), digit_of("0ff00ffff"))
    assert digit_of("0ff00ffff", 16).shape == (16, 16)


def test_what_the_page_cannot_compute_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="one channel, got 3 of 8 × 8"):
        figure(model(num_channels=3))
    with pytest.raises(ValueError, match="one channel, got 1 of 8 × 6"):
        figure(model(image_size=(8, 6)))
    with pytest.raises(ValueError, match="class_token should be True"):
        figure(model(class_token=False, pooling="mean"))
    with pytest.raises(ValueError, match=r"layer_scale should be None in a page, got 0\.5"):
        figure(model(layer_scale=0.5))
    with pytest.raises(ValueError, match=r"names should be 4, .* got 10"):
        figure(model(num_labels=4))
    with pytest.raises(ValueError, match=r"pictures should have shape .* axis Y disagrees"):
        figure(model(), pictures=PICTURES[:, :, :6])
    with pytest.raises(ValueError, match=r"labels should have shape .* axis N disagrees"):
        figure(model(), labels=LABELS[:5])
    with pytest.raises(ValueError, match=r"labels should be from 0 to 9, got \[10, 0, 1"):
        figure(model(), labels=torch.tensor([10, 0, 1, 2, 3, 4]))
    for wrong in (PICTURES + 0.01, PICTURES * 16, -PICTURES):
        with pytest.raises(ValueError, match=r"whole multiples of full / 16 = 0\.0625 up to 1"):
            figure(model(), pictures=wrong)
    odd = model()
    with torch.no_grad():
        odd.classifier.bias.fill_(0.1)
    with pytest.raises(ValueError, match=r"float16 numbers.*classifier\.bias is not"):
        figure(odd)


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(DigitPad.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(DigitPad.class_traits(sync=True))
    told = figure(model()).frame
    limits = {"min": -1, "whole": True}
    assert told["choices"] == {
        "drawing": {}, "picture": limits, "layer": limits, "head": limits,
    }  # fmt: skip
    assert told["beginning"] == {"drawing": "", "picture": 0, "layer": -1, "head": -1}


@pytest.mark.parametrize("name", ["picture", "layer", "head"])
def test_what_is_out_of_range_is_refused(name: str) -> None:
    made = figure(model())
    with pytest.raises(traitlets.TraitError):
        setattr(made, name, -2)
