"""A linear map whose weights are whole numbers.

Two ways to use them. *Weight-only* makes floating-point numbers of a matrix for the moment in which
it is needed. *Dynamic* rounds the inputs row by row as they come, and multiplies whole numbers.

Sources
    Jacob et al. (2018), section 2.2 (sums of products in 32 bits).
    Dettmers et al. (2022), "LLM.int8()", section 2.1 (a scale for each row of inputs).
"""

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn import functional

from txlite._checks import check_positive, check_shape
from txlite.compress._matrix import QuantizedMatrix

__all__ = ["QuantizedLinear"]


class QuantizedLinear(QuantizedMatrix):
    r"""A linear map whose weights are codes of 8 or 4 bits: :math:`y = x \hat W^\top + b`.

    Parameters
    ----------
    in_features, out_features : int
        Sizes, as in ``nn.Linear``.
    bits : int
        8 or 4.
    group_size : int, optional
        How many neighbours in a row share a scale. By default the whole row does.
    bias : bool
        Whether a bias is added; it stays in floating point.
    dynamic : bool
        Whether inputs are rounded, too: to 8 bits, by a scale for each row of them. Weights then
        have 8 bits and no groups.

    Raises
    ------
    ValueError
        If a size is not positive, the groups do not divide, ``bits`` is neither 4 nor 8, or
        ``dynamic`` comes with 4 bits or groups.

    Notes
    -----
    ``weight`` holds codes and not numbers to multiply by: ``expanded`` returns those. Weight-only
    layers save bytes and no time: the matrix is expanded for every call, which is worth it where
    its bytes are what one waits for. An exported program multiplies a dynamic layer's whole numbers
    as floating-point ones, and has its results, not its speed.

    References
    ----------
    Jacob et al. (2018), sections 2.1 and 2.2.

    Examples
    --------
    >>> linear = nn.Linear(64, 32)
    >>> small = QuantizedLinear.of(linear)
    >>> x = torch.randn(5, 64)
    >>> bool((small(x) - linear(x)).abs().max() < 0.02), small.weight.nbytes, linear.weight.nbytes
    (True, 2048, 8192)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bits: int = 8,
        group_size: int | None = None,
        bias: bool = True,
        dynamic: bool = False,
    ) -> None:
        self_in = check_positive("in_features", in_features)
        self_out = check_positive("out_features", out_features)
        super().__init__(self_out, self_in, bits, group_size)
        if dynamic and (self.bits != 8 or group_size is not None):
            raise ValueError(
                f"dynamic=True should come with bits=8 and whole rows, got bits={bits}, "
                f"group_size={group_size}"
            )
        self.in_features, self.out_features, self.dynamic = self_in, self_out, dynamic
        self.bias = nn.Parameter(torch.zeros(self_out)) if bias else None

    @classmethod
    def of(
        cls,
        linear: nn.Linear,
        *,
        bits: int = 8,
        group_size: int | None = None,
        dynamic: bool = False,
    ) -> "QuantizedLinear":
        """Round a linear map; its bias is taken over as it is.

        Parameters
        ----------
        linear : Linear
            Stays as it was.
        bits : int
            8 or 4.
        group_size : int, optional
            How many neighbours in a row share a scale.
        dynamic : bool
            Whether inputs are rounded, too.

        Returns
        -------
        QuantizedLinear
            On the same device.

        Raises
        ------
        ValueError
            If the weights are not finite, or a choice does not fit.
        """
        made = cls(
            linear.in_features, linear.out_features,
            bits=bits, group_size=group_size, bias=False, dynamic=dynamic,
        )  # fmt: skip
        made._round(linear.weight)
        made.bias = linear.bias
        return made.train(linear.training)

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """Apply the map.

        Parameters
        ----------
        x : Tensor, shape (..., I)
            Inputs.

        Returns
        -------
        Tensor, shape (..., O)
            In the dtype of ``x``. A dynamic layer has no gradient for its inputs.

        Raises
        ------
        ValueError
            If the last axis of ``x`` is not I.
        """
        check_shape("x", x, "*B I", I=self.in_features)
        if not self.dynamic:
            return functional.linear(x, self.expanded().to(x.dtype), self._bias(x))
        y = _dynamic(x.reshape(-1, self.in_features), self.weight, self.scales)
        y = y.to(x.dtype).reshape(*x.shape[:-1], self.out_features)
        bias = self._bias(x)
        return y if bias is None else y + bias

    def _bias(self, x: Tensor) -> Tensor | None:
        return None if self.bias is None else self.bias.to(x.dtype)

    def extra_repr(self) -> str:
        """Return the sizes and choices that ``print(module)`` shows."""
        sizes = f"{self.in_features}, {self.out_features}, {self._sizes()}"
        return f"{sizes}, bias={self.bias is not None}, dynamic={self.dynamic}"


@torch.no_grad()
def _dynamic(x: Tensor, codes: Tensor, scales: Tensor) -> Tensor:
    """Round rows of inputs (N, I), multiply whole numbers, and give the sums their scales."""
    x = x.float()
    most = x.abs().amax(-1, keepdim=True)  # (N, 1); of a NaN it is a NaN, and so is the sum
    own = torch.where(most == 0, 1.0, most / 127).clamp(min=torch.finfo(torch.float32).tiny)
    rounded = (x / own).round().clamp(-127, 127).to(torch.int8)
    return _integer_product(rounded, codes) * own * scales[:, 0]


def _integer_product(
    x: Integer[Tensor, "N I"], codes: Integer[Tensor, "O I"]
) -> Integer[Tensor, "N O"]:
    """Multiply whole numbers, and add up in 32 bits: exact up to 133,000 columns."""
    if torch.compiler.is_exporting():  # other runtimes know no such product: float64 is exact, too
        return (x.double() @ codes.double().mT).to(torch.int32)
    if x.device.type == "cpu":
        return torch._int_mm(x, codes.mT)
    # A GPU's kernel wants more than 16 rows, and multiples of 8: zeros change no sum.
    n, o, i = x.shape[0], codes.shape[0], x.shape[1]
    x = functional.pad(x, (0, -i % 8, 0, max(17 - n, 0)))
    codes = functional.pad(codes, (0, -i % 8, 0, -o % 8))
    return torch._int_mm(x, codes.mT)[:n, :o]
