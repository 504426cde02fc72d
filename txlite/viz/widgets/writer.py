"""The writer: a trained GPT that writes on inside the page, token by token, without a kernel.

The figure carries the whole model: weights as float16 in a file of their own, the tokenizer, the
config. The page computes what ``txlite.models.GPT`` and ``txlite.generation.generate`` compute, and
draws from the numbers of torch's generator, so that a seed gives the same tokens; the tests compare
them. A ``Llama`` does as well, as long as its rotation is not scaled.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets
from ipywidgets import widget_serialization
from jaxtyping import Float
from torch import Tensor

from txlite._checks import check_positive
from txlite.viz.widgets._weights import TRAINING, Weights, described, parsed_bpe
from txlite.viz.widgets.base import Widget

__all__ = ["Writer"]

TABLE = "positions.added.table.weight"


class Writer(Widget):
    """Let a model write on from what is typed, and look at what it attended to.

    Parameters
    ----------
    config : mapping
        The config of a :class:`txlite.models.GPT` or :class:`txlite.models.Llama`, for instance as
        ``dataclasses.asdict`` gives it.
    weights : mapping of str to Tensor
        The model's ``state_dict()``, of numbers that float16 holds.
    tokenizer : str
        Of the kind that :func:`txlite.data.tokenizers.train_bpe` makes, as its ``to_json`` gives
        it.
    prompt : str
        What the text begins with; a reader types another one.
    longest : int
        How many tokens the model may write. Together with the prompt they have to have positions,
        where these are learned: a longer prompt loses its beginning.
    bos_id, eos_id : int, optional
        A token that stands before every prompt, and one that ends a text.
    **traits : object
        Where the figure starts: ``written`` (how many tokens the model has written),
        ``temperature`` (zero: always the most probable token), ``top_k`` (zero keeps all),
        ``top_p``, ``seed``, the ``token`` whose attention is shown (its position, −1: the last
        one), and the ``layer`` and ``head`` of that attention (−1: averaged over all).

    Raises
    ------
    ValueError
        If the page cannot compute the model as it is: positions that are added to the scores, or
        weights that float16 would change; if ``tokenizer`` is no JSON, or ``longest`` leaves no
        position for a prompt.

    Examples
    --------
    >>> from dataclasses import asdict
    >>> from txlite.data.tokenizers import train_bpe
    >>> from txlite.models import GPT, GPTConfig
    >>> bpe = train_bpe(["one two three two one"] * 2, 40)
    >>> sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1, "max_len": 16}
    >>> model = GPT(GPTConfig(vocab_size=bpe.vocab_size, **sizes)).half()
    >>> Writer(asdict(model.config), model.state_dict(), bpe.to_json(), "one two", longest=8)
    Writer: The model writes on
    """

    title = traitlets.Unicode("The model writes on").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    stack = traitlets.Dict().tag(sync=True)
    tokenizer = traitlets.Dict().tag(sync=True)
    weights = traitlets.Instance(Weights).tag(sync=True, **widget_serialization)
    room = traitlets.Int(min=0).tag(sync=True)
    longest = traitlets.Int(min=1).tag(sync=True)
    bos = traitlets.Int().tag(sync=True)
    eos = traitlets.Int().tag(sync=True)
    prompt = traitlets.Unicode().tag(sync=True, choice=True)
    written = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    temperature = traitlets.Float(0.8, min=0.0, max=2.0).tag(sync=True, choice=True)
    top_k = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    top_p = traitlets.Float(1.0, min=0.0, max=1.0).tag(sync=True, choice=True)
    seed = traitlets.Int(0, min=0, max=99).tag(sync=True, choice=True)
    token = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    layer = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    head = traitlets.Int(-1, min=-1).tag(sync=True, choice=True)
    parts: ClassVar[tuple[str, ...]] = ("run", "text")
    uses: ClassVar[tuple[str, ...]] = (
        "attended", "bars", "controls", "sampling", "tokens", "transformer", "weights",
    )  # fmt: skip

    def __init__(
        self,
        config: Mapping[str, Any],
        weights: Mapping[str, Float[Tensor, "..."]],
        tokenizer: str,
        prompt: str = "",
        *,
        longest: int = 60,
        bos_id: int | None = None,
        eos_id: int | None = None,
        **traits: Any,
    ) -> None:
        longest = check_positive("longest", longest)
        table = weights.get(TABLE)
        room = 0 if table is None else len(table) - longest  # for the prompt; zero: no limit
        if table is not None and room < 1:
            raise ValueError(
                f"longest should leave a position for a prompt, got {longest} of {len(table)}"
            )
        super().__init__(
            config={name: value for name, value in config.items() if name not in TRAINING},
            stack=described(config),
            tokenizer=parsed_bpe(tokenizer),
            weights=Weights(weights),
            room=room,
            longest=longest,
            bos=-1 if bos_id is None else bos_id,
            eos=-1 if eos_id is None else eos_id,
            prompt=prompt,
            **traits,
        )
