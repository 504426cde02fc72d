"""CLIP: cosines times a scale, two ways to find a text's end, and towers that swap.

That it computes what the published models do stands in tests/interop.
"""

import math
import re
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, redrawn
from txlite.inspect import record_attention
from txlite.models import CLIP, CLIPConfig, CLIPTextConfig, ViTConfig

# All different, so that a swapped axis cannot pass unseen.
B, N, T, V, END, E = 4, 3, 7, 23, 19, 10
TEXT: dict[str, Any] = {"d_model": 12, "num_heads": 2, "d_ff": 20, "num_layers": 2}
SEEN: dict[str, Any] = {"d_model": 15, "num_heads": 3, "d_ff": 25, "num_layers": 2}


def config(end_id: int | None = END, **options: Any) -> CLIPConfig:
    vision = ViTConfig(image_size=8, patch_size=4, embedding_norm=True, patch_bias=False, **SEEN)
    text = CLIPTextConfig(vocab_size=V, max_len=T, end_id=end_id, **TEXT)
    return CLIPConfig(vision=vision, text=text, projection_dim=E, **options)


def tiny(**options: Any) -> CLIP:
    return redrawn(CLIP(config(**options)))


def pictures() -> Tensor:
    return torch.randn(B, 3, 8, 8, dtype=torch.float64)


def texts() -> Tensor:
    """Three texts, of 3, 7 and 5 tokens with their ends; what follows is padding."""
    tokens = torch.randint(0, END, (N, T))
    for row, length in enumerate((3, 7, 5)):
        tokens[row, length - 1] = END
    return tokens


def test_scores_are_cosines_times_the_scale() -> None:
    model, x, tokens = tiny(), pictures(), texts()
    per_picture, per_text = model(x, tokens)
    seen, read = model.encode_pictures(x), model.encode_texts(tokens)
    want = torch.cosine_similarity(seen[:, None], read[None], dim=-1)
    assert_close(per_picture, want * model.log_scale.exp(), **CLOSE)
    assert per_picture.shape == (B, N)
    assert torch.equal(per_text, per_picture.T)
    for vectors in (seen, read):
        assert_close(vectors.norm(dim=-1), torch.ones(len(vectors)).double())


def test_swapped_pictures_and_texts_are_swapped_rows_and_columns() -> None:
    model, x, tokens = tiny(), pictures(), texts()
    rows, columns = torch.tensor([2, 0, 3, 1]), torch.tensor([1, 2, 0])
    assert_close(model(x[rows], tokens[columns])[0], model(x, tokens)[0][rows][:, columns], **CLOSE)
    assert_close(model(x[rows], tokens[columns])[1], model(x, tokens)[1][columns][:, rows], **CLOSE)


@pytest.mark.kills(
    "clip: the last end token", "models/clip.py", "return ends.int().argmax(-1)",
    "return ends.shape[1] - 1 - ends.int().flip(-1).argmax(-1)",
)  # fmt: skip
def test_a_text_speaks_at_its_first_end_and_what_follows_cannot_matter() -> None:
    model, tokens = tiny(), texts()
    want = model.encode_texts(tokens)
    after = tokens.clone()
    after[0, 3:], after[2, 5:] = END, V - 1  # padded with the end token, as files have it, or more
    assert_close(model.encode_texts(after), want, **EXACT)
    for row, length in enumerate((3, 7, 5)):
        alone = model.encode_texts(tokens[row : row + 1, :length])
        assert_close(alone[0], want[row], **CLOSE)
    before = tokens.clone()
    before[:, 0] = (tokens[:, 0] + 1) % END
    assert not torch.allclose(model.encode_texts(before), want, atol=0.01)


def test_padding_may_stand_on_the_left() -> None:
    model, tokens = tiny(), texts()
    want = model.encode_texts(tokens)
    keep = torch.arange(T) < torch.tensor([3, 7, 5])[:, None]
    assert_close(model.encode_texts(tokens, keep=keep), want, **CLOSE)
    moved = torch.full_like(tokens, END)
    for row, length in enumerate((3, 7, 5)):
        moved[row, T - length :] = tokens[row, :length]
    assert_close(model.encode_texts(moved, keep=keep.flip(1)), want, **CLOSE)


def test_the_old_rule_takes_the_highest_number() -> None:
    """Alike while the end has the highest number, and wrong once a token is added after it."""
    new, old = tiny(), tiny(end_id=None)
    old.load_state_dict(new.state_dict())
    tokens = texts()
    assert_close(old.encode_texts(tokens), new.encode_texts(tokens), **EXACT)
    tokens[1, 2] = V - 1
    assert not torch.allclose(old.encode_texts(tokens)[1], new.encode_texts(tokens)[1], atol=0.01)
    assert_close(old.encode_texts(tokens)[[0, 2]], new.encode_texts(tokens)[[0, 2]], **EXACT)
    kept = (torch.arange(T) != 1).repeat(N, 1)
    high = torch.where(kept, texts(), V - 1)  # hidden, it is not asked
    assert_close(old.encode_texts(high, keep=kept), new.encode_texts(high, keep=kept), **EXACT)


def test_only_the_tower_that_reads_is_causal() -> None:
    model = tiny()
    with record_attention(model) as maps:
        model(pictures(), texts())
    for path, table in maps.items():
        ahead = table.triu(1).abs().amax()
        assert (ahead == 0) == path.startswith("text."), path
    assert len(maps) == 4


# ------------------------------------------------------------------ temperature


def test_the_scale_begins_at_one_over_the_temperature() -> None:
    assert CLIP(config()).scale().item() == pytest.approx(1 / 0.07, rel=1e-6)
    assert CLIP(config(log_scale=1.0)).scale().item() == pytest.approx(math.e, rel=1e-6)


