"""What the tests of the emoji search share: towers with random weights, and real emoji."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from writing import drawn_anew

from txlite.data.emoji import LANGUAGES, Emoji, draw_emoji, emoji_list
from txlite.models import CLIPTextConfig
from txlite.nn import Decoder, Encoder, TokenEmbedding
from txlite.nn.positions.scheme import PositionScheme
from txlite.viz.widgets.emoji_search import Collection, EmojiSearch, TextTower, VisionTower

MARKS = ["<s>", "</s>", "<?>"]
MAX_LEN, SIZE, SPACE = 24, 16, 20
SIZES: dict[str, Any] = {"d_model": 24, "num_heads": 3, "d_ff": 40, "num_layers": 2}
MEAN, STD = (0.4, 0.5, 1.0), (0.2, 0.3, -1.0)
QUERIES = ["red heart", "Visage souriant", "水果"]


@cache
def some_emoji(count: int = 70) -> Sequence[Emoji]:
    return emoji_list()[:: len(emoji_list()) // count][:count]


@cache
def characters() -> list[str]:
    names = (emoji.name(code).lower() for emoji in emoji_list()[::3] for code in LANGUAGES)
    return [*MARKS, *sorted({character for name in names for character in name})]


class Reader(nn.Module):
    """A tower over characters: causal with the last state, or both ways with the mean."""

    def __init__(self, kind: str, **choices: Any) -> None:
        super().__init__()
        self.kind = kind
        vocab_size = len(characters())
        self.config = CLIPTextConfig(
            vocab_size=vocab_size, max_len=MAX_LEN, end_id=1, **(SIZES | choices)
        )
        width, heads, *rest = (SIZES[name] for name in ("d_model", "num_heads", "d_ff"))
        options = self.config.layer_options
        self.embedding = TokenEmbedding(vocab_size, width, scale=False)
        self.positions = PositionScheme("learned", width, heads, max_len=MAX_LEN)
        if kind == "decoder":
            more = {"cross_attention": False, "options": options}
            self.decoder = Decoder(SIZES["num_layers"], width, heads, *rest, **more)
        else:
            self.encoder = Encoder(SIZES["num_layers"], width, heads, *rest, options=options)
        self.projection = nn.Linear(width, SPACE, bias=kind == "encoder")

    @property
    def pooling(self) -> str:
        return {"decoder": "end", "encoder": "mean"}[self.kind]

    def forward(self, tokens: Sequence[int]) -> Tensor:
        """Return the vector of one text."""
        x, positions = self.positions(self.embedding(torch.tensor([tokens])), None)
        x = getattr(self, self.kind)(x, positions=positions)[0]
        pooled = x[-1] if self.pooling == "end" else x.mean(0)
        return normalize(self.projection(pooled), dim=-1)


def random_reader(seed: int, kind: str = "decoder", **choices: Any) -> Reader:
    return drawn_anew(Reader(kind, **choices), seed, 0.4)


def random_tower(seed: int) -> nn.Module:
    """Return a small convolutional tower, its statistics those of no training."""
    tower = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.GELU(),
        nn.Conv2d(8, 12, 3, stride=2, padding=1),
        nn.GroupNorm(3, 12),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, SPACE),
    )
    drawn_anew(tower, seed, 0.4)
    tower[1].running_mean.copy_(torch.linspace(-0.5, 0.5, 8))
    tower[1].running_var.copy_(torch.linspace(0.5, 1.5, 8).half())
    tower[1].running_mean.copy_(tower[1].running_mean.half())
    return tower


def seen(tower: nn.Module, pictures: Tensor) -> Tensor:
    """Return the vectors of pictures of bytes."""
    mean, std = (torch.tensor(value, dtype=torch.float64)[:, None, None] for value in (MEAN, STD))
    with torch.no_grad():
        return normalize(tower((pictures.double() / 255 - mean) / std), dim=-1)


def collection(reader: Reader, tower: nn.Module, count: int = 70, **changes: Any) -> Collection:
    """Return real emoji with the vectors that two towers give them."""
    emoji = some_emoji(count)
    pictures = (draw_emoji(emoji, size=SIZE) * 255).round().to(torch.uint8)
    names = {code: [one.name(code) for one in emoji] for code in LANGUAGES}
    with torch.no_grad():
        vectors = {
            code: torch.stack([reader(encoded(name)) for name in told])
            for code, told in names.items()
        }
    marks = ["" if one.part == "train" else one.part.replace("_", " ") for one in emoji]
    given = Collection(pictures, seen(tower, pictures), names, vectors, marks=marks)
    return given._replace(**changes)


def encoded(text: str) -> list[int]:
    """Return the tokens of a text: written here in other words than the figure's."""
    numbers = {character: n for n, character in enumerate(characters())}
    inside = [numbers.get(character, 2) for character in text.strip().lower()]
    return [0, *inside[: MAX_LEN - 2], 1]


def text_tower(reader: Reader, **changes: Any) -> TextTower:
    weights = {
        f"text_{name}" if name.startswith("projection") else f"text.{name}": tensor
        for name, tensor in reader.state_dict().items()
    }
    given = TextTower(
        asdict(reader.config), weights, characters(),
        begin=0, end=1, unknown=2, pooling=reader.pooling,
    )  # fmt: skip
    return given._replace(**changes)


def search(reader: Reader, tower: nn.Module, **traits: Any) -> EmojiSearch:
    made = traits.pop("collection", None) or collection(reader, tower)
    vision = VisionTower(tower, MEAN, STD)
    return EmojiSearch(text_tower(reader), vision, made, QUERIES, **traits)
