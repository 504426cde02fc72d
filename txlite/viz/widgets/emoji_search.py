"""Emoji search: a trained CLIP finds pictures by words and words by pictures, without a kernel.

The figure carries both towers: the one that reads what is typed, and the one that looks at a
picture of the collection or at a drawing. The vectors of the collection itself come with it. The
page computes what the model computes; the tests compare them.
"""

import base64
import io
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from txlite._checks import check_choice, check_shape
from txlite.viz.widgets._convolutions import convolutional, rebuilt
from txlite.viz.widgets._weights import TRAINING, Weights, described, parsed_bpe
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

__all__ = ["Collection", "EmojiSearch", "TextTower", "VisionTower"]

Pooling = Literal["end", "mean"]
TABLE = "positions.added.table.weight"
LANGUAGES = {"en": "English", "fr": "français", "zh": "中文"}


class TextTower(NamedTuple):
    """What reads: a stack of layers over a text's tokens, and a map to the space of both towers."""

    config: Mapping[str, Any]
    """What the stack is: ``dataclasses.asdict`` of a :class:`txlite.models.CLIPTextConfig`."""
    weights: Mapping[str, Float[Tensor, "..."]]
    """The ``state_dict()`` of a :class:`txlite.models.CLIP`, of which only ``text.…`` and
    ``text_projection.…`` are taken. Where there is a ``text.encoder`` in place of the decoder, each
    token attends to all."""
    tokens: Sequence[str] | str
    """Characters in the order of their numbers, or the JSON text of a
    :class:`txlite.data.tokenizers.BPE`. Of the first only characters are read from texts, so that
    marks may have longer names."""
    begin: int | None = None
    """The token before every text; None: there is none."""
    end: int | None = None
    """The token after every text; None: there is none."""
    unknown: int | None = None
    """What stands for a character that is not among the tokens; None: it is left out."""
    longest: int | None = None
    """How many tokens are read, those around the text included; None: as many as have positions."""
    pooling: Pooling = "end"
    """Which states become the text's vector: the last one, or the ``"mean"`` of all."""