@pytest.mark.kills(
    "clip: no bound", "models/clip.py", "log_scale = log_scale - excess.detach()", "pass"
)
@pytest.mark.parametrize(("held", "want"), [(4.0, math.exp(4.0)), (4.7, 100.0), (9.0, 100.0)])
def test_no_cosine_is_multiplied_by_more_than_a_hundred(held: float, want: float) -> None:
    model = tiny()
    with torch.no_grad():
        model.log_scale.fill_(held)
    assert model.scale().item() == pytest.approx(want, rel=1e-12)
    assert model(pictures(), texts())[0].abs().max() <= want * (1 + 1e-12)
    free = tiny(max_scale=None)
    with torch.no_grad():
        free.log_scale.fill_(held)
    assert free.scale().item() == pytest.approx(math.exp(held))


@pytest.mark.kills(
    "clip: a scale that is stuck", "models/clip.py", "excess.detach()", "excess"
)  # fmt: skip
def test_above_the_bound_the_scale_finds_its_way_back() -> None:
    model = tiny()
    with torch.no_grad():
        model.log_scale.fill_(4.7)
    step = torch.optim.SGD([model.log_scale], lr=0.01)
    for _ in range(30):
        step.zero_grad()
        model.scale().log().backward()  # whose gradient is one
        step.step()
    assert model.log_scale.item() == pytest.approx(4.4)
    assert model.scale().item() == pytest.approx(math.exp(4.4))


# ------------------------------------------------------------------ a tower that is given


def convolutions(width: int = 15) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, width, 8), nn.ReLU(), nn.Flatten())


def test_a_given_tower_takes_the_place_of_the_vit() -> None:
    tower = convolutions()
    model = CLIP(config(), vision=tower).double()
    x, tokens = pictures(), texts()
    want = functional.normalize(tower(x) @ model.vision_projection.weight.T, dim=-1)
    assert_close(model.encode_pictures(x), want)
    assert model.vision is tower
    names = {name for name, _ in model.named_parameters()}
    assert "vision.0.weight" in names
    assert not any("embedding" in name for name in names if name.startswith("vision"))
    per_picture, per_text = model(x, tokens)
    per_picture.diagonal().sum().backward()
    assert per_text.shape == (N, B)
    assert tower[0].weight.grad is not None
    assert tower[0].weight.grad.norm() > 0


@pytest.mark.plain
def test_a_given_tower_of_another_width_is_refused() -> None:
    model = CLIP(config(), vision=convolutions(14)).double()
    message = "the output of vision should have shape (B, E=15), got (4, 14)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        model.encode_pictures(pictures())
    grid = nn.Conv2d(3, 15, 4).double()
    with pytest.raises(ValueError, match=r"^the output of vision should have shape \(B, E=15\)"):
        CLIP(config(), vision=grid).encode_pictures(pictures())


# ------------------------------------------------------------------ refusals and sizes


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    model, x, tokens = tiny(), pictures(), texts()
    endless = tokens.clone()
    endless[1] = 1
    keep = torch.ones(N, T, dtype=torch.bool)
    for refused, message in (
        (lambda: model(x, endless), "tokens should hold end_id=19, row 1 has none"),
        (lambda: model(x, tokens, keep=tokens != END), "tokens should hold end_id=19, row 0"),
        (lambda: model(x, tokens[0]), "tokens should have shape (N, T)"),
        (lambda: model(x, tokens * 1.0), "tokens should hold int32 or int64 numbers"),
        (lambda: model(x, tokens + V), "tokens should lie in [0, vocab_size=23)"),
        (lambda: model(x, tokens.repeat(1, 2)), "positions should lie in [0, max_len=7)"),
        (lambda: model(x, tokens, keep=keep[1:]), "keep should have shape (B=3, L=7)"),
        (lambda: model(x, tokens, keep=keep.int()), "keep should be a bool tensor"),
        (lambda: model(x[..., 1:], tokens), "pictures should have sides that are multiples"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"projection_dim": 0}, "projection_dim should be a positive whole number, got 0"),
        ({"log_scale": math.inf}, "log_scale should be a finite number, got inf"),
        ({"max_scale": 0}, "max_scale should be a positive number, got 0"),
    ],
)
def test_a_config_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        replace(config(), **options)


@pytest.mark.plain
def test_a_reader_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="end_id should be a whole number of at least zero"):
        CLIPTextConfig(end_id=-1)
    with pytest.raises(ValueError, match="d_model=512 should be a multiple of num_heads=5"):
        CLIPTextConfig(num_heads=5)


# Of the released files; table 20 has no counts.
PUBLISHED = {"b_32": 151_277_313, "b_16": 149_620_737, "l_14": 427_616_513}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sizes_on_meta(name: str) -> None:
    preset = getattr(CLIPConfig, name)()
    with torch.device("meta"):
        model = CLIP(preset)
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED[name]
    tokens = torch.zeros(2, 77, dtype=torch.int64, device="meta")
    assert model(torch.zeros(3, 3, 224, 224, device="meta"), tokens)[0].shape == (3, 2)


def test_the_presets_are_the_papers() -> None:
    told = {
        name: (c.vision.num_layers, c.vision.d_model, c.vision.num_heads, c.vision.patch_size,
               c.text.num_layers, c.text.d_model, c.text.num_heads, c.projection_dim)
        for name in PUBLISHED
        for c in [getattr(CLIPConfig, name)()]
    }  # fmt: skip
    assert told == {
        "b_32": (12, 768, 12, 32, 12, 512, 8, 512),
        "b_16": (12, 768, 12, 16, 12, 512, 8, 512),
        "l_14": (24, 1024, 16, 14, 12, 768, 12, 768),
    }
