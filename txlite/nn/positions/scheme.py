"""One switch for the schemes: what a whole model adds to its vectors, and hands to its attention.

A model says the scheme's name. Every scheme takes the positions from the padding mask and from the
cache, so that a sentence means the same wherever its padding is and however it is cut into steps.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from txlite._checks import check_choice, check_divides, check_shape
from txlite.nn._edge import checked_once
from txlite.nn.positions.absolute import Learned, Sinusoidal, count_positions
from txlite.nn.positions.axial import Axial
from txlite.nn.positions.bias import ALiBi, RelativeBias
from txlite.nn.positions.carrier import Positions
from txlite.nn.positions.rotary import Rotary

__all__ = ["PositionScheme"]

SchemeName = Literal["none", "sinusoidal", "learned", "rotary", "alibi", "relative"]
NAMES = get_args(SchemeName)
KINDS: dict[str, tuple[type[nn.Module], ...]] = {
    "none": (),
    "sinusoidal": (Sinusoidal,),
    "learned": (Learned, Axial),
    "rotary": (Rotary,),
    "alibi": (ALiBi,),
    "relative": (RelativeBias,),
}


class PositionScheme(nn.Module):
    """Positions of a stack, by the scheme's name.

    Parameters
    ----------
    name : str
        ``"sinusoidal"`` or ``"learned"`` (added to the vectors), ``"rotary"`` (turns queries and
        keys), ``"alibi"`` or ``"relative"`` (added to the scores), or ``"none"``.
    d_model : int
        Width of the vectors.
    num_heads : int
        Number of attention heads.
    head_dim : int, optional
        Width of a head, which the rotary scheme turns. The default is ``d_model / num_heads``.
    max_len : int
        Longest sequence of the learned scheme; the others know none.
    bidirectional : bool
        Whether the relative scheme tells positions ahead from those behind: False in a decoder.
    part : Module, optional
        Stands in the place of the one that the sizes would build: a :class:`Rotary` that turns
        otherwise, a :class:`RelativeBias` with other buckets.

    Raises
    ------
    ValueError
        If there is no scheme of that name, a size does not fit it, or the part is of another
        scheme.

    Examples
    --------
    >>> x, positions = PositionScheme("alibi", 8, 2)(torch.zeros(1, 5, 8))
    >>> positions.bias.shape
    torch.Size([2, 5, 5])
    """

    def __init__(
        self,
        name: SchemeName,
        d_model: int,
        num_heads: int,
        *,
        head_dim: int | None = None,
        max_len: int = 512,
        bidirectional: bool = True,
        part: nn.Module | None = None,
    ) -> None:
        super().__init__()
        check_choice("positions", name, NAMES)
        if part is not None and not isinstance(part, KINDS[name]):
            wanted = f"a {KINDS[name][0].__name__}" if KINDS[name] else "None"
            raise ValueError(f"part should be {wanted} for positions={name!r}, got {part!r}")
        self.name = name
        self.added: nn.Module | None = None
        self.biased: nn.Module | None = None
        self.turned: nn.Module | None = None
        if name == "sinusoidal":
            self.added = part or Sinusoidal(d_model)
        elif name == "learned":
            self.added = part or Learned(max_len, d_model)
        elif name == "rotary":
            if head_dim is None:
                check_divides("num_heads", num_heads, "d_model", d_model)
            self.turned = part or Rotary(head_dim or d_model // num_heads)
        elif name == "alibi":
            self.biased = part or ALiBi(num_heads)
        elif name == "relative":
            self.biased = part or RelativeBias(num_heads, bidirectional=bidirectional)

    @checked_once
    def forward(
        self,
        x: Float[Tensor, "B T D"],
        keep: Bool[Tensor, "B S"] | None = None,
        past: int = 0,
    ) -> tuple[Float[Tensor, "B T D"], Positions]:
        """Place the vectors.

        Parameters
        ----------
        x : Tensor, shape (B, T, D)
            The vectors of the newest T positions.
        keep : Tensor of bool, shape (B, S), optional
            True for a real token, of all S = past + T positions. The default is all real.
        past : int
            How many positions came before, in a cache.

        Returns
        -------
        x : Tensor, shape (B, T, D)
            The vectors, with the positions added if the scheme adds them.
        positions : Positions
            What else the scheme brings, for the stack: a bias of the scores, of shape (H, T, S) or
            (B, H, T, S), or a rotation.

        Raises
        ------
        ValueError
            If ``keep`` does not cover all positions.
        """
        if keep is None:
            keys = torch.arange(past + x.shape[1], device=x.device)
        else:
            keys = count_positions(keep)
        queries = keys[..., past:]  # (T,) or (B, T)
        if self.added is not None:
            x = x + self.added(queries).to(x.dtype)
        bias = None if self.biased is None else self.biased(queries, keys)
        rotation = None if self.turned is None else self.turned(queries)
        return x, Positions(bias=bias, rotation=rotation)

    def _check(self, x: Tensor, keep: Tensor | None = None, past: int = 0) -> None:
        sizes = check_shape("x", x, "B T D")
        if keep is not None:
            check_shape("keep", keep, "B S", B=sizes["B"], S=past + sizes["T"])

    def extra_repr(self) -> str:
        """Return the choice that ``print(module)`` shows."""
        return repr(self.name)
