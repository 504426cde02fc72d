"""The optimiser: torch's AdamW with the paper's constants, and gradients of a bounded length.

Sources
    Vaswani et al. (2017), section 5.3: Adam with β₁ = 0.9, β₂ = 0.98, ε = 10⁻⁹.
    Loshchilov and Hutter (2019), "Decoupled Weight Decay Regularization", algorithm 2.
    Pascanu et al. (2013), "On the difficulty of training recurrent neural networks", algorithm 1.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from txlite._checks import check_number, check_rate
from txlite.nn.embeddings import TokenEmbedding
from txlite.training._finite import check_eps

__all__ = ["adamw", "clip_gradients"]

_LOOKED_UP = (nn.Embedding, nn.EmbeddingBag, TokenEmbedding)


def adamw(
    model: nn.Module,
    lr: float,
    *,
    betas: tuple[float, float] = (0.9, 0.98),
    eps: float = 1e-9,
    weight_decay: float = 0.0,
    fused: bool = False,
) -> torch.optim.AdamW:
    """Return ``torch.optim.AdamW`` over a model, in two groups: with weight decay and without.

    Matrices decay. Biases, the gains of norms and embeddings do not: pulling a gain towards zero
    silences a layer, and an embedding of a rare token would fade in all the steps that do not use
    it.

    Parameters
    ----------
    model : Module
        Whose parameters that want a gradient are trained.
    lr : float
        The learning rate, until a schedule sets it.
    betas : tuple of float
        How slowly the running means of the gradient and of its square forget. The paper's, by
        default; torch's are (0.9, 0.999).
    eps : float
        Keeps the division by the root of the second mean finite. The paper's, by default.
    weight_decay : float
        How much of itself a matrix loses in each step, as a share of the learning rate. 0, the
        paper's way, makes it Adam.
    fused : bool
        Whether one kernel makes the whole step. Faster for small models, and equal but for
        rounding.

    Returns
    -------
    torch.optim.AdamW
        Two groups: what decays, then what does not.

    Raises
    ------
    ValueError
        If the model has nothing to train, or a number lies outside its range; ``eps`` also where
        it rounds to zero among numbers of the weights' dtype.
    """
    lr = check_number("lr", lr, "finite and at least zero", lambda x: 0 <= x < math.inf)
    betas = _check_betas(betas)
    eps = check_rate("eps", eps)
    weight_decay = check_number(
        "weight_decay", weight_decay, "finite and at least zero", lambda x: 0 <= x < math.inf
    )
    looked_up = {
        id(p) for m in model.modules() if isinstance(m, _LOOKED_UP) for p in m.parameters()
    }
    trained = [p for p in model.parameters() if p.requires_grad]
    if not trained:
        raise ValueError("model should have parameters that want a gradient, got none")
    for p in trained:
        check_eps(eps, p)
    decaying = [p for p in trained if p.ndim >= 2 and id(p) not in looked_up]
    chosen = {id(p) for p in decaying}
    groups = [
        {"params": decaying, "weight_decay": weight_decay},
        {"params": [p for p in trained if id(p) not in chosen], "weight_decay": 0.0},
    ]
    filled = [group for group in groups if group["params"]]
    return torch.optim.AdamW(
        filled, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=fused or None
    )


def _check_betas(betas: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise ValueError(f"betas should be two numbers in [0, 1), got {betas!r}")
    first, second = (
        check_number(f"betas[{i}]", beta, "a number in [0, 1)", lambda x: 0 <= x < 1)
        for i, beta in enumerate(betas)
    )
    return first, second


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float | None = None) -> float:
    """Shorten all gradients together, keeping their direction, until they are no longer than this.

    The length is that of one long vector: the root of the sum of the squares of all entries of all
    gradients.

    Parameters
    ----------
    parameters : iterable of Parameter
        Those without a gradient are left out.
    max_norm : float, optional
        The largest length; None only measures.

    Returns
    -------
    float
        The length before. Gradients that are infinite or not a number have no direction, and are
        left as they are.

    Raises
    ------
    ValueError
        If ``max_norm`` is not positive.

    References
    ----------
    Pascanu et al. (2013), algorithm 1. ``torch.nn.utils.clip_grad_norm_`` adds 10⁻⁶ to the length
    that it divides by.
    """
    limit = math.inf
    if max_norm is not None:
        limit = check_number("max_norm", max_norm, "positive", lambda x: x > 0)
    gradients = [p.grad for p in parameters if p.grad is not None]
    length = _length(gradients)
    if limit < length < math.inf:
        factor = limit / length
        # so small a factor would itself be rounded in float32: it is applied in two halves
        steps = [factor] if factor > 1e-30 else [math.sqrt(factor)] * 2
        for gradient in gradients:
            for step in steps:
                gradient.mul_(step)
    return length


def _length(gradients: list[Tensor]) -> float:
    """Return the length of all gradients as one vector, whatever the size of their entries.

    Squares of float32 vanish below 1e-19 and are infinite above 1e19. Where the usual sum may have
    met either, everything is measured in multiples of the largest entry.
    """
    if not any(g.dtype in (torch.float16, torch.bfloat16) for g in gradients):
        length = _norm(gradients, 2.0)
        if 1e-10 < length < math.inf:
            return length
    largest = _norm(gradients, math.inf)
    if largest == 0 or not math.isfinite(largest):
        return largest
    wide = [g.to(torch.promote_types(g.dtype, torch.float)) / largest for g in gradients]
    return largest * _norm(wide, 2.0)


def _norm(gradients: list[Tensor], kind: float) -> float:
    """Return the norm of all entries; gradients in pieces stand beside those that all hold."""
    places: dict[Any, list[Tensor]] = {}
    for gradient in gradients:
        if gradient.numel():
            places.setdefault(getattr(gradient, "device_mesh", None), []).append(gradient)
    norms = [nn.utils.get_total_norm(there, kind) for there in places.values()]
    found = [float(n.full_tensor() if hasattr(n, "full_tensor") else n) for n in norms]
    if len(found) < 2:
        return sum(found, 0.0)
    return float(torch.tensor(found, dtype=torch.float64).norm(kind))
