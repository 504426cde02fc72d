r"""The feed-forward layer: what every position does on its own with what it has gathered.

The chapter on the layer derives it: one hidden layer, the same for each position, no exchange among
positions. A gated activation multiplies two hidden layers, one of which opens and closes the other.

Shape letters
    D model width    F width of the hidden layer

Sources
    Vaswani et al. (2017), section 3.3, equation (2).
    Hendrycks and Gimpel (2016), "Gaussian Error Linear Units": GELU, and its approximations by a
    tanh and by a sigmoid (section 2).
    Shazeer (2020), "GLU Variants Improve Transformer", equations (5) and (6).
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import (
    check_choice,
    check_dtype,
    check_positive,
    check_probability,
    check_shape,
)
from txlite.nn._edge import checked_once

__all__ = ["FeedForward"]

Activation = Literal[
    "relu", "gelu", "gelu_tanh", "quick_gelu", "silu", "reglu", "geglu", "geglu_tanh", "swiglu"
]


def _quick_gelu(x: Tensor) -> Tensor:
    return x * functional.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "gelu": functional.gelu,
    "gelu_tanh": partial(functional.gelu, approximate="tanh"),
    "quick_gelu": _quick_gelu,
    "silu": functional.silu,
}
GATES = {  # a gated layer, and the activation of its gate
    "reglu": "relu",
    "geglu": "gelu",
    "geglu_tanh": "gelu_tanh",
    "swiglu": "silu",
}


class FeedForward(nn.Module):
    r"""Two linear maps with an activation between them, for every position alike.

    .. math:: \operatorname{FFN}(x) = a(x W_{up} + b_{up})\, W_{down} + b_{down}

    and with a gate

    .. math:: \begin{aligned} g(x) &= a(x W_{gate} + b_{gate}) \odot (x W_{up} + b_{up}) \\
              \operatorname{GLU}(x) &= g(x)\, W_{down} + b_{down} \end{aligned}

    Parameters
    ----------
    d_model : int
        Width of the input and of the output.
    d_ff : int
        Width of the hidden layer; in the paper 4 · d_model.
    activation : str
        ``"relu"`` (the paper's), ``"gelu"`` (exact), ``"gelu_tanh"`` (GPT-2's approximation),
        ``"quick_gelu"`` (CLIP's, x · σ(1.702 x)) or ``"silu"``; gated, with a third matrix:
        ``"reglu"``, ``"geglu"``, ``"geglu_tanh"`` or ``"swiglu"``.
    bias : bool
        Whether the linear maps add a bias.
    dropout : float
        Probability with which a hidden unit is dropped in training.

    Raises
    ------
    ValueError
        If a size is not positive, there is no such activation, or dropout is not in [0, 1).

    References
    ----------
    Vaswani et al. (2017), equation (2). Shazeer (2020), equations (5) and (6).

    Examples
    --------
    >>> import torch
    >>> FeedForward(8, 32, activation="swiglu")(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        d_ff: int,
        *,
        activation: Activation = "gelu",
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.d_model = d_model = check_positive("d_model", d_model)
        self.d_ff = d_ff = check_positive("d_ff", d_ff)
        dropout = check_probability("dropout", dropout)
        check_choice("activation", activation, (*ACTIVATIONS, *GATES))
        self.activation = activation
        self.up_proj = nn.Linear(d_model, d_ff, bias=bias)
        self.gate_proj = nn.Linear(d_model, d_ff, bias=bias) if activation in GATES else None
        self.down_proj = nn.Linear(d_ff, d_model, bias=bias)
        self.dropout = nn.Dropout(dropout)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew: Xavier uniform, biases zero."""
        for proj in (self.up_proj, self.gate_proj, self.down_proj):
            if proj is not None:
                nn.init.xavier_uniform_(proj.weight)
                if proj.bias is not None:
                    nn.init.zeros_(proj.bias)

    @checked_once
    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return one new vector for each position, from its old one alone.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not the model's width, or its dtype not the weights'.
        """
        hidden = self.up_proj(x)  # (..., F)
        if self.gate_proj is None:
            hidden = ACTIVATIONS[self.activation](hidden)
        else:
            hidden = ACTIVATIONS[GATES[self.activation]](self.gate_proj(x)) * hidden
        out: Tensor = self.down_proj(self.dropout(hidden))
        return out

    def _check(self, x: Tensor) -> None:
        check_shape("x", x, "*B D", D=self.d_model)
        if isinstance(self.up_proj, nn.Linear):  # anything else may take another dtype
            check_dtype("x", x, "the weights", self.up_proj.weight)

    def extra_repr(self) -> str:
        """Return the choice that ``print(module)`` shows."""
        return f"activation={self.activation!r}"
