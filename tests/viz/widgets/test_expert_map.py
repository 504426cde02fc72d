"""The map of experts carries what the page computes with, and reads texts as it does."""

from dataclasses import asdict
from typing import Any

import pytest
import torch
import traitlets

from txlite.models import GPTWithExperts, GPTWithExpertsConfig
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.expert_map import ExpertMap

SIZES: dict[str, Any] = {
    "vocab_size": 256, "d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 4, "max_len": 20,
    "num_experts": 3,
}  # fmt: skip


def model(**choices: Any) -> GPTWithExperts:
    torch.manual_seed(1)
    return GPTWithExperts(GPTWithExpertsConfig(**(SIZES | choices))).half()


def figure(made: GPTWithExperts, **traits: Any) -> ExpertMap:
    traits.setdefault("examples", ["two words", "three more words"])
    traits.setdefault("weights", made.state_dict())
    return ExpertMap(asdict(made.config), **traits)


def test_it_carries_the_model_and_what_the_page_must_know() -> None:
    made = model(dropout=0.3, expert_capacity=5)
    shown = figure(made)
    assert shown.weights.tensors.keys() == made.state_dict().keys()
    for name, tensor in made.state_dict().items():
        assert torch.equal(shown.weights.tensors[name], tensor)
    assert (shown.layers, shown.experts, shown.room) == ([1, 3], 3, 20)
    left_out = {"dropout", "attention_dropout", "ff_dropout", "expert_capacity", "capacity_factor"}
    assert shown.config.keys() == asdict(made.config).keys() - left_out
    again = GPTWithExperts(GPTWithExpertsConfig(**shown.config, capacity_factor=1.25))
    again.load_state_dict({n: x.float() for n, x in shown.weights.tensors.items()})


def test_it_starts_where_it_is_told() -> None:
    begun = figure(model()).frame["beginning"]
    assert begun == {"text": "two words", "layer": 1, "byte": 0, "capacity_factor": 3.0}
    begun = figure(model(capacity_factor=1.25), text="x", layer=3, byte=2).frame["beginning"]
    assert begun == {"text": "x", "layer": 3, "byte": 2, "capacity_factor": 1.25}
    chosen = figure(model(capacity_factor=1.25), capacity_factor=0.5)
    assert chosen.capacity_factor == 0.5


def test_a_text_is_read_as_bytes_and_to_its_limit() -> None:
    shown = figure(model())
    assert shown.encode("aé\n") == [97, 0xC3, 0xA9, 10]
    assert shown.encode("é" * 20) == [0xC3, 0xA9] * 10
    assert shown.encode("") == []
    assert shown.encode("\ud800") == [0xEF, 0xBF, 0xBD]  # half a character, as a browser writes it
    assert figure(model(), longest=3).encode("abcde") == [97, 98, 99]
    assert figure(model(positions="rotary", max_len=300)).room == 160


@pytest.mark.plain
def test_what_a_page_cannot_show_is_refused_by_name() -> None:
    made = model()
    for traits, message in (
        ({"examples": []}, "examples should hold at least one text, got none"),
        ({"layer": 2}, r"layer should be one of \[1, 3\], which have experts, got 2"),
        ({"capacity_factor": 1.1}, "multiple of 0.25 from 0.25 to num_experts=3, got 1.1"),
        ({"capacity_factor": 0.0}, "capacity_factor should be a multiple .* got 0.0"),
        ({"capacity_factor": 3.25}, "capacity_factor should be a multiple .* got 3.25"),
        ({"longest": 0}, "longest should be .* got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            figure(made, **traits)
    for choices, message in (
        ({"sparse_step": 0}, "weights should hold a layer with experts, got none"),
        ({"vocab_size": 128}, "config should have vocab_size=256, .* got 128"),
        ({"top_k": 2}, "config should have top_k=1 in a page, got 2"),
        ({"positions": "alibi"}, "the page can do positions learned, .* got 'alibi'"),
        ({"capacity_factor": 1.1}, "capacity_factor should be a multiple .* got 1.1"),
    ):
        with pytest.raises(ValueError, match=message):
            figure(model(**choices))
    odd = made.state_dict() | {"decoder.norm.bias": torch.full((8,), 0.1)}
    with pytest.raises(ValueError, match=r"float16 numbers.*decoder\.norm\.bias is not"):
        figure(made, weights=odd)


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(ExpertMap.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(ExpertMap.class_traits(sync=True))
    whole = {"min": 0, "whole": True}
    choices = figure(model()).frame["choices"]
    assert choices == {"text": {}, "layer": whole, "byte": whole, "capacity_factor": {"min": 0.25}}


@pytest.mark.parametrize("name", ["layer", "byte", "room", "capacity_factor", "experts"])
def test_what_is_out_of_range_is_refused(name: str) -> None:
    made = figure(model())
    with pytest.raises(traitlets.TraitError):
        setattr(made, name, -2)
