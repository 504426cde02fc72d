"""What a GPT costs, by its sizes: the arithmetic of the cost lab.

The page computes the same in JavaScript. Nothing here builds a model.
"""

from typing import NamedTuple

__all__ = ["ARTICLE", "KEPT", "MACHINES", "Costs", "Machine", "Sizes", "costs"]

KEPT = ("everything", "no scores", "inputs")
_STATE = {"weights": 6, "gradients": 2, "moments": 8}  # bytes a parameter in mixed precision
# Besiroglu et al. (2024): the constants of Hoffmann's third approach, fitted anew.
_A, _B, _ALPHA, _BETA = 482.01, 2085.43, 0.3478, 0.3658
_DAY = 86_400


class Machine(NamedTuple):
    """What a model is trained on."""

    label: str
    """How it is called."""
    devices: int
    """How many of them work together."""
    flops: float
    """Operations a second that one device can do at most."""
    memory: float
    """Bytes that one device has."""
    price: float
    """Dollars for an hour of one device: current for one's own, rent for a card."""


# Processors are counted: cores × cycles a second × operations a cycle. A phone's core adds and
# multiplies four numbers of 32 bits in each of two units (NEON), a laptop's eight (AVX2). The card
# is NVIDIA's H100 SXM with 16-bit numbers that are not sparse (H100 architecture paper, table 2).
MACHINES = {
    "phone": Machine("a phone's processor", 1, 4 * 2.5e9 * 16, 8e9, 0.002),
    "laptop": Machine("a laptop's processor", 1, 8 * 3e9 * 32, 16e9, 0.02),
    "card": Machine("one H100 card", 1, 989.4e12, 80e9, 3.0),
    "cluster": Machine("1,024 H100 cards", 1024, 989.4e12, 80e9, 3.0),
}


class Sizes(NamedTuple):
    """What a model is made of and reads."""

    d_model: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    d_ff: int
    experts: int
    vocab_size: int
    length: int
    batch_size: int
    tied: bool

    @property
    def inner(self) -> tuple[int, int]:
        """Columns of the queries, and of the keys: whole heads."""
        head = self.d_model // self.num_heads
        return head * self.num_heads, head * self.num_kv_heads


class Costs(NamedTuple):
    """What it takes to train and to use a model."""

    parameters: dict[str, int]
    """By group; together they are all."""
    active: int
    """How many of them one token passes: of the experts, one in each layer."""
    memory: dict[str, int]
    """Bytes while training: weights, gradients, moments, activations."""
    used: dict[str, int]
    """Bytes while writing: weights in 16 bits, and the cache of keys and values."""
    flops_per_token: int
    """Of training: forward, and twice as many backward."""
    flops: float
    """Of all training."""
    six_nd: float
    """The same by the rule of thumb: six for each active parameter and token."""
    days: float
    """How long the machine takes, were its memory large enough."""
    money: float
    """Dollars for these days."""
    fits: bool
    """Whether training fits into the machine's memory, cut over its devices without copies."""
    optimal: tuple[float, float]
    """Parameters and tokens that Hoffmann et al. (2022) would buy with the same operations."""


def _gpt(*sizes: int, tokens: int | None = None, batch: int = 1) -> dict[str, int]:
    """Name sizes: width, layers, heads, hidden width, vocabulary, length, experts."""
    d_model, layers, heads, d_ff, vocabulary, length, experts = sizes
    found = {
        "d_model": d_model, "num_layers": layers, "num_heads": heads, "num_kv_heads": heads,
        "d_ff": d_ff, "vocab_size": vocabulary, "length": length, "experts": experts,
        "batch_size": batch,
    }  # fmt: skip
    return found | ({} if tokens is None else {"tokens": tokens})


# Sizes, and tokens where the source tells them; each as a decoder with tied embeddings.
# Radford et al. (2018) 4.1; Devlin et al. (2019) A.2 (a million steps, nine in ten of them with
# sequences of 128 tokens); Radford et al. (2019) table 2; Shoeybi et al. (2019) 5.2 (300,000
# steps); Rosset (2020); Brown et al. (2020) table 2.1; Fedus et al. (2022) table 9 (500,000
# steps), whose 15 + 15 layers are 30 here.
ARTICLE = {
    "GPT-1": _gpt(768, 12, 12, 3072, 40_478, 512, 1, batch=64),
    "BERT-large": _gpt(1024, 24, 16, 4096, 30_522, 512, 1, tokens=42_598_400_000, batch=256),
    "GPT-2 XL": _gpt(1600, 48, 25, 6400, 50_257, 1024, 1, batch=512),
    "Megatron-LM": _gpt(3072, 72, 24, 12_288, 51_200, 1024, 1, tokens=157_286_400_000, batch=512),
    "T-NLG": _gpt(4256, 78, 28, 17_024, 50_257, 1024, 1, tokens=157_286_400_000, batch=512),
    "GPT-3": _gpt(12_288, 96, 96, 49_152, 50_257, 2048, 1, tokens=300_000_000_000, batch=1562),
    "Switch": _gpt(2080, 30, 32, 6144, 32_128, 512, 2048, tokens=524_288_000_000, batch=2048),
}


