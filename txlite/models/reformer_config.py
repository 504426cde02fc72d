"""What a Reformer is made of: sizes, kinds of layers, and how long its chunks are.

Source
    Kitaev et al. (2020), "Reformer: The Efficient Transformer". Of the published models, of which
    the paper's tables say nothing, their configurations.
"""

from dataclasses import dataclass

from txlite._checks import check_choice, check_length, check_positive, check_probability
from txlite.models._wiring import check_config
from txlite.nn import LayerOptions
from txlite.nn.feedforward import Activation
from txlite.nn.hashing import bucket_factors
from txlite.nn.positions.axial import check_pair

__all__ = ["ReformerConfig"]

KINDS = ("local", "lsh")


@dataclass(frozen=True, kw_only=True)
class ReformerConfig(LayerOptions):
    """Sizes and choices of a Reformer beside :class:`txlite.nn.LayerOptions`.

    By default the smaller published model, which reads half a million characters. ``num_kv_heads``
    counts in local layers alone: with hashing, queries are keys.

    Raises
    ------
    ValueError
        If a size is not positive, a layer is neither ``"local"`` nor ``"lsh"``, the axial widths do
        not add up to the model's, a number of buckets is odd, a dropout is not in [0, 1), or the
        norms do not come first.
    """

    vocab_size: int = 320
    d_model: int = 256
    num_heads: int = 2
    head_dim: int | None = 64
    d_ff: int = 512
    attention_layers: tuple[str, ...] = ("local", "lsh") * 3  # from the first layer to the last
    max_len: int = 524_288
    axial_shape: tuple[int, int] | None = (512, 1024)  # None: a row for each of max_len positions
    axial_widths: tuple[int, int] = (64, 192)
    local_chunk_length: int = 64
    local_chunks_before: int = 1
    lsh_chunk_length: int = 64
    lsh_chunks_before: int = 1
    num_hashes: int = 1
    num_buckets: int | tuple[int, ...] | None = (64, 128)  # None: to suit each length
    hash_seed: int | None = None  # None: other directions in each call
    feed_forward_chunk: int = 0  # positions in a stretch; 0: all at once
    dropout: float = 0.05
    attention_dropout: float = 0.05  # of the local layers
    lsh_dropout: float = 0.0
    ff_dropout: float = 0.05
    activation: Activation = "relu"
    norm_eps: float | None = 1e-12
    recompute: bool = True  # in the backward pass; False stores all hidden states
    init_std: float = 0.02

    def __post_init__(self) -> None:
        super().__post_init__()
        chunks = ("local_chunk_length", "lsh_chunk_length", "num_hashes")
        check_config(self, *chunks)
        for name in ("local_chunks_before", "lsh_chunks_before"):
            self._keep(name, check_length(name, getattr(self, name)))
        self._keep(
            "feed_forward_chunk", check_length("feed_forward_chunk", self.feed_forward_chunk)
        )
        self._keep("lsh_dropout", check_probability("lsh_dropout", self.lsh_dropout))
        object.__setattr__(self, "attention_layers", tuple(self.attention_layers))
        check_positive("the number of attention_layers", len(self.attention_layers))
        for kind in self.attention_layers:
            check_choice("attention_layers", kind, KINDS)
        if not self.norm_first:
            raise ValueError("norm_first should be True in a Reformer, got False")
        if self.hash_seed is not None:
            self._keep("hash_seed", check_length("hash_seed", self.hash_seed))
        if self.num_buckets is not None:
            object.__setattr__(self, "num_buckets", bucket_factors(self.num_buckets))
        if self.axial_shape is not None:
            object.__setattr__(self, "axial_shape", check_pair("axial_shape", self.axial_shape))
            object.__setattr__(self, "axial_widths", check_pair("axial_widths", self.axial_widths))
            if sum(self.axial_widths) != self.d_model:
                raise ValueError(
                    f"axial_widths should add up to d_model={self.d_model}, got {self.axial_widths}"
                )

    @classmethod
    def crime_and_punishment(cls) -> "ReformerConfig":
        """Return the published model of one novel: 320 pieces of words, 3 million parameters."""
        return cls()

    @classmethod
    def enwik8(cls) -> "ReformerConfig":
        """Return the published model of bytes, 12 layers, 149 million parameters."""
        four = ("local", "local", "lsh", "local")
        return cls(
            vocab_size=258, d_model=1024, num_heads=8, head_dim=128, d_ff=4096,
            attention_layers=four * 2 + ("local", "local", "lsh", "local"), max_len=65_536,
            axial_shape=(128, 512), axial_widths=(256, 768), local_chunk_length=128,
            lsh_chunk_length=256, num_hashes=4, num_buckets=512,
        )  # fmt: skip
