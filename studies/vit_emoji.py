"""ViT on emoji: of which kind is a drawing, by what 1,700 of them teach, and by what others know.

The pictures are OpenMoji's, in Unicode's nine groups. A ViT and a small CNN learn from them.
Nearest neighbours compare their pixels, and the features of a published backbone, which nobody has
trained for this. Its control has the same layers, and the same weights in another order.
"""

import time
from collections import Counter

import torch
from jaxtyping import Float
from torch import Tensor, nn

import txlite
from studies._kept import kept, kept_tensors
from studies._vit import WIDTHS, accuracy, config, small_moves_of, trained
from txlite.data.emoji import draw_emoji, emoji_list
from txlite.data.pictures import LabelledPictures, normalised
from txlite.data.weights import weights_file
from txlite.interop import load_onnx_dinov2
from txlite.models import SmallCNN, ViT, ViTForImageClassification

SIDE, PATCH = 32, 4  # of what is learned from, in pixels
LARGE = 84  # of what the backbone is given: 6 × 6 of its patches
STEPS, RATES = 600, {"ViT": 1e-3, "CNN": 5e-3}
SHIFT, TURN = 2.0, 0.2  # pixels, radians
NEIGHBOURS = (1, 3, 5, 9, 15)  # the best on valid is asked
AT_ONCE = 16
EVERY = 1  # of the emoji; more in tests


def parts(side: int) -> dict[str, LabelledPictures]:
    """Return the emoji as pictures, by part: ``train``, ``valid`` and ``held_out``."""
    everything = emoji_list()[::EVERY]
    groups = list(dict.fromkeys(one.group for one in everything))
    found = {}
    for part in ("train", "valid", "held_out"):
        some = [one for one in everything if one.part == part]
        labels = torch.tensor([groups.index(one.group) for one in some])
        found[part] = LabelledPictures(draw_emoji(some, size=side), labels)
    return found


def joined(*some: LabelledPictures) -> LabelledPictures:
    """Return parts as one."""
    return LabelledPictures(
        torch.cat([part.pictures for part in some]), torch.cat([part.labels for part in some])
    )


def learned(kind: str, seed: int) -> dict[str, float]:
    """Train a ViT or a CNN; return what it cost, and how often it is right."""
    found = parts(SIDE)
    known = joined(found["train"], found["valid"])
    labels = int(known.labels.max()) + 1
    txlite.seed(seed)
    model: nn.Module = SmallCNN(labels, widths=WIDTHS)
    if kind == "ViT":
        sizes = {"image_size": SIDE, "patch_size": PATCH, "num_channels": 3, "num_labels": labels}
        model = ViTForImageClassification(config(**sizes))
    model = model.to(txlite.device())
    begin = time.process_time()
    moves = (small_moves_of(SHIFT, TURN, ground=1.0),)
    trained(model, known, seed, rate=RATES[kind], steps=STEPS, changes=moves)
    return {
        "accuracy": accuracy(model, found["held_out"]),
        "fitted": accuracy(model, known),
        "seconds": time.process_time() - begin,
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }


@torch.no_grad()
def features(backbone: ViT, pictures: Float[Tensor, "N 3 Y X"]) -> Float[Tensor, "N D"]:
    """Return the class token's state after the last layer, of length 1."""
    some = torch.split(normalised(pictures), AT_ONCE)
    return nn.functional.normalize(torch.cat([backbone.eval()(x)[:, 0] for x in some]), dim=-1)


def looked_at(published: bool) -> dict[str, Tensor]:
    """Return the features of all parts, from published weights or from first ones."""
    backbone = load_onnx_dinov2(weights_file("dinov2-small"), num_heads=6)
    if not published:
        held_out = torch.Generator().manual_seed(0)
        for weight in backbone.parameters():
            with torch.no_grad():  # as large as the published ones, and without what they know
                order = torch.randperm(weight.numel(), generator=held_out)
                weight.copy_(weight.flatten()[order].view_as(weight))
    return {name: features(backbone, part.pictures) for name, part in parts(LARGE).items()}


def nearest(rows: dict[str, Tensor], labels: dict[str, Tensor]) -> dict[str, float]:
    """Return how often neighbours are right, as many as are best on ``valid``."""
    from sklearn.neighbors import KNeighborsClassifier

    def right(count: int, known: tuple[str, ...], asked: str) -> float:
        judge = KNeighborsClassifier(count, weights="distance")
        judge.fit(torch.cat([rows[k] for k in known]), torch.cat([labels[k] for k in known]))
        return float(judge.score(rows[asked], labels[asked]))

    best = max(NEIGHBOURS, key=lambda count: right(count, ("train",), "valid"))
    found = right(best, ("train", "valid"), "held_out")
    return {"accuracy": found, "neighbours": float(best)}


def compared() -> dict[str, float]:
    """Return what nearest neighbours score, which no seed changes, and what guessing does."""
    found = parts(SIDE)
    labels = {name: part.labels for name, part in found.items()}
    pixels = {name: part.pictures.flatten(1) for name, part in found.items()}
    large = {name: part.pictures.flatten(1) for name, part in parts(LARGE).items()}
    names = {"pixels": pixels, "more pixels": large}
    for published in (True, False):
        name = "features" if published else "untrained features"
        names[name] = kept_tensors(name, lambda p=published: looked_at(p))  # type: ignore[misc]
    told = {
        f"k-NN, {name}: {what}": value
        for name, rows in names.items()
        for what, value in nearest(rows, labels).items()
    }
    known = Counter(torch.cat([labels["train"], labels["valid"]]).tolist())
    most = known.most_common(1)[0][0]
    told["most frequent: accuracy"] = float((labels["held_out"] == most).double().mean())
    return told | {f"{name}: pictures": float(len(part)) for name, part in found.items()}


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's table for one seed."""
    found = dict(kept("compared", 0, compared))
    for kind in RATES:
        one = kept(kind, seed, lambda k=kind: learned(k, seed))  # type: ignore[misc]
        found |= {f"{kind}: {what}": value for what, value in one.items()}
    return {name: round(value, 6) for name, value in found.items()}
