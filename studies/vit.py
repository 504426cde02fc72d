"""ViT: what it learns from small handwritten digits, beside what needs no attention.

A ViT and a small CNN with about as many parameters see the same pictures in the same order, for as
many steps, with training sets of four sizes (fewer pictures, fewer steps); nearest neighbours and a
support vector machine have the same sets. Then both without the small moves of each picture; and
with patches that lie in another order, one for all pictures or one for each, with and without
positions. Last, what the class token's state tells of the digit after each layer, beside that of a
network that has learned nothing.

Each training is kept when it is done, so that an interrupted seed goes on where it was.
"""

import time

import torch
from jaxtyping import Float
from torch import Tensor, nn

import txlite
from studies._kept import kept
from studies._vit import (
    LABELS,
    PATCH,
    RATES,
    STEPS,
    Change,
    accuracy,
    balanced,
    built,
    one_order,
    orders_of_their_own,
    scores,
    small_moves,
    trained,
)
from txlite.data.digits import digits
from txlite.data.pictures import LabelledPictures
from txlite.models import ViT

SIZES = {50: 400, 150: 600, 450: 900}  # digits to learn from, and steps; and all
NEIGHBOURS, PENALTY, GAMMA = 3, 10.0, 0.2  # chosen on valid
COPIES = 5  # moved ones of each picture, for the machine that cannot be shown new ones
PATCHES = (8 // PATCH) ** 2
RIDGE = 1e-2
MOVES: tuple[Change, ...] = (small_moves,)


def known(size: int | None, seed: int) -> LabelledPictures:
    """Return what is learned from: some of each digit, or all."""
    whole = digits().known
    return whole if size is None else balanced(whole, size, seed)


def run(
    kind: str,
    seed: int,
    *,
    size: int | None = None,
    moves: bool = True,
    mix: Change | None = None,
    **changes: object,
) -> tuple[nn.Module, dict[str, float]]:
    """Train once; return the model, what it cost and what it scores on the test."""
    model = built(kind, seed, **changes)
    part = known(size, seed)
    changes_of = (*(MOVES if moves else ()), *((mix,) if mix else ()))
    begin = time.process_time()
    count = SIZES.get(size or 0, STEPS)
    trained(model, part, seed, rate=RATES[kind], steps=count, changes=changes_of)
    seconds = time.process_time() - begin
    test = digits().test
    if mix is not None:
        test = LabelledPictures(mix(test.pictures, txlite.seed(seed)), test.labels)
    found = {
        "accuracy": accuracy(model, test),
        "fitted": accuracy(model, part) if mix is None else float("nan"),
        "seconds": seconds,
        "parameters": float(sum(p.numel() for p in model.parameters())),
    }
    return model, {name: value for name, value in found.items() if value == value}


def fitted_once(size: int | None, seed: int) -> dict[str, float]:
    """Return what nearest neighbours and support vectors score."""
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    part, test = known(size, seed), digits().test
    generator = txlite.seed(seed)
    copies = [part.pictures, *(small_moves(part.pictures, generator) for _ in range(COPIES))]
    told = {"plain": (part.pictures, part.labels)}
    told["moved"] = torch.cat(copies), part.labels.repeat(COPIES + 1)
    asked = test.pictures.flatten(1).numpy()
    found = {}
    for name, (pictures, labels) in told.items():
        rows = pictures.flatten(1).numpy(), labels.numpy()
        for kind, judge in (
            ("k-NN", KNeighborsClassifier(NEIGHBOURS)),
            ("SVC", SVC(C=PENALTY, gamma=GAMMA)),
        ):
            found[f"{kind}, {name}"] = float(judge.fit(*rows).score(asked, test.labels.numpy()))
    return found


@torch.no_grad()
def gathered(vit: ViT, pictures: Float[Tensor, "N C Y X"]) -> list[Float[Tensor, "N T D"]]:
    """Return the hidden states before the first layer, and after each."""
    found: list[Tensor] = []
    hooks = [vit.encoder.layers[0].register_forward_pre_hook(lambda _, x: found.append(x[0]))]
    for layer in vit.encoder.layers:
        hooks.append(layer.register_forward_hook(lambda _, __, x: found.append(x)))
    try:
        vit.eval()(pictures)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def read_out(
    known: Float[Tensor, "N D"], labels: Tensor, asked: Float[Tensor, "M D"], truth: Tensor
) -> float:
    """Return how often a linear readout of states, fitted by least squares, is right."""
    mean, std = known.mean(0), known.std(0) + 1e-6
    a, b = ((x.double() - mean) / std for x in (known, asked))
    a, b = (torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1) for x in (a, b))
    wanted = nn.functional.one_hot(labels, LABELS).double()
    gram = a.T @ a + RIDGE * len(a) * torch.eye(a.shape[1], dtype=a.dtype)
    told = b @ torch.linalg.solve(gram, a.T @ wanted)
    return float((told.argmax(1) == truth).double().mean())


