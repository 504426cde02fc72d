"""The skeleton is each of the models: with a model's own weights it gives the same numbers.

Where something stands beside the skeleton, the model's own parts make its vectors and read off what
it returns.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

from txbook.skeleton.assembled import Skeleton
from txbook.skeleton.family import FAMILY, read, shapes, sizes, tensors
from txlite import models

VOCABULARY, BATCH = 23, 3
LENGTHS = 25, 21  # so long that distances share buckets
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY, "d_model": 24, "num_heads": 6, "head_dim": 4, "d_ff": 20,
    "num_layers": 2, "max_len": 30,
    "image_size": (8, 12), "patch_size": 4, "num_mels": 5, "max_source_len": 26,
    "num_classes": 7, "num_queries": 9, "end_id": None,
    "state_dim": 5, "action_dim": 3,
}  # fmt: skip
BACKBONE = models.ResNetConfig(stem_width=4, widths=(8, 16), depths=(1, 1))


@dataclass(frozen=True)
class Proof:
    """Whether all tensors have the same names and shapes, and how far apart the numbers are."""

    same_tensors: bool
    difference: float
    largest: float


def small(name: str) -> Any:
    """Return the preset of one of the models with small sizes, and its choices as they are."""
    config = FAMILY[name].sized()
    shared = config.num_kv_heads
    heads = SMALL["num_heads"]
    fewer = {"num_kv_heads": shared and heads * shared // config.num_heads, "backbone": BACKBONE}
    known = {field.name for field in fields(config)}
    return replace(config, **{k: v for k, v in {**SMALL, **fewer}.items() if k in known})


def sources(name: str) -> list[Tensor]:
    """Return what a model of that name can read: texts, pictures or sound, by chance."""
    texts = [torch.randint(VOCABULARY, (BATCH, n)) for n in LENGTHS]
    if name in ("ViT", "CLIP-vision"):
        return [torch.randn(BATCH, 3, 8, 12, dtype=torch.double)]
    if name == "DETR":
        return [torch.randn(BATCH, 3, 32, 48, dtype=torch.double)]
    if name == "Forecaster":
        return [5.0 + 3.0 * torch.randn(BATCH, 336, 2, dtype=torch.double)]
    if name == "Whisper":
        return [torch.randn(BATCH, 5, 2 * LENGTHS[0], dtype=torch.double), texts[1]]
    if name == "DecisionTransformer":
        of_a_step = [torch.randn(BATCH, 7, *size, dtype=torch.double) for size in ((), (5,), (3,))]
        return [*of_a_step, torch.arange(7).expand(BATCH, 7)]
    return texts[: len(read(made(name)).stacks)]


def made(name: str) -> nn.Module:
    """Return a small model with random weights."""
    model = FAMILY[name].build(small(name)).double().eval()
    for part, p in model.named_parameters():
        if not part.startswith("backbone.") and not part.endswith(".variance"):
            nn.init.normal_(p, std=0.5)
    return model


def assembled(model: Any) -> Skeleton:
    """Return the skeleton with a model's switches and weights."""
    skeleton = Skeleton(read(model), sizes(model.config)).double().eval()
    skeleton.load_state_dict(tensors(model))
    return skeleton


def through(model: Any, skeleton: Skeleton, *given: Tensor) -> Tensor:
    """Return a model's numbers from the skeleton, and from the parts that stand beside it."""
    enter = ENTER.get(type(model), lambda model, *given: given)
    leave = LEAVE.get(type(model), lambda model, states, *given: states)
    found: Tensor = leave(model, skeleton(*enter(model, *given)), *given)
    return found


def _patches(vit: Any, pictures: Tensor) -> tuple[Tensor, ...]:
    patches = vit.patches(pictures)
    return (torch.cat([vit.class_token.expand(len(patches), 1, -1), patches], dim=1),)


def _sound(whisper: Any, mels: Tensor, tokens: Tensor) -> tuple[Tensor, ...]:
    return gelu(whisper.conv2(gelu(whisper.conv1(mels)))).mT, tokens


def _places(detr: Any, pictures: Tensor) -> tuple[Tensor, ...]:
    places = detr.projection(detr.backbone(pictures)).movedim(1, 3)  # (B, I, J, D)
    return places, pictures  # the queries are the skeleton's: it asks how many pictures there are


