"""A published model with random weights, what `save_pretrained` writes of it, and what we load.

Weights are drawn anew with a spread of 0.5, where no network is almost linear, in float64.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.interop import load, read_config, save
from txlite.interop._families import family_of

CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-9}
CLOSE_GRADIENTS: dict[str, float] = {"rtol": 1e-8, "atol": 1e-9}
# Fields of every configuration on which no number of a model depends.
GENERAL = set(
    """_name_or_path architectures bos_token_id chunk_size_feed_forward
    decoder_start_token_id dtype eos_token_id forced_eos_token_id id2label initializer_factor
    initializer_range init_std is_encoder_decoder label2id model_type output_attentions
    output_hidden_states pad_token_id problem_type return_dict transformers_version use_cache
    num_hidden_layers pretraining_tp""".split()  # noqa: SIM905
)


Outputs = Callable[[], tuple[Tensor, Tensor]]


@torch.no_grad()
def redraw(model: nn.Module, std: float = 0.5) -> nn.Module:
    """Draw the weights anew, a norm's around one, in float64."""
    model.double().eval()
    for name, p in model.named_parameters():
        if p.requires_grad:
            nn.init.normal_(p, std=std)
            if is_norm(name):
                p.add_(1.0)
    return model


def is_norm(name: str) -> bool:
    stem = name.lower().rsplit(".", 2)
    return name.endswith("weight") and any(s in stem[-2] for s in ("norm", "ln_"))


def written(theirs: nn.Module, folder: Path, **options: Any) -> Path:
    """Write a model of theirs as their library does."""
    theirs.save_pretrained(folder, **options)  # type: ignore[operator]
    return folder


def tensors(folder: Path) -> dict[str, Tensor]:
    """Return what lies in a folder's only file of weights."""
    return load_file(folder / "model.safetensors")


def compare(theirs: nn.Module, ours: nn.Module, outputs: Outputs) -> None:
    """Compare what both compute, and the gradient of every weight that both sides train."""
    got, want = outputs()
    assert got.shape == want.shape
    assert_close(got, want, **CLOSE)
    for out in (got, want):
        out.sin().sum().backward()  # sin: no output's gradient equals another's
    mine = {name: p.grad for name, p in ours.named_parameters()}
    other = dict(theirs.named_parameters())
    prefix = family_of(ours).prefix
    compared = 0
    for weight in family_of(ours).table(ours):
        p = other.get(weight.theirs, other.get(weight.theirs.removeprefix(prefix)))
        if p is None:  # a buffer on their side, or a part that they do not have
            continue
        if p.grad is None:
            assert all(mine[name] is None for name in weight.ours), weight
            continue
        grads = {name: mine[name] for name in weight.ours}
        assert all(g is not None for g in grads.values()), weight
        joined = weight.join(grads)  # type: ignore[arg-type]
        assert_close(joined, p.grad, msg=lambda m, n=weight.theirs: f"{n}: {m}", **CLOSE_GRADIENTS)
        compared += bool(p.grad.abs().max() > 0)
    assert compared > 5


def round_trip(theirs: nn.Module, first: Path, second: Path, extra: dict[str, Any]) -> None:
    """Load, save again, and let their library load that: the same tensors, bit by bit."""
    ours = load(first)
    save(ours, second, extra=extra)
    before, after = tensors(first), tensors(second)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype
        assert torch.equal(tensor, after[name]), name
    again = type(theirs).from_pretrained(second, dtype="auto")  # type: ignore[attr-defined]
    want, got = theirs.state_dict(), again.state_dict()
    assert want.keys() == got.keys()
    for name, tensor in want.items():
        if "embed_positions" not in name:  # a table that is computed
            assert torch.equal(tensor, got[name]), name
    once_more = load(second)
    for name, p in ours.named_parameters():
        assert torch.equal(p, once_more.get_parameter(name)), name
    assert getattr(ours, "config", None) == getattr(once_more, "config", None)


def rewritten(folder: Path, **changed: Tensor | None) -> Path:
    """Put tensors into a saved folder, or take them out; ``__`` stands for a dot."""
    found = tensors(folder)
    for name, tensor in changed.items():
        found.pop(name.replace("__", "."), None)
        if tensor is not None:
            found[name.replace("__", ".")] = tensor.contiguous()
    save_file(found, folder / "model.safetensors", {"format": "pt"})
    return folder


def reconfigured(folder: Path, **changed: Any) -> Path:
    """Change fields of a saved folder's configuration."""
    path = folder / "config.json"
    content = {**json.loads(path.read_text()), **changed}
    path.write_text(json.dumps(content))
    return folder


def check_fields(saved: Path, field: str, value: Any, message: str) -> None:
    """A field with a value that is not built is refused; the message names the folder."""
    reconfigured(saved, **{field: value})
    with pytest.raises(ValueError, match=message) as caught:
        load(saved)
    assert str(saved) in str(caught.value)


def unknown_fields(saved: Path, family: Any) -> set[str]:
    """Return the fields of a saved configuration that no one asks for."""
    from txlite.interop._family import Checkpoint
    from txlite.interop._fields import Fields

    fields = Fields(saved, read_config(saved), 10**6, 10**3)
    family.read(Checkpoint(fields, {}))
    return set(read_config(saved)) - fields.asked - GENERAL


def check_cross_maps(maps: Mapping[str, Tensor], out: Any) -> None:
    """The maps of an encoder and a decoder, recorded in ours, are those that theirs puts out."""
    kinds = {
        "encoder.layers.{}.attention": out.encoder_attentions,
        "decoder.layers.{}.attention": out.decoder_attentions,
        "decoder.layers.{}.cross_attention": out.cross_attentions,
    }
    for name, wanted in kinds.items():
        assert len(wanted) in (2, 3)
        for i, weights in enumerate(wanted):
            assert_close(maps[name.format(i)], weights, **CLOSE)