def class_token(model: nn.Module, name: str) -> dict[str, float]:
    """Return what its state tells of the digit, layer by layer."""
    part, test = digits().known, digits().test
    device = txlite.device()
    states = [gathered(model.vit, x.to(device)) for x in (part.pictures, test.pictures)]  # type: ignore[arg-type]
    return {
        f"{name}, class token, {at}": read_out(
            a[:, 0].cpu(), part.labels, b[:, 0].cpu(), test.labels
        )
        for at, (a, b) in enumerate(zip(*states, strict=True))
    }


def whole(seed: int) -> dict[str, float]:
    """Train the ViT of the chapter; return its scores, and what its class token has gathered."""
    model, found = run("ViT", seed)
    test = digits().test
    other = one_order(PATCHES)(test.pictures, txlite.seed(seed))
    found["asked in another order"] = accuracy(model, LabelledPictures(other, test.labels))
    found |= class_token(model, "trained")
    return found | class_token(built("ViT", seed), "untrained")


def blind(seed: int) -> dict[str, float]:
    """Train a ViT without positions; return its scores, and what another order changes in them."""
    model, found = run("ViT", seed, positions="none")
    test, mix = digits().test, orders_of_their_own(PATCHES)
    other = mix(test.pictures, txlite.seed(seed))
    found["difference"] = float((scores(model, other) - scores(model, test.pictures)).abs().max())
    found["asked in another order"] = accuracy(model, LabelledPictures(other, test.labels))
    return found


def measure(seed: int) -> dict[str, float]:
    """Return every number of the chapter's curves and tables for one seed."""
    alike, own = one_order(PATCHES), orders_of_their_own(PATCHES)
    arms = {
        **{f"{kind}, {n}": (kind, {"size": n}) for n in SIZES for kind in RATES},
        "CNN, all": ("CNN", {}),
        **{f"{kind}, all, no moves": (kind, {"moves": False}) for kind in RATES},
        **{f"{kind}, one order": (kind, {"mix": alike}) for kind in RATES},
        **{f"{kind}, own orders": (kind, {"mix": own}) for kind in RATES},
        "blind, own orders": ("ViT", {"mix": own, "positions": "none"}),
        "mean of the patches": ("ViT", {"pooling": "mean"}),
    }
    found = {f"ViT, all: {k}": v for k, v in kept("ViT, all", seed, lambda: whole(seed)).items()}
    one = kept("blind", seed, lambda: blind(seed))
    found |= {f"blind, in order: {what}": value for what, value in one.items()}
    for name, (kind, rest) in arms.items():
        one = kept(name, seed, lambda k=kind, r=rest: run(k, seed, **r)[1])  # type: ignore[misc]
        found |= {f"{name}: {what}": value for what, value in one.items()}
    for size in (*SIZES, None):
        one = kept(f"fitted {size}", seed, lambda n=size: fitted_once(n, seed))  # type: ignore[misc]
        found |= {f"{what}, {size or 'all'}: accuracy": value for what, value in one.items()}
    return {name: round(value, 6) for name, value in found.items()}
