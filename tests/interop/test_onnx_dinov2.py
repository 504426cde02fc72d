"""A published ViT in an ONNX program: its features beside the program's and the reference's."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.interop import seeing
from txlite.data.weights import missing_weights, weights_file
from txlite.interop import load_onnx_dinov2, save
from txlite.models import ViT

pytestmark = pytest.mark.plain

FEATURES = "/backbone/layernorm/Add_1_output_0"  # what leaves the backbone
real = pytest.mark.skipif(
    bool(missing_weights("dinov2-small")), reason=missing_weights("dinov2-small")
)


@cache
def published() -> ViT:
    return load_onnx_dinov2(weights_file("dinov2-small"), num_heads=6)


def picture(height: int = 224, width: int = 224) -> Tensor:
    """Smooth blobs and stripes, about as large as normalised photographs."""
    y, x = torch.linspace(0, 6, height)[:, None], torch.linspace(0, 9, width)
    channels = [(x * y).sin() + (k * x + y).cos() for k in range(3)]
    return torch.stack(channels)[None]


@real
def test_the_real_one_is_a_small_dinov2() -> None:
    c = published().config
    assert (c.d_model, c.num_heads, c.num_layers, c.d_ff) == (384, 6, 12, 1536)
    assert (c.image_size, c.patch_size) == ((518, 518), 14)
    assert sum(p.numel() for p in published().parameters()) == 22_056_576 - 384  # no mask token


@real
def test_its_features_are_the_program_s() -> None:
    import onnx
    import onnxruntime

    program = onnx.load(weights_file("dinov2-small"))
    program.graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, 1, None))
    session = onnxruntime.InferenceSession(
        program.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = picture()
    (want,) = session.run([FEATURES], {"input_image": x.numpy()})
    with torch.no_grad():
        got = published()(x)
    assert_close(got, torch.from_numpy(want), rtol=0.0, atol=1e-4)
    assert got.std() > 0.5  # they are no zeros


@real
@pytest.mark.parametrize("size", [(224, 224), (140, 210)], ids=str)
def test_its_features_are_the_reference_s(size: tuple[int, int], tmp_path: Path) -> None:
    """What we save of it, their library loads, and computes the same."""
    import transformers

    save(published(), tmp_path / "saved")
    theirs = transformers.Dinov2Model.from_pretrained(tmp_path / "saved", dtype="auto").eval()
    x = picture(*size)
    with torch.no_grad():
        want, got = theirs(x).last_hidden_state, published()(x)
    assert_close(got, want, rtol=0.0, atol=1e-4)


# ------------------------------------------------------------------ without the package


class Behind(torch.nn.Module):
    """A backbone, and a head that is not asked for."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone, self.head = backbone, torch.nn.Linear(seeing.D, 2)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.backbone(x).last_hidden_state)


@pytest.mark.filterwarnings("ignore")
def test_a_small_one_comes_through_an_export(tmp_path: Path) -> None:
    sizes = {k: v for k, v in seeing.SIZES.items() if k != "intermediate_size"}
    theirs = seeing.made("Dinov2", "Model", sizes, {}).float()
    x = seeing.pictures(8, 8).float()
    path = tmp_path / "small.onnx"
    torch.onnx.export(Behind(theirs), (x,), str(path), dynamo=False)
    ours = load_onnx_dinov2(path, num_heads=seeing.H)
    assert ours.config.grid == (4, 4)
    assert not ours.training
    with torch.no_grad():
        assert_close(ours(x), theirs(x).last_hidden_state, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"small\.onnx: backbone should name a DINOv2 in it, got"):
        load_onnx_dinov2(path, num_heads=seeing.H, backbone="body")
    with pytest.raises(ValueError, match="num_heads=5"):
        load_onnx_dinov2(path, num_heads=5)


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(b"\x00" * 50)
    with pytest.raises(ValueError, match=r"wrong\.onnx"):
        load_onnx_dinov2(path, num_heads=2)
    with pytest.raises(ValueError, match="num_heads should be a positive whole number, got 0"):
        load_onnx_dinov2(path, num_heads=0)