class VisionTower(NamedTuple):
    """What a picture goes through: convolutions and more, and a map to the space of both towers."""

    layers: nn.Module
    """A sequence of convolutions, norms, activations, poolings and linear maps, the last of which
    is the map to the space of both: ``nn.Sequential(*tower, model.vision_projection)``."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Taken away from red, green and blue, which are between 0 and 1."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """What they are divided by then. A tower that reads ink on nothing, 1 − x, wants −1 here and a
    ``mean`` of 1."""


class Collection(NamedTuple):
    """The pictures and the words among which the figure looks."""

    pictures: UInt8[Tensor, "N 3 size size"]
    """As the model reads them, from 0 to 255."""
    vectors: Float[Tensor, "N E"]
    """Of the pictures, each of length one."""
    names: Mapping[str, Sequence[str]]
    """For each language, by its code, a name for each of M things."""
    name_vectors: Mapping[str, Float[Tensor, "M E"]]
    """Of the names, each of length one."""
    things: Sequence[int] | None = None
    """Which thing a picture shows; None: the first shows the first, and so on."""
    marks: Sequence[str] | None = None
    """What is to be known of each picture, for instance ``"held out"``; "" for nothing."""
    shown: UInt8[Tensor, "N 3 large large"] | None = None
    """The same pictures, in a size that looks well on a screen."""


class EmojiSearch(Widget):
    """Type words and see which pictures are nearest; choose or draw a picture and see which words.

    Parameters
    ----------
    text : TextTower
        The tower of the words; its weights are numbers that float16 holds.
    vision : VisionTower
        The tower of the pictures; so are its weights.
    collection : Collection
        What is searched. Its vectors are rounded to float16.
    queries : sequence of str
        Words to start from.
    folded : bool
        Whether capitals are read as small letters.
    **traits : object
        Where the figure starts: ``query``, the number of the ``picked`` picture (−1: the drawing),
        and the ``drawing``, as ``common/pad.js`` writes it.

    Raises
    ------
    ValueError
        If the page cannot compute a tower, float16 would change a weight, there are no words to
        start from, or pictures, names, vectors and marks are not as many as they should be.

    Examples
    --------
    >>> from dataclasses import asdict
    >>> from txlite.models import CLIP, CLIPConfig, CLIPTextConfig, ViTConfig
    >>> sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1}
    >>> words = CLIPTextConfig(vocab_size=4, max_len=6, end_id=0, **sizes)
    >>> eye = ViTConfig(image_size=4, patch_size=4, **sizes)
    >>> model = CLIP(CLIPConfig(vision=eye, text=words, projection_dim=5)).half()
    >>> text = TextTower(asdict(words), model.state_dict(), ["<end>", "a", "b", "c"], end=0)
    >>> tower = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5)).half()
    >>> pictures = torch.zeros(2, 3, 4, 4, dtype=torch.uint8)
    >>> found = Collection(pictures, torch.eye(2, 5), {"en": ["ab", "c"]}, {"en": torch.eye(2, 5)})
    >>> EmojiSearch(text, VisionTower(tower), found, ["ab"]).encode("A, b!")
    [1, 2, 0]
    """

    title = traitlets.Unicode("Find pictures by words, and words by pictures").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    reading = traitlets.Dict().tag(sync=True)
    tokenizer = traitlets.Dict().tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(sync=True)
    colours = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    pictures = Tensors(torch.uint8)
    sheet = traitlets.Unicode().tag(sync=True)
    languages = traitlets.Dict().tag(sync=True)
    names = traitlets.Dict().tag(sync=True)
    things = traitlets.List(traitlets.Int()).tag(sync=True)
    marks = traitlets.List(traitlets.Unicode()).tag(sync=True)
    queries = traitlets.List(traitlets.Unicode()).tag(sync=True)
    query = traitlets.Unicode().tag(sync=True, choice=True)
    picked = traitlets.Int(0, min=-1).tag(sync=True, choice=True)
    drawing = traitlets.Unicode().tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("pictures", "words")
    uses: ClassVar[tuple[str, ...]] = ("clip", "controls", "pad", "tokens", "weights")

    def __init__(
        self,
        text: TextTower,
        vision: VisionTower,
        collection: Collection,
        queries: Sequence[str],
        *,
        folded: bool = True,
        **traits: Any,
    ) -> None:
        if not queries:
            raise ValueError("queries should hold at least one text, got none")
        _check_collection(collection)
        reads = _reader_weights(text.weights)
        _check_text(text, *(len(reads[name]) for name in ("embedding.weight", TABLE)))
        if not all(vision.std):
            raise ValueError(f"std should hold no zero, got {vision.std}")
        layers, seen = convolutional(vision.layers)
        count, shown = len(collection.pictures), collection.shown
        bpe = text.tokens if isinstance(text.tokens, str) else None
        longest = len(reads[TABLE]) if text.longest is None else text.longest
        traits.setdefault("query", queries[0])
        super().__init__(
            config={name: value for name, value in text.config.items() if name not in TRAINING},
            stack=described(dict(text.config) | {"positions": "learned"}),
            reading={
                "tokens": [*text.tokens] if bpe is None else [], "begin": text.begin,
                "end": text.end,
                "unknown": text.unknown, "pooling": text.pooling, "folded": folded,
                "room": longest - len(_around(text)),
            },
            tokenizer=parsed_bpe(bpe) if bpe is not None else {},
            layers=layers,
            colours={"mean": [*vision.mean], "std": [*vision.std]},
            weights=Weights(
                {f"text.{name}": tensor for name, tensor in reads.items()}
                | {f"vision.{name}": tensor for name, tensor in seen.items()}
                | _vectors(collection)
            ),
            pictures={"pictures": collection.pictures},
            sheet="" if shown is None else _sheet(shown),
            languages={code: LANGUAGES.get(code, code) for code in collection.names},
            names={code: [*names] for code, names in collection.names.items()},
            things=[*(range(count) if collection.things is None else collection.things)],
            marks=[*([""] * count if collection.marks is None else collection.marks)],
            queries=[*queries],
            **traits,
        )  # fmt: skip

    def encode(self, text: str) -> list[int]:
        """Turn a text into what the model reads, as the page does.

        Parameters
        ----------
        text : str
            What is typed.

        Returns
        -------
        list of int
            Its characters as far as there are positions, between the marks that the model knows.
        """
        told = self.reading
        text = unicodedata.normalize("NFC", text).strip()
        text = text.casefold() if told["folded"] else text
        if self.tokenizer:
            from tokenizers import Tokenizer

            tokenizer = Tokenizer.from_str(json.dumps(self.tokenizer))
            tokenizer.encode_special_tokens = True  # what is typed is no mark
            read = [int(number) for number in tokenizer.encode(text).ids]
        else:
            numbers = {token: number for number, token in enumerate(told["tokens"])}
            found = [numbers.get(character, told["unknown"]) for character in text]
            read = [number for number in found if number is not None]
        before, after = ([] if told[end] is None else [told[end]] for end in ("begin", "end"))
        return [*before, *read[: told["room"]], *after]

    def part(self, prefix: str) -> dict[str, Float[Tensor, "..."]]:
        """Return weights in float64: all whose names begin with ``prefix``, named without it.

        Parameters
        ----------
        prefix : str
            ``"text."`` or ``"vision."``.

        Returns
        -------
        dict of str to Tensor
            A state dict.
        """
        found = Tensors.part(self.weights.tensors, prefix)
        return {name: tensor.double() for name, tensor in found.items()}

    def pixels(self, picture: UInt8[Tensor, "3 size size"]) -> Float[Tensor, "3 size size"]:
        """Return a picture as the tower reads it.

        Parameters
        ----------
        picture : Tensor of uint8, shape (3, size, size)
            Red, green and blue from 0 to 255.

        Returns
        -------
        Tensor, shape (3, size, size)
            In float64, shifted and scaled as the tower wants it.
        """
        mean, std = (
            torch.tensor(self.colours[name], dtype=torch.float64)[:, None, None]
            for name in ("mean", "std")
        )
        return (picture.double() / 255 - mean) / std

    def tower(self) -> nn.Module:
        """Return the pictures' tower, built anew in float64: from (B, 3, size, size) to vectors.

        Returns
        -------
        Module
            Its vectors are not yet of length one.
        """
        return rebuilt(self.layers, self.part("vision."))


def _reader_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what the page wants of a CLIP's weights: its reading tower, with its projection."""
    found = {
        name.removeprefix("text.").removeprefix("text_"): tensor
        for name, tensor in weights.items()
        if name.startswith(("text.", "text_projection."))
    }
    missing = {"embedding.weight", TABLE, "projection.weight"} - set(found)
    if missing:
        raise ValueError(
            "weights should be those of a CLIP with learned positions, got no "
            + ", ".join(sorted(missing))
        )
    return found