def _windows(forecaster: Any, past: Tensor) -> tuple[Tensor, ...]:
    return (forecaster.patches(forecaster.scale(past)[0]).flatten(0, 1),)


def _comes(forecaster: Any, states: Tensor, past: Tensor) -> Tensor:
    features = states.flatten(1).unflatten(0, (len(past), -1))  # of each window's channels
    level = forecaster.scale(past)[1]
    values: Tensor = forecaster.head(features, forecaster.scale, level).point
    return values


def _boxes(detr: Any, states: Tensor, *_: Tensor) -> Tensor:
    # As many rows as the model's own heads read, those of all layers: on some processors a row is
    # rounded by where it stands among the others.
    rows = torch.stack([states] * len(detr.decoder.layers))
    return torch.cat([detr.classifier(rows), detr._boxes(rows)], dim=-1)[-1]


def _ends(text: Any, states: Tensor, tokens: Tensor) -> Tensor:
    return states[torch.arange(len(states)), text._ends(tokens, None)]


def _steps(acting: Any, *given: Tensor) -> tuple[Tensor, ...]:
    returns, states, actions, timesteps = given
    parts = (
        acting.return_embedding(returns[..., None]), acting.state_embedding(states),
        acting.action_embedding(actions),
    )  # fmt: skip
    tokens = torch.stack(parts, dim=2) + acting.time_embedding(timesteps)[:, :, None]
    return (tokens.flatten(1, 2),)


def _decisions(acting: Any, states: Tensor, *_: Tensor) -> Tensor:
    after_state, after_action = states[:, 1::3], states[:, 2::3]
    said = torch.tanh(acting.action_head(after_state))
    return torch.cat([said, acting.state_head(after_action), acting.return_head(after_action)], -1)


ENTER: dict[type, Callable[..., tuple[Tensor, ...]]] = {
    models.ViT: _patches, models.Whisper: _sound, models.DETR: _places,
    models.DecisionTransformer: _steps, models.Forecaster: _windows,
}  # fmt: skip
LEAVE: dict[type, Callable[..., Tensor]] = {
    models.DETR: _boxes, FAMILY["CLIP-text"].model: _ends,
    models.DecisionTransformer: _decisions, models.Forecaster: _comes,
}  # fmt: skip


def asked(name: str, model: nn.Module, given: list[Tensor]) -> Tensor:
    """Return a model's own numbers."""
    found = model(*given, *([None] if name == "CLIP-text" else []))
    if isinstance(found, models.Detections):
        return torch.cat([found.logits, found.boxes], dim=-1)
    if isinstance(found, models.Decisions):
        return torch.cat([found.actions, found.states, found.returns[..., None]], dim=-1)
    if isinstance(found, models.PointForecast):
        return found.point
    assert isinstance(found, Tensor)
    return found


def prove(name: str) -> Proof:
    """Build a model and the skeleton, give both the same weights and sources, and compare."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = made(name)
        skeleton, given = assembled(model), sources(name)
        wanted, got = asked(name, model, given), through(model, skeleton, *given)
    return _compared(shapes(model) == shapes(skeleton), wanted, got)


def prove_clip() -> Proof:
    """Join two skeletons as a CLIP joins its towers, and compare with the CLIP."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        towers = {"vision": small("CLIP-vision"), "text": small("CLIP-text")}
        clip = models.CLIP(models.CLIPConfig(**towers, projection_dim=8)).double().eval()
        for p in [*clip.vision.parameters(), *clip.text.parameters()]:
            nn.init.normal_(p, std=0.5)
        given = [*sources("CLIP-vision"), *sources("CLIP-text")]
        wanted, _ = clip(*given)
        skeletons = [assembled(clip.vision), assembled(clip.text)]
        seen = clip.vision.pool(through(clip.vision, skeletons[0], given[0]))
        words = through(clip.text, skeletons[1], given[1])
        pair = clip.vision_projection(seen), clip.text_projection(words)
        pictures, texts = (normalize(x, dim=-1) for x in pair)
        same = all(
            shapes(tower) == shapes(one)
            for tower, one in zip((clip.vision, clip.text), skeletons, strict=True)
        )
        return _compared(same, wanted, clip.scale() * pictures @ texts.mT)


def _compared(same: bool, wanted: Tensor, got: Tensor) -> Proof:
    return Proof(same, (wanted - got).abs().max().item(), wanted.abs().max().item())
