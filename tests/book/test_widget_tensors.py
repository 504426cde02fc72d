"""Tensors on the way from Python to a page: every type and shape arrives number for number."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page

from txlite.viz.widgets.tensors import DTYPES

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

class Crate(Widget):
    title = traitlets.Unicode("A crate of tensors").tag(sync=True)
    numbers = Tensors()
    uses = ("tensors",)
"""
SCRIPT = """
const render = ({ model }) => {
  window.tx = tx;
  window.tensors = tx.tensors(model.get("numbers"));
};
export default { render };
"""
READ = """Object.entries(tensors).map(([name, t]) =>
    [name, t.dtype, t.shape, t.data.constructor.name, Array.from(t.data)])"""


@pytest.fixture(scope="module")
def crate(make_figure: Callable[..., Any]) -> Any:
    """A figure that hands its tensors to the test."""
    return make_figure("Crate", MODULE, SCRIPT)


def some(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    draw = 40 * torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))
    return draw.to(dtype)


def flat(tensor: torch.Tensor) -> list[float]:
    return tensor.reshape(-1).tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_and_shape_arrives(
    crate: Callable[..., Any], widget_page: OpenPage, dtype: torch.dtype
) -> None:
    given = {
        f"x{i}": some(dtype, *s) for i, s in enumerate([(), (0,), (3, 0, 2), (1,), (5, 7)])
    } | {
        "turned": some(dtype, 5, 7).T,
        "stepped": some(dtype, 9, 8)[::2, 1::3],
        "wide": some(dtype, 1).expand(3, 4),
    }
    page = widget_page(crate(numbers=given))
    found = page.evaluate(READ)
    assert [(name, kind, shape) for name, kind, shape, *_ in found] == [
        (name, DTYPES[dtype], list(t.shape)) for name, t in given.items()
    ]
    array = {"bool": "Uint8", "float16": "Float32"}.get(DTYPES[dtype], DTYPES[dtype].capitalize())
    assert {name for *_, name, _ in found} == {f"{array}Array"}
    assert {name: numbers for name, *_, numbers in found} == {n: flat(t) for n, t in given.items()}
    nested = page.evaluate("Object.values(tensors).map(tx.nested)")
    assert nested == [t.tolist() for t in given.values()]
    page.trace.assert_clean()


def test_every_half_is_the_number_that_it_is(
    crate: Callable[..., Any], widget_page: OpenPage
) -> None:
    halves = torch.arange(-(2**15), 2**15, dtype=torch.int16).view(torch.float16)
    page = widget_page(crate(numbers={"x": halves}))
    got = torch.tensor(page.evaluate("Array.from(tensors.x.data)"))
    assert torch.equal(got.isnan(), halves.isnan())
    assert torch.equal(got.nan_to_num(0.5), halves.float().nan_to_num(0.5))


def test_more_than_a_megabyte_arrives(crate: Callable[..., Any], widget_page: OpenPage) -> None:
    large = some(torch.float32, 600, 601)
    page = widget_page(crate(numbers={"odd": some(torch.int8, 3), "large": large}))
    assert page.evaluate("Array.from(tensors.large.data)") == flat(large)
    assert page.evaluate("tensors.large.data === tensors.large.data")  # decoded once


def test_a_part_has_the_names_without_the_prefix(
    crate: Callable[..., Any], widget_page: OpenPage
) -> None:
    page = widget_page(crate(numbers={n: torch.ones(1) for n in ("0.a", "0.b.c", "10.a", "1.a")}))
    assert page.evaluate("['0.', '1.', '2.'].map((n) => Object.keys(tx.part(tensors, n)))") == [
        ["a", "b.c"], ["a"], []
    ]  # fmt: skip


def test_what_does_not_fit_says_so(crate: Callable[..., Any], widget_page: OpenPage) -> None:
    page = widget_page(crate(numbers={"x": torch.ones(4)}))
    said = page.evaluate(
        """(layouts) => layouts.map((layout) => {
            const { data } = model.get("numbers");
            try { return tx.tensors({ layout, data }).x.data.length; }
            catch (error) { return error.message; }
        })""",
        [
            [["x", "float32", [4], 0]],
            [["x", "float32", [5], 0]],
            [["x", "float32", [4], 8]],
            [["x", "int64", [2], 0]],
        ],
    )
    assert said == [
        4,
        "x ends beyond its bytes",
        "x ends beyond its bytes",
        "x has dtype int64, which the page does not know",
    ]