def _around(text: TextTower) -> list[int]:
    """Return the marks that stand around every text."""
    return [mark for mark in (text.begin, text.end) if mark is not None]


def _check_text(text: TextTower, vocab_size: int, max_len: int) -> None:
    """Refuse by name what of the reading tower does not fit."""
    check_choice("pooling", text.pooling, get_args(Pooling))
    if not isinstance(text.tokens, str) and len(text.tokens) != vocab_size:
        raise ValueError(
            f"tokens should be {vocab_size}, one for each vector of the model, "
            f"got {len(text.tokens)}"
        )
    for name in ("begin", "end", "unknown"):
        number = getattr(text, name)
        if number is not None and not 0 <= number < vocab_size:
            raise ValueError(f"{name} should be a token below {vocab_size}, got {number}")
    least = 1 + len(_around(text))
    if text.longest is not None and not least <= text.longest <= max_len:
        raise ValueError(
            f"longest should be from {least} to {max_len}, for which there are positions, "
            f"got {text.longest}"
        )


def _check_collection(collection: Collection) -> None:
    """Refuse by name what does not fit."""
    pictures, vectors, names, name_vectors, things, marks, shown = collection
    count = check_shape("pictures", pictures, "N C size size", C=3)["N"]
    width = check_shape("vectors", vectors, "N E", N=count)["E"]
    if not names or [*names] != [*name_vectors]:
        raise ValueError(
            f"name_vectors should be of the languages {[*names]}, got {[*name_vectors]}"
        )
    many = len(next(iter(names.values())))
    for code, table in name_vectors.items():
        check_shape(f"name_vectors[{code!r}]", table, "M E", M=many, E=width)
        if len(names[code]) != many:
            raise ValueError(f"names[{code!r}] should be {many}, got {len(names[code])}")
    if things is None and many != count:
        raise ValueError(f"things should say which of {many} each of {count} pictures shows")
    for name, given in (("things", things), ("marks", marks)):
        if given is not None and len(given) != count:
            raise ValueError(f"{name} should be {count}, one for each picture, got {len(given)}")
    if things is not None and not all(0 <= thing < many for thing in things):
        raise ValueError(
            f"things should be numbers below {many}, got {min(things)} to {max(things)}"
        )
    if shown is not None:
        check_shape("shown", shown, "N C large large", N=count, C=3)


def _vectors(collection: Collection) -> dict[str, Tensor]:
    """Return all vectors, in half the bytes."""
    tables = {f"name_vectors.{code}": table for code, table in collection.name_vectors.items()}
    return {
        name: table.detach().half()
        for name, table in {"vectors": collection.vectors, **tables}.items()
    }


def _sheet(pictures: UInt8[Tensor, "N 3 large large"]) -> str:
    """Return all pictures on one sheet, as near a square as may be, as an address with its data."""
    from PIL import Image

    count, _, size, _ = pictures.shape
    columns = math.ceil(math.sqrt(count))
    sheet = Image.new("RGB", (columns * size, math.ceil(count / columns) * size), "white")
    for number, picture in enumerate(pictures.movedim(1, -1).contiguous().cpu().numpy()):
        row, column = divmod(number, columns)
        sheet.paste(Image.fromarray(picture), (column * size, row * size))
    file = io.BytesIO()
    sheet.save(file, "WEBP", quality=85, method=6)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
