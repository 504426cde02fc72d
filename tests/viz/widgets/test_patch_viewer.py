"""The patch viewer keeps pictures and maps, small, and close to what they were made of."""

import base64
import io
from typing import Any

import pytest
import torch
import traitlets
from PIL import Image
from torch.testing import assert_close

from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.patch_viewer import Maps, PatchViewer


def weights(*sizes: int, seed: int = 0) -> torch.Tensor:
    """Return maps with a few large weights and many small ones."""
    scores = torch.randn(*sizes, generator=torch.Generator().manual_seed(seed)) * 3
    return scores.softmax(-1)


PICTURES = {"one": torch.rand(3, 20, 30), "two": torch.rand(3, 20, 30)}
MAPS = {f"layers.{n}.attention": weights(2, 3, 7, 7, seed=n) for n in range(4)}


def figure(**changes: Any) -> PatchViewer:
    given = {"pictures": PICTURES, "maps": MAPS} | changes
    return PatchViewer(given.pop("pictures"), given.pop("maps"), **given)


def test_weights_lose_at_most_a_255th_of_their_rows_largest_and_small_ones_less() -> None:
    maps = weights(2, 1, 3, 40, 40).double()
    maps[0, 0, 0, 0] = 0.0
    got = Maps(maps).numbers()
    off = (got - maps).abs() / maps.amax(-1, keepdim=True).clamp(min=1e-30)
    assert float(off.max()) <= 1 / 255
    assert not got[0, 0, 0, 0].any()
    small = maps / maps.amax(-1, keepdim=True).clamp(min=1e-30) < 0.01
    assert small.any()
    assert float(off[small].max()) <= 0.11 / 255
    assert_close(got.amax(-1), maps.amax(-1), rtol=1e-6, atol=0)


def test_maps_go_to_their_pictures_and_layers() -> None:
    made = figure(layers=[3, 1])
    assert made.layers == ["layer 4", "layer 2"]
    assert (made.rows, made.columns, made.heads, made.before) == (2, 3, 3, ["class token"])
    for picture in range(2):
        want = torch.stack([MAPS[f"layers.{n}.attention"][picture] for n in (3, 1)]).double()
        assert_close(made.attention(picture), want, rtol=0, atol=1 / 255)
    assert figure().layers == [f"layer {n}" for n in range(1, 5)]
    assert figure().maps.apart
    assert [told["name"] for told in made.pictures] == ["one", "two"]


@pytest.mark.parametrize(
    ("height", "width", "before", "grid"),
    [(20, 30, 1, (2, 3)), (30, 20, 1, (3, 2)), (10, 70, 0, (1, 7)), (21, 29, 1, (2, 3))],
)
def test_the_grid_is_of_the_pictures_form(
    height: int, width: int, before: int, grid: tuple[int, int]
) -> None:
    picture = {"it": torch.zeros(1, height, width)}
    maps = {"layer": weights(1, 1, 7, 7)}
    made = PatchViewer(picture, maps, before=("class token",) * before)
    assert (made.rows, made.columns) == grid


def image(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_a_small_picture_is_exact_and_a_large_one_light() -> None:
    grey = torch.arange(64).view(1, 8, 8) / 63
    made = PatchViewer({"it": grey}, {"layer": weights(1, 1, 17, 17)})
    kept = image(made.pictures[0]["url"])
    assert kept.convert("L").tobytes() == bytes((grey * 255).round().flatten().int().tolist())
    noise = torch.rand(3, 600, 600, generator=torch.Generator().manual_seed(0))
    url = PatchViewer({"it": noise}, {"layer": weights(1, 1, 17, 17)}).pictures[0]["url"]
    assert len(url) < 30_100
    assert image(url).size[0] < 600  # nothing else makes noise so light
    smooth = torch.linspace(0, 1, 224).expand(3, 224, 224)
    url = PatchViewer({"it": smooth}, {"layer": weights(1, 1, 17, 17)}).pictures[0]["url"]
    assert image(url).size == (224, 224)


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="pictures and maps should not be empty"):
        figure(pictures={})
    with pytest.raises(ValueError, match=r"layers should be from 0 to 3, got \[4\]"):
        figure(layers=[4])
    with pytest.raises(ValueError, match=r"pictures\['two'\] should have shape"):
        figure(pictures=PICTURES | {"two": torch.rand(3, 20, 31)})
    with pytest.raises(ValueError, match=r"maps\['layers\.0\.attention'\] should have shape"):
        figure(pictures={"one": PICTURES["one"]})
    with pytest.raises(ValueError, match=r"maps\['odd'\] should have shape"):
        figure(maps=MAPS | {"odd": weights(2, 3, 7, 6)})
    with pytest.raises(ValueError, match=r"20 × 30 pixels .*, got 5 for patches"):
        figure(before=("class token", "register"))
    with pytest.raises(ValueError, match="got -1 for patches"):
        figure(before=("a",) * 8)
    with pytest.raises(ValueError, match="one channel or three, got 2"):
        figure(pictures={name: x[:2] for name, x in PICTURES.items()})
    for odd in (-0.1, float("nan")):
        with pytest.raises(ValueError, match="maps should hold weights from 0"):
            figure(maps={"layer": torch.full((2, 3, 7, 7), odd)})


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(PatchViewer.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(PatchViewer.class_traits(sync=True))
    told = figure(token=3).frame
    least = {"min": 0, "whole": True}
    averaged = {"min": -1, "whole": True}
    assert told["choices"] == {
        "picture": least, "token": least, "layer": averaged, "head": averaged,
    }  # fmt: skip
    assert told["beginning"] == {"picture": 0, "token": 3, "layer": -1, "head": -1}


@pytest.mark.parametrize(("name", "value"), [("token", -1), ("layer", -2), ("rows", 0)])
def test_what_is_out_of_range_is_refused(name: str, value: int) -> None:
    made = figure()
    with pytest.raises(traitlets.TraitError):
        setattr(made, name, value)
