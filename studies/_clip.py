"""What the study of CLIP and its page have in common: towers, batches, and how it is asked.

Pictures are OpenMoji's, 32 pixels wide; names are English, French and Chinese, in byte pairs that
were learned from the names to train on. The picture's tower is a few convolutions and no ViT: with
1,516 pictures nothing else learns enough in a minute. The text's tower is that of
`txlite.models.CLIP` with one layer. Every picture of a batch is compared with its name in each of
the three languages.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

import txlite
from txlite.data.emoji import LANGUAGES, Emoji, draw_emoji, emoji_list, first_of_twins
from txlite.data.redrawn import redrawn
from txlite.data.tokenizers import BPE, train_bpe
from txlite.models import CLIP, CLIPConfig, CLIPTextConfig, ViTConfig
from txlite.training import Batches, History, adamw, contrastive_loss, fit, warmup_cosine

SIZE = 32  # pixels
WIDTHS = (24, 48, 96, 128)  # channels of the convolutions
VOCABULARY, LONGEST = 3000, 12  # byte pairs; of a name, both marks included
TEXT: dict[str, Any] = {"d_model": 64, "num_heads": 4, "d_ff": 256, "num_layers": 1}
SPACE = 128  # numbers of a vector that both towers give
RATE, DECAY, WARMUP = 6e-3, 0.1, 0.1  # of batches of 256; as a share of the steps
BATCH = 256
START = math.log(1 / 0.07)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one CLIP is trained.

    Parameters
    ----------
    pictures : int
        How many are seen in all.
    batch_size : int
        How many at once; the learning rate goes with its square root.
    log_scale : float
        What the scale's logarithm begins with.
    learned : bool
        Whether the scale is trained.
    redrawn : bool
        Whether pictures are changed by chance.
    """

    pictures: int
    batch_size: int = BATCH
    log_scale: float = START
    learned: bool = True
    redrawn: bool = True

    @property
    def steps(self) -> int:
        """Number of steps."""
        return self.pictures // self.batch_size

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        return RATE * math.sqrt(self.batch_size / BATCH)


def of(part: str, *, flags: bool = False) -> list[Emoji]:
    """Return the emoji of a part, either flags or all others."""
    return [one for one in emoji_list() if one.part == part and one.flag == flags]


@cache
def training() -> list[Emoji]:
    """Return what is learned from, flags among it."""
    return of("train") + of("train", flags=True)


@cache
def pieces() -> BPE:
    """Return the byte pairs of the names to train on."""
    return train_bpe(
        [one.name(language).casefold() for one in training() for language in LANGUAGES], VOCABULARY
    )


def tokens(names: Sequence[str]) -> Int[Tensor, "N T"]:
    """Return names as tokens, a mark at each end; after its end a name is filled with end marks."""
    bpe = pieces()
    rows = [bpe.encode(name.casefold())[: LONGEST - 2] for name in names]
    length = max(map(len, rows)) + 1
    return torch.tensor([[bpe.bos_id, *row, *[bpe.eos_id] * (length - len(row))] for row in rows])


def shortened(rows: Int[Tensor, "N T"]) -> Int[Tensor, "N t"]:
    """Return tokens of names without the columns in which all have ended before."""
    longest = int((rows != pieces().eos_id).sum(1).max()) + 1
    return rows[:, :longest]


def picture_tower() -> nn.Sequential:
    """Return convolutions that halve a picture three times, and one over all that is left."""
    layers: list[nn.Module] = []
    before = 3
    for width in WIDTHS[:-1]:
        layers += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    layers += [nn.Conv2d(before, WIDTHS[-1], SIZE // 8, bias=False)]
    return nn.Sequential(*layers, nn.BatchNorm2d(WIDTHS[-1]), nn.ReLU(), nn.Flatten())


def built(seed: int, plan: Plan) -> CLIP:
    """Return the two towers, untrained."""
    txlite.seed(seed)
    width = WIDTHS[-1]
    bpe = pieces()
    vision = ViTConfig(d_model=width, num_heads=4, d_ff=width, num_layers=1)  # its width counts
    text = CLIPTextConfig(
        vocab_size=bpe.vocab_size, max_len=LONGEST, end_id=bpe.eos_id, init_std=0.05, **TEXT
    )
    config = CLIPConfig(vision=vision, text=text, projection_dim=SPACE, log_scale=plan.log_scale)
    model = CLIP(config, vision=picture_tower())
    model.log_scale.requires_grad_(plan.learned)
    return model.to(txlite.device())


def loss(model: nn.Module, batch: tuple[Tensor, list[Tensor]]) -> tuple[Tensor, int]:
    """Return the contrastive loss of a batch, the mean over the languages, times its pictures."""
    assert isinstance(model, CLIP)
    pictures, names = batch
    seen = model.encode_pictures(1 - pictures)
    each = [contrastive_loss(seen, model.encode_texts(told), model.scale()) for told in names]
    return torch.stack(each).mean() * len(pictures), len(pictures)


def trained(seed: int, plan: Plan) -> tuple[CLIP, History]:
    """Train one CLIP; chance is the seed's alone."""
    model = built(seed, plan)
    generator = txlite.seed(seed)
    order = generator.initial_seed()
    pictures = draw_emoji(training(), size=SIZE)
    names = [tokens([one.name(language) for one in training()]) for language in LANGUAGES]

    def batch(rows: list[int]) -> tuple[Tensor, list[Tensor]]:
        shown = pictures[rows]
        if plan.redrawn:
            shown = redrawn(shown, generator=generator)
        return shown, [shortened(told[rows]) for told in names]

    batches = Batches(range(len(pictures)), batch, batch_size=plan.batch_size, seed=order)
    history = fit(
        model,
        batches,
        loss,
        steps=plan.steps,
        optimizer=adamw(model, plan.rate, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(plan.rate, max(1, round(WARMUP * plan.steps)), plan.steps),
        clip_norm=1.0,
        progress=False,
    )
    return model, history


class Asked(NamedTuple):
    """Pictures and names that are ranked for each other: what is looked for, and what is right."""

    emoji: list[Emoji]
    pictures: Float[Tensor, "N 3 Y X"]
    right: Bool[Tensor, "N N"]


@cache
def asked(part: str, style: str, flags: bool = False) -> Asked:
    """Return the pictures of a part in a style; names of pictures that are equal are all right."""
    emoji = of(part, flags=flags)
    pictures = draw_emoji(emoji, style, size=SIZE)
    first = first_of_twins(pictures)
    return Asked(emoji, pictures, first[:, None] == first)


@torch.no_grad()
def seen(model: CLIP, pictures: Float[Tensor, "N 3 Y X"]) -> Float[Tensor, "N E"]:
    """Return the vectors of pictures, on the CPU."""
    model.eval()
    return model.encode_pictures(1 - pictures.to(txlite.device())).cpu()


@torch.no_grad()
def told(model: CLIP, emoji: Sequence[Emoji], language: str) -> Float[Tensor, "N E"]:
    """Return the vectors of names, on the CPU."""
    model.eval()
    return model.encode_texts(
        tokens([one.name(language) for one in emoji]).to(txlite.device())
    ).cpu()
