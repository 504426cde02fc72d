"""One object for all that positions bring into a stack, whatever the scheme.

A scheme adds something to the hidden states, once, before the first layer (the paper's sinusoids,
learned rows), or to queries and keys in every attention (DETR), or to the scores (T5, ALiBi), or
it turns queries and keys (rotary). :class:`Positions` carries any of the four through stacks and
layers to where each belongs, so that none of them needs an argument of its own.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils import _pytree as pytree

from txlite._checks import check_alike, check_shape
from txlite.nn.positions.rotary import Rotation

__all__ = ["Positions"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Positions:
    """What positions bring to the hidden states, the queries and keys, and the scores; a pytree.

    Parameters
    ----------
    states : Tensor, shape (T, D) or (B, T, D), optional
        Added to the hidden states where they enter the outermost stack or layer.
    query_key : Tensor, shape (T, D) or (B, T, D), optional
        Added, in every attention, to what queries and keys are made of, and not to the values. In
        an attention to another sequence it is that of the queries; the keys bring their own.
    bias : Tensor, optional
        Added to the scaled scores of every self-attention; broadcasts to (B, H, T, S).
    rotation : Rotation, optional
        By how much each position turns its query and its key, in every self-attention.

    References
    ----------
    Vaswani et al. (2017), section 3.5 (states). Carion et al. (2020), "End-to-End Object Detection
    with Transformers", appendix A.3 (query_key). Raffel et al. (2020), section 2.1 (bias). Su et
    al. (2024), section 3.2 (rotation).

    Examples
    --------
    >>> from txlite.nn import Encoder
    >>> from txlite.nn.positions import Rotary
    >>> rotation = Rotary(4)(torch.arange(5))
    >>> x = torch.zeros(1, 5, 8)
    >>> Encoder(2, 8, 2, 16)(x, positions=Positions(rotation=rotation)).shape
    torch.Size([1, 5, 8])
    """

    states: Float[Tensor, "*B T D"] | None = None
    query_key: Float[Tensor, "*B T D"] | None = None
    bias: Float[Tensor, "..."] | None = None
    rotation: Rotation | None = None

    def _check(self, x: Tensor, head_dim: int | None, name: str = "positions") -> None:
        """Refuse, by name, what does not fit hidden states (B, T, D) and heads of that width."""
        batch, length, width = x.shape
        for field in ("states", "query_key"):
            table = getattr(self, field)
            if table is not None:
                axes = "B T D" if table.ndim == 3 else "T D"
                known = {"B": batch, "T": length, "D": width}
                check_shape(f"{name}.{field}", table, axes, **{a: known[a] for a in axes.split()})
                check_alike(f"{name}.{field}", table, x)
        if self.rotation is not None:
            self.rotation._check_sizes(f"{name}.rotation", batch, length, head_dim)


pytree.register_dataclass(
    Positions,
    field_names=["states", "query_key", "bias", "rotation"],
    serialized_type_name="txlite.nn.positions.Positions",  # torch.export takes one as an input
)
torch.serialization.add_safe_globals([Positions])


def enter(x: Tensor, positions: Positions | None) -> tuple[Tensor, Positions | None]:
    """Add what is added to the hidden states, once: what is inside gets the rest."""
    if positions is None or positions.states is None:
        return x, positions
    return x + positions.states, replace(positions, states=None)


def across(own: Positions | None, theirs: Positions | None) -> Positions | None:
    """Return what of the queries' positions counts where the keys are another sequence's.

    Distances between two sequences mean nothing by themselves: a bias of the scores comes with the
    other sequence, and a rotation counts if the other one turns too.
    """
    if own is None and theirs is None:
        return None
    own, theirs = own or Positions(), theirs or Positions()
    rotation = own.rotation if theirs.rotation is not None else None
    return Positions(query_key=own.query_key, bias=theirs.bias, rotation=rotation)
