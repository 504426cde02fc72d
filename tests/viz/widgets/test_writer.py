"""The writer carries what the page computes with, and refuses what it cannot."""

import json
from dataclasses import asdict
from typing import Any

import pytest
import torch
import traitlets
from anywidget import AnyWidget

from txlite.data.tokenizers import train_bpe
from txlite.models import GPT, GPTConfig, Llama, LlamaConfig
from txlite.nn.positions import RotaryScaling
from txlite.viz.widgets._weights import Weights
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.writer import Writer

BPE = train_bpe(["one two three two one", "three two one"], 30)
SIZES: dict[str, Any] = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1, "max_len": 16}


def model(**choices: Any) -> GPT:
    found = GPT(GPTConfig(vocab_size=30, **(SIZES | choices)))
    return found.half().float()


def writer(made: GPT | Llama, **changes: Any) -> Writer:
    given: dict[str, Any] = {"config": asdict(made.config), "weights": made.state_dict()}
    given |= {"tokenizer": BPE.to_json(), "prompt": "one", "longest": 10}
    return Writer(**(given | changes))


def test_config_weights_and_tokenizer_come_back_as_they_were() -> None:
    made = model(norm_first=False)
    figure = writer(made, written=3, seed=5)
    other = GPT(GPTConfig(**figure.config))
    other.load_state_dict({n: x.float() for n, x in figure.weights.tensors.items()})
    for want, got in zip(made.parameters(), other.parameters(), strict=True):
        assert torch.equal(want, got)
    assert not other.config.norm_first
    assert figure.tokenizer == json.loads(BPE.to_json())
    assert all(x.dtype == torch.float16 for x in figure.weights.tensors.values())
    assert figure.weights.apart  # a file of their own
    assert figure.stack["positions"] == "learned"
    assert (figure.written, figure.seed, figure.room, figure.bos, figure.eos) == (3, 5, 6, -1, -1)


def test_it_starts_with_the_prompt_alone_and_a_mild_temperature() -> None:
    made = model(max_len=80)
    figure = Writer(asdict(made.config), made.state_dict(), BPE.to_json())
    assert (figure.longest, figure.room, figure.written, figure.prompt) == (60, 20, 0, "")
    assert (figure.temperature, figure.top_k, figure.top_p, figure.seed) == (0.8, 0, 1.0, 0)
    assert (figure.token, figure.layer, figure.head) == (-1, -1, -1)


def test_a_llama_is_told_as_one_and_has_no_last_position() -> None:
    made = Llama(LlamaConfig(vocab_size=30, rope_theta=50.0, **SIZES)).half().float()
    figure = writer(made, longest=40, bos_id=1, eos_id=2)
    assert figure.stack["positions"] == "rotary"
    assert figure.stack["rotary_base"] == 50.0
    assert (figure.room, figure.bos, figure.eos) == (0, 1, 2)
    assert LlamaConfig(**figure.config).rope_theta == 50.0


def test_what_the_page_cannot_compute_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="learned, sinusoidal, rotary, none, got 'alibi'"):
        writer(model(positions="alibi"))
    made = model()
    odd = made.state_dict() | {"embedding.weight": torch.full((30, 8), 1.0001)}
    with pytest.raises(ValueError, match=r"float16 numbers.*embedding\.weight is not"):
        writer(made, weights=odd)
    with pytest.raises(ValueError, match=r"longest should leave a position .* got 16 of 16"):
        writer(made, longest=16)
    assert writer(made, longest=15).room == 1
    with pytest.raises(ValueError, match="longest should be"):
        writer(made, longest=0)
    scaling = RotaryScaling(kind="linear", factor=2.0)
    scaled = LlamaConfig(vocab_size=30, rope_scaling=scaling, **SIZES)
    with pytest.raises(ValueError, match="rope_scaling should be None in a page"):
        writer(made, config=asdict(scaled))
    near = LlamaConfig(vocab_size=30, sliding_window=4, **SIZES)
    with pytest.raises(ValueError, match="sliding_window should be None in a page, got 4"):
        writer(made, config=asdict(near))


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        ("{", "got str"),
        ("[1]", "got a model of type None"),
        ('{"model": {"type": "WordPiece"}}', "got a model of type WordPiece"),
    ],
)
def test_another_tokenizer_is_refused(wrong: Any, got: str) -> None:
    with pytest.raises(ValueError, match=rf"JSON text of a BPE.*{got}"):
        writer(model(), tokenizer=wrong)


@pytest.mark.plain
def test_a_tokenizer_itself_is_refused() -> None:
    with pytest.raises(ValueError, match=r"as its to_json gives it, got BPE"):
        writer(model(), tokenizer=BPE)


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    for kind, base in ((Writer, Widget), (Weights, AnyWidget)):
        assert set(kind.class_traits()) - set(base.class_traits()) <= set(
            kind.class_traits(sync=True)
        )
    assert "title" in Writer.class_traits(sync=True)
    told = writer(model(), written=3).frame
    assert told["choices"] == {
        "prompt": {},
        "written": {"min": 0, "whole": True},
        "temperature": {"min": 0.0, "max": 2.0},
        "top_k": {"min": 0, "whole": True},
        "top_p": {"min": 0.0, "max": 1.0},
        "seed": {"min": 0, "max": 99, "whole": True},
        "token": {"min": -1, "whole": True},
        "layer": {"min": -1, "whole": True},
        "head": {"min": -1, "whole": True},
    }
    begun = {"prompt": "one", "written": 3, "temperature": 0.8, "top_k": 0, "top_p": 1.0}
    assert told["beginning"] == {**begun, "seed": 0, "token": -1, "layer": -1, "head": -1}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("temperature", 2.5), ("temperature", -0.1), ("top_p", -0.1), ("top_p", 1.1),
        ("top_k", -1), ("seed", 100), ("seed", -1), ("written", -1), ("token", -2),
        ("layer", -2), ("head", -2), ("room", -1), ("longest", 0),
    ],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(name: str, wrong: float) -> None:
    figure = writer(model())
    with pytest.raises(traitlets.TraitError):
        setattr(figure, name, wrong)