def parameters_of(s: Sizes) -> dict[str, int]:
    """Count what is learned: every linear map but router and output has a bias.

    Parameters
    ----------
    s : Sizes
        Of the model; its positions are learned, one for each of the length.

    Returns
    -------
    dict of str to int
        By group.
    """
    queries, keys = s.inner
    d, f = s.d_model, s.d_ff
    attention = 2 * d * queries + queries + d + 2 * (d * keys + keys)
    expert = 2 * d * f + f + d
    return {
        "embeddings": (s.vocab_size + s.length) * d,
        "attention": s.num_layers * attention,
        "feed-forward": s.num_layers * s.experts * expert,
        "routers": s.num_layers * d * s.experts if s.experts > 1 else 0,
        "norms": 2 * d * (2 * s.num_layers + 1),
        "head": 0 if s.tied else s.vocab_size * d,
    }


def activations_of(s: Sizes, kept: str) -> int:
    """Count the bytes that the layers keep for the backward pass.

    Parameters
    ----------
    s : Sizes
        Of the model.
    kept : str
        ``"everything"``, ``"no scores"`` (computed again, as fused attention does), or
        ``"inputs"`` (of each layer, and one layer whole that is computed again).

    Returns
    -------
    int
        Korthikanti et al. (2022), equation 2, with the widths of keys and hidden layer open: 34
        bytes for each of d_model are 14, 4 of the keys and 4 for each column of the hidden layer.
    """
    tokens = s.batch_size * s.length
    plain = tokens * (14 * s.d_model + 4 * s.inner[1] + 4 * s.d_ff)
    scores = tokens * 5 * s.num_heads * s.length
    if kept == "inputs":
        return s.num_layers * tokens * 2 * s.d_model + plain + scores
    return s.num_layers * (plain + (scores if kept == "everything" else 0))


def flops_of(s: Sizes) -> int:
    """Count the operations that training takes for one token.

    Parameters
    ----------
    s : Sizes
        Of the model.

    Returns
    -------
    int
        Two for each multiplication and addition of the matrix products, the scores over the whole
        length; the backward pass takes twice as many as the forward pass.
    """
    queries, keys = s.inner
    d = s.d_model
    router = d * s.experts if s.experts > 1 else 0
    layer = 2 * d * (queries + keys) + 2 * s.length * queries + 2 * d * s.d_ff + router
    return 6 * (s.num_layers * layer + s.vocab_size * d)


def optimal_of(flops: float) -> tuple[float, float]:
    """Part operations between parameters and tokens for the lowest loss.

    Parameters
    ----------
    flops : float
        Of all training.

    Returns
    -------
    tuple of float
        Parameters and tokens (Hoffmann et al. 2022, equation 4).
    """
    scale = (_ALPHA * _A / (_BETA * _B)) ** (1 / (_ALPHA + _BETA))
    parameters = scale * (flops / 6) ** (_BETA / (_ALPHA + _BETA))
    return parameters, flops / 6 / parameters


def costs(
    s: Sizes, kept: str, tokens: int, machine: Machine, utilisation: int, price: float
) -> Costs:
    """Count everything.

    Parameters
    ----------
    s : Sizes
        Of the model.
    kept : str
        What the layers keep for the backward pass.
    tokens : int
        How many it reads in training.
    machine : Machine
        What it is trained on.
    utilisation : int
        Per cent of the machine's operations that are used.
    price : float
        Dollars for an hour of one device.

    Returns
    -------
    Costs
        All numbers of the figure.
    """
    parameters = parameters_of(s)
    total = sum(parameters.values())
    active = total - parameters["feed-forward"] // s.experts * (s.experts - 1)
    memory = {name: size * total for name, size in _STATE.items()}
    memory["activations"] = activations_of(s, kept)
    cache = 4 * s.num_layers * s.batch_size * s.length * s.inner[1]
    each = flops_of(s)
    flops = float(each) * tokens
    days = flops / (machine.devices * machine.flops * utilisation / 100) / _DAY
    return Costs(
        parameters=parameters,
        active=active,
        memory=memory,
        used={"weights": 2 * total, "cache": cache},
        flops_per_token=each,
        flops=flops,
        six_nd=6.0 * active * tokens,
        days=days,
        money=days * 24 * machine.devices * price,
        fits=sum(memory.values()) <= machine.memory * machine.devices,
        optimal=optimal_of(flops),
    )
