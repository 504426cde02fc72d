"""Exercise: what feeds what in an encoder–decoder.

Sources
    Vaswani et al. (2017), "Attention Is All You Need", figure 1 and section 3.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import torch
from torch import Tensor

from txlite.checks.framework import Exercise, Step, halves, normal, swapped

__all__ = ["encode_decode"]


def _kept_mean(x: Tensor, keep: Tensor) -> Tensor:
    weight = keep.to(x.dtype)[..., None]
    return (x * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)


@dataclass(frozen=True, repr=False)
class Layers(Sequence[Step]):
    """A stack of small layers that shows itself as text.

    Parameters
    ----------
    factors : tuple of float
        One for each layer: by how much it multiplies what it refines.
    decoder : bool
        Whether they are a decoder's, f(y, memory, keep), or an encoder's, f(x, keep).
    """

    factors: tuple[float, ...]
    decoder: bool

    def __len__(self) -> int:
        return len(self.factors)

    @overload
    def __getitem__(self, place: int) -> Step: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Step]: ...

    def __getitem__(self, place: int | slice) -> Any:
        """Return a layer, or several."""
        if isinstance(place, slice):
            return [self._layer(factor) for factor in self.factors[place]]
        return self._layer(self.factors[place])

    def __iter__(self) -> Iterator[Step]:
        return (self._layer(factor) for factor in self.factors)

    def _layer(self, factor: float) -> Step:
        def encoder(x: Tensor, keep: Tensor) -> Tensor:
            return torch.tanh(factor * x + _kept_mean(x, keep))

        def decoder(y: Tensor, memory: Tensor, keep: Tensor) -> Tensor:
            return torch.tanh(factor * y + _kept_mean(memory, keep))

        return decoder if self.decoder else encoder

    def __repr__(self) -> str:
        name, read = ("y, memory, keep", "memory") if self.decoder else ("x, keep", "x")
        first = name[0]
        return f"[tanh(c·{first} + mean of kept {read})], f({name}), c = {list(self.factors)}"


def _last_memory(states: list[Tensor], i: int) -> Tensor:
    return states[-1]


def _transform_recipe(
    source: Tensor,
    target: Tensor,
    keep: Tensor,
    encoder_layers: Sequence[Step],
    decoder_layers: Sequence[Step],
    memory: Step = _last_memory,
    encoder_keep: Step = lambda keep: keep,
    decoder_keep: Step = lambda keep: keep,
    encoder_order: Step = list,
    decoder_order: Step = list,
    finish: Step = lambda states: states[-1],
) -> object:
    states = [source]
    for layer in encoder_order(encoder_layers):
        states.append(layer(states[-1], encoder_keep(keep)))
    written = [target]
    for i, layer in enumerate(decoder_order(decoder_layers)):
        written.append(layer(written[-1], memory(states, i), decoder_keep(keep)))
    return finish(written)


def _all_true(keep: Tensor) -> Tensor:
    return torch.ones_like(keep)


def _case(
    seed: int, sizes: tuple[int, int, int, int], lengths: list[int], depth: int = 2
) -> tuple[object, ...]:
    B, S, T, D = sizes
    draw = halves if seed < 3 else normal
    keep = torch.arange(S) < torch.tensor(lengths)[:, None]
    encoder = Layers((0.5, 2.0, -1.5)[:depth], False)
    decoder = Layers((1.0, -0.5, 0.25)[:depth], True)
    return draw(seed, B, S, D), draw(seed + 10, B, T, D), keep, encoder, decoder


encode_decode = Exercise(
    name="encode_decode",
    signature=(
        "f(source: (B, S, D), target: (B, T, D), keep: (B, S), encoder_layers, decoder_layers) "
        "-> (B, T, D)"
    ),
    task=(
        "Send the embedded source through all encoder layers, each a function of (x, keep), and "
        "the embedded target through all decoder layers, each a function of (y, memory, keep). "
        "The memory is what the last encoder layer returns; keep is the source's."
    ),
    inputs=("source", "target", "keep", "encoder_layers", "decoder_layers"),
    reference=_transform_recipe,
    cases=(
        _case(1, (1, 2, 1, 1), [1]),
        _case(2, (1, 3, 2, 2), [2]),
        _case(3, (3, 5, 4, 2), [5, 2, 3], depth=3),
    ),
    bank=(
        swapped(
            _transform_recipe,
            "each decoder layer reads its own encoder layer",
            "Decoder layer i reads what encoder layer i returns, as the picture of two towers "
            "suggests. All of them read what the last one returns.",
            memory=lambda states, i: states[i + 1],
        ),
        swapped(
            _transform_recipe,
            "memory of the first layer",
            "The decoder reads what the first encoder layer returns, as if there were no others. "
            "It should read what the last one returns.",
            memory=lambda states, i: states[1],
        ),
        swapped(
            _transform_recipe,
            "memory is the bare embedding",
            "The decoder reads the source's embedding. Then the encoder's layers ran for nothing.",
            memory=lambda states, i: states[0],
        ),
        swapped(
            _transform_recipe,
            "no mask in the decoder",
            "The decoder's layers read the source's padding. The encoder's mask does not reach "
            "them by itself: it must be handed over once more.",
            decoder_keep=_all_true,
        ),
        swapped(
            _transform_recipe,
            "no mask in the encoder",
            "The encoder's layers read the padding.",
            encoder_keep=_all_true,
        ),
        swapped(
            _transform_recipe,
            "no mask at all",
            "Neither encoder nor decoder is told where the source's padding is.",
            encoder_keep=_all_true,
            decoder_keep=_all_true,
        ),
        swapped(
            _transform_recipe,
            "mask turned round",
            "The mask is turned round: the padding is read, and the tokens are not. True means "
            "real.",
            encoder_keep=lambda keep: ~keep,
            decoder_keep=lambda keep: ~keep,
        ),
        swapped(
            _transform_recipe,
            "encoder layers in reverse",
            "The encoder's layers run from the last to the first.",
            encoder_order=lambda layers: list(layers)[::-1],
        ),
        swapped(
            _transform_recipe,
            "decoder layers in reverse",
            "The decoder's layers run from the last to the first.",
            decoder_order=lambda layers: list(layers)[::-1],
        ),
        swapped(
            _transform_recipe,
            "one decoder layer",
            "Only the first decoder layer runs.",
            decoder_order=lambda layers: list(layers)[:1],
        ),
        swapped(
            _transform_recipe,
            "the same encoder layer each time",
            "The first encoder layer runs again and again. The layers have weights of their own.",
            encoder_order=lambda layers: [layers[0]] * len(layers),
        ),
        swapped(
            _transform_recipe,
            "the same decoder layer each time",
            "The first decoder layer runs again and again. The layers have weights of their own.",
            decoder_order=lambda layers: [layers[0]] * len(layers),
        ),
        swapped(
            _transform_recipe,
            "each decoder layer starts anew",
            "Every decoder layer gets the target's embedding, and only the last one counts. Each "
            "should go on from what the one before has returned.",
            decoder_order=lambda layers: list(layers)[-1:],
        ),
        swapped(
            _transform_recipe,
            "layers added up",
            "What the decoder layers return is added up. Only the last one's states are wanted; "
            "the residual sums are inside the layers.",
            finish=lambda states: torch.stack(states[1:]).sum(0),
        ),
    ),
    praise="That is figure 1 of the paper, in two loops.",
    differentiable=True,
)
