"""The emoji search carries two towers and a collection, and encodes as the page does."""

import base64
import io
import re
from dataclasses import asdict
from typing import Any

import pytest
import torch
import traitlets
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.testing import assert_close

from txlite.data.tokenizers import BPE, train_bpe
from txlite.models import CLIP, CLIPConfig, CLIPTextConfig, ViTConfig
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.emoji_search import Collection, EmojiSearch, TextTower, VisionTower

TOKENS = ["<s>", "</s>", "<?>", *"abcdefghij é中"]
SIZES: dict[str, Any] = {"d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1}
SPACE, COUNT, THINGS = 6, 5, 4


def model(vocab_size: int = len(TOKENS)) -> CLIP:
    words = CLIPTextConfig(vocab_size=vocab_size, max_len=7, end_id=1, **SIZES)
    eye = ViTConfig(image_size=4, patch_size=4, **SIZES)
    return CLIP(CLIPConfig(vision=eye, text=words, projection_dim=SPACE)).half().float()


def tower() -> nn.Module:
    layers = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(4, SPACE)).half().float()


def text(made: CLIP, **changes: Any) -> TextTower:
    given = TextTower(asdict(made.config.text), made.state_dict(), TOKENS, 0, 1, 2)
    return given._replace(**changes)


def rows(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, SPACE, generator=generator), dim=-1)


def collection(**changes: Any) -> Collection:
    generator = torch.Generator().manual_seed(1)
    pictures = torch.randint(256, (COUNT, 3, 8, 8), generator=generator, dtype=torch.uint8)
    names = {"en": ["a", "b", "c", "d"], "zh": ["中", "中中", "a中", "中a"]}
    vectors = {code: rows(THINGS, n) for n, code in enumerate(names)}
    given = Collection(pictures, rows(COUNT, 3), names, vectors, [0, 1, 2, 3, 3])
    return given._replace(**changes)


def figure(**changes: Any) -> EmojiSearch:
    given = {"text": text(model()), "vision": VisionTower(tower()), "collection": collection()}
    return EmojiSearch(**(given | {"queries": ["a b", "中"]} | changes))


def test_towers_come_back_as_they_were() -> None:
    made, seen = model(), tower()
    vision = VisionTower(seen, (0.5, 0.25, 1.0), (0.5, 0.5, -1.0))
    told = figure(text=text(made), vision=vision)
    assert CLIPTextConfig(**told.config) == made.config.text
    other = CLIP(made.config)
    weights = {
        ("text_" if name.startswith("projection") else "text.") + name: tensor
        for name, tensor in told.part("text.").items()
    }
    assert set(other.load_state_dict(weights, strict=False).missing_keys) == {
        name for name in other.state_dict() if name.startswith("vision") or name == "log_scale"
    }
    tokens = torch.tensor([told.encode("a中b")])
    assert_close(other.encode_texts(tokens), made.encode_texts(tokens), rtol=0, atol=0)
    picture = collection().pictures[1]
    read = told.pixels(picture)
    for channel, (mean, std) in enumerate(zip(vision.mean, vision.std, strict=True)):
        want = (picture[channel].double() / 255 - mean) / std
        assert_close(read[channel], want, rtol=0, atol=1e-15)
    want = seen.double()(read[None])
    assert_close(told.tower()(read[None]), want, rtol=0, atol=1e-12)
    assert told.weights.apart
    assert torch.equal(told.weights.tensors["vectors"], collection().vectors.half())
    assert torch.equal(told.part("name_vectors.")["zh"].half(), rows(THINGS, 1).half())


def test_what_is_not_said_is_plain() -> None:
    told = figure()
    assert told.things == [0, 1, 2, 3, 3]
    assert told.marks == [""] * COUNT
    assert told.languages == {"en": "English", "zh": "中文"}
    assert told.names["zh"][2] == "a中"
    assert (told.query, told.picked, told.drawing, told.sheet) == ("a b", 0, "", "")
    assert told.colours == {"mean": [0, 0, 0], "std": [1, 1, 1]}
    four = collection(things=None, pictures=collection().pictures[:4], vectors=rows(4))
    assert figure(collection=four).things == [0, 1, 2, 3]
    assert figure(query="c", picked=-1, drawing="01010").query == "c"
    assert figure(collection=collection(marks=[*"vwxyz"])).marks == [*"vwxyz"]


@pytest.mark.parametrize(
    ("typed", "more", "want"),
    [
        ("a b", {}, [0, 3, 13, 4, 1]),
        ("  B\ta ", {}, [0, 4, 2, 3, 1]),
        ("e\u0301中x", {}, [0, 14, 15, 2, 1]),  # two characters that are one
        ("x", {"unknown": None}, [0, 1]),
        ("abcdefgh", {}, [0, 3, 4, 5, 6, 7, 1]),
        ("abcdefgh", {"longest": 4}, [0, 3, 4, 1]),
        ("abc", {"begin": None}, [3, 4, 5, 1]),
        ("abcdefghij", {"begin": None, "end": None}, [3, 4, 5, 6, 7, 8, 9]),
        ("</s>", {}, [0, 2, 2, 2, 2, 1]),  # characters, and no mark
        ("", {}, [0, 1]),
    ],
)
def test_a_text_becomes_what_the_model_reads(
    typed: str, more: dict[str, Any], want: list[int]
) -> None:
    assert figure(text=text(model(), **more)).encode(typed) == want


