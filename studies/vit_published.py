"""A published ViT: its numbers beside the program's that it lies in, and who attends to whom.

Of a photograph and of its mirror image: a head that was picked on the one is asked again on the
other. The control is the same model with its weights in another order, which the seed decides;
nothing else here has any chance in it.
"""

import torch
from torch import Tensor

import txlite
from studies._vit_cat import PARTS, maps, part, photograph, times_area
from txlite.data.pictures import normalised
from txlite.data.weights import weights_file
from txlite.interop import load_onnx_dinov2
from txlite.models import ViT

OTHER = {"left eye": "right eye", "right eye": "left eye"}
FEATURES = "/backbone/layernorm/Add_1_output_0"  # what leaves the backbone
SIDE = 224  # the program reads no other size
PAIRS = [("left eye", "right eye"), ("right eye", "left eye")]
PAIRS += [(other, eye) for other in ("nose", "ears", "background") for eye in ("left eye",)]


def published() -> ViT:
    """Return the backbone."""
    return load_onnx_dinov2(weights_file("dinov2-small"), num_heads=6)


def out_of_order(model: ViT, seed: int) -> ViT:
    """Lay the numbers of every weight in another order, in place."""
    generator = txlite.seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            order = torch.randperm(weight.numel(), generator=generator)
            weight.copy_(weight.flatten()[order].view_as(weight))
    return model


def difference() -> dict[str, float]:
    """Return how far our features are from those that the program computes."""
    import onnx
    import onnxruntime

    program = onnx.load(weights_file("dinov2-small"))
    program.graph.output.append(onnx.helper.make_tensor_value_info(FEATURES, 1, None))
    session = onnxruntime.InferenceSession(
        program.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    cat = photograph()[:, :, : 14 * 14]  # 196 × 196, enlarged to what the program reads
    x = normalised(torch.nn.functional.interpolate(cat[None], (SIDE, SIDE), mode="bicubic"))
    (want,) = session.run([FEATURES], {"input_image": x.numpy()})
    with torch.no_grad():
        got: Tensor = published()(x)
    return {
        "difference": float((got - torch.from_numpy(want)).abs().max()),
        "largest": float(got.abs().max()),
        "first": float(got[0, 0, 0]),
    }


def attention(model: ViT, name: str) -> dict[str, float]:
    """Return which head gives a part most, and what it gives on the mirror image."""
    found = {}
    cat = photograph()
    plain, other = maps(model, cat), maps(model, cat.flip(-1))
    for asking, shown in [*((None, shown) for shown in PARTS), *PAIRS]:
        query = [None if asking is None else part(asking, mirrored=m) for m in (False, True)]
        table = times_area(plain, query[0], part(shown))
        again = times_area(other, query[1], part(shown, mirrored=True))
        layer, head = divmod(int(table.argmax()), table.shape[1])
        key = f"{name}, {asking or 'class'} to {shown}"
        found[f"{key}: layer"], found[f"{key}: head"] = layer + 1.0, head + 1.0
        found[f"{key}: most"] = float(table[layer, head])
        found[f"{key}: mirrored"] = float(again[layer, head])
        found[f"{key}: most, mirrored"] = float(again.max())
        if shown in OTHER:  # it stands where the asked one stood
            swapped = times_area(other, query[1], part(OTHER[shown], mirrored=True))
            found[f"{key}: its position, mirrored"] = float(swapped[layer, head])
        for number, heads in enumerate(table.mean(1).tolist(), 1):
            found[f"{key}: mean of layer {number}"] = heads
    return found


def measure(seed: int) -> dict[str, float]:
    """Return its numbers; the seed decides the control's."""
    found = difference() | attention(published(), "published")
    found |= attention(out_of_order(published(), seed), "control")
    return {name: round(value, 6) for name, value in found.items()}