def test_capitals_may_be_other_characters() -> None:
    made = text(model(), tokens=[*TOKENS[:-1], "A"])
    assert figure(text=made).encode("aA") == [0, 3, 3, 1]
    assert figure(text=made, folded=False).encode("aA") == [0, 3, 15, 1]


def test_pieces_are_those_of_the_tokenizer() -> None:
    bpe = train_bpe(["red heart", "reading the red book", "红心"] * 3, 40)
    pieces = text(
        model(bpe.vocab_size), tokens=bpe.to_json(), begin=BPE.bos_id, end=BPE.eos_id, unknown=None
    )
    told = figure(text=pieces)
    for typed in ("red heart", "  Reading RED", "红红 x", "</s> red"):
        want = bpe.encode(typed.strip().casefold())[:5]
        assert told.encode(typed) == [BPE.bos_id, *want, BPE.eos_id]
    assert told.reading["tokens"] == []


def test_a_sheet_holds_every_picture_where_the_page_looks() -> None:
    from PIL import Image

    shown = torch.zeros(COUNT, 3, 10, 10, dtype=torch.uint8)
    for n in range(COUNT):
        shown[n] = 50 * n
    address = figure(collection=collection(shown=shown)).sheet
    head, _, data = address.partition(",")
    assert head == "data:image/webp;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as sheet:
        assert sheet.size == (30, 20)  # three in a row
        for n in range(COUNT):
            red = sheet.getpixel((10 * (n % 3) + 5, 10 * (n // 3) + 5))[0]
            assert abs(red - 50 * n) < 8


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"queries": []}, "queries should hold at least one text"),
        ({"collection": collection(names={})}, "name_vectors should be of the languages []"),
        ({"collection": collection(name_vectors={"en": rows(THINGS)})}, "['en', 'zh'], got ['en']"),
        ({"collection": collection(vectors=rows(4))}, "vectors"),
        ({"collection": collection(things=[0, 1])}, "things should be 5, .* got 2"),
        ({"collection": collection(things=None)}, "which of 4 each of 5 pictures shows"),
        ({"collection": collection(things=[0, 1, 2, 3, 4])}, "numbers below 4, got 0 to 4"),
        ({"collection": collection(marks=["a"])}, "marks should be 5, .* got 1"),
        (
            {"collection": collection(names={"en": ["a"] * 4, "zh": ["a"] * 3})},
            "names['zh'] should be 4, got 3",
        ),
        ({"collection": collection(shown=torch.zeros(4, 3, 9, 9).byte())}, "shown"),
        ({"collection": collection(pictures=torch.zeros(5, 1, 8, 8).byte())}, "pictures"),
        ({"text": text(model(), pooling="first")}, "pooling should be one of"),
        ({"text": text(model(), tokens="{}")}, "tokenizer should be the JSON text of a BPE"),
        ({"text": text(model(), tokens=TOKENS[1:])}, "tokens should be 16, .* got 15"),
        ({"text": text(model(), longest=8)}, "longest should be from 3 to 7, .* got 8"),
        ({"text": text(model(), longest=2)}, "longest should be from 3 to 7, .* got 2"),
        ({"text": text(model(), begin=16)}, "begin should be a token below 16, got 16"),
        ({"text": text(model(), weights={})}, "got no embedding.weight, positions"),
        ({"vision": VisionTower(nn.Tanh())}, "the page cannot compute Tanh"),
        ({"vision": VisionTower(tower(), std=(1.0, 0.0, 1.0))}, "std should hold no zero"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says).replace(r"\.\*", ".*")):
        figure(**changes)


def test_weights_that_float16_would_change_are_refused() -> None:
    odd = nn.Sequential(*tower())
    odd[0].bias.data.fill_(0.1)
    with pytest.raises(ValueError, match=r"float16 numbers.*vision\.0\.bias is not"):
        figure(vision=VisionTower(odd))


def test_the_page_is_told_all_of_it_and_what_a_reader_chooses_within_which_limits() -> None:
    mine = set(EmojiSearch.class_traits()) - set(Widget.class_traits())
    assert mine | {"title"} <= set(EmojiSearch.class_traits(sync=True))
    told = figure(picked=2).frame
    assert told["choices"] == {"query": {}, "picked": {"min": -1, "whole": True}, "drawing": {}}
    assert told["beginning"] == {"query": "a b", "picked": 2, "drawing": ""}
    with pytest.raises(traitlets.TraitError):
        figure().picked = -2
