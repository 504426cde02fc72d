"""The cost lab: move the sizes of a model, and see what it takes to train and to use it.

Parameters, bytes, operations, days and money follow from the sizes alone, by the formulas of the
chapter on counting; the page computes them, and nothing is built.
"""

from typing import Any, ClassVar

import traitlets

from txlite._checks import check_choice
from txlite.viz.widgets._training_costs import ARTICLE, KEPT, MACHINES, Costs, Sizes, costs
from txlite.viz.widgets.base import Widget

__all__ = ["CostLab"]


class CostLab(Widget):
    """Move a model's sizes; see parameters, memory, operations, days and money.

    The model is a GPT: learned positions, a bias in every linear map but router and output,
    tied embeddings unless told otherwise. With experts, each layer has a router and so many
    feed-forward layers, of which a token passes one.

    Parameters
    ----------
    **traits : object
        Where the figure starts: the sizes ``d_model``, ``num_layers``, ``num_heads``,
        ``num_kv_heads``, ``d_ff``, ``experts``, ``vocab_size``, ``length`` and ``batch_size`` (the
        sequences that are in memory at once); whether the output is ``tied``; how many ``tokens``
        are read in training; the ``machine`` (``"phone"``, ``"laptop"``, ``"card"`` or
        ``"cluster"``), its ``utilisation`` in per cent and the ``price`` of an hour of one device
        in dollars; what is ``kept`` for the backward pass (``"everything"``, ``"no scores"`` or
        ``"inputs"``).

    Notes
    -----
    Training is counted with Adam in mixed precision, 16 bytes a parameter. A price is an example
    that the reader moves; it is no offer of anybody.

    Examples
    --------
    >>> found = CostLab.of("GPT-3", kept="inputs").shown()
    >>> round(sum(found.parameters.values()) / 1e9), found.fits
    (175, True)
    >>> round(found.days)  # on 1,024 cards, of whose operations 40 per cent are used
    9
    """

    title = traitlets.Unicode("What a model costs").tag(sync=True)
    d_model = traitlets.Int(768, min=8, max=32_768).tag(sync=True, choice=True)
    num_layers = traitlets.Int(12, min=1, max=128).tag(sync=True, choice=True)
    num_heads = traitlets.Int(12, min=1, max=256).tag(sync=True, choice=True)
    num_kv_heads = traitlets.Int(12, min=1, max=256).tag(sync=True, choice=True)
    d_ff = traitlets.Int(3072, min=8, max=262_144).tag(sync=True, choice=True)
    experts = traitlets.Int(1, min=1, max=2048).tag(sync=True, choice=True)
    vocab_size = traitlets.Int(50_257, min=2, max=1_000_000).tag(sync=True, choice=True)
    length = traitlets.Int(1024, min=1, max=1_048_576).tag(sync=True, choice=True)
    batch_size = traitlets.Int(8, min=1, max=65_536).tag(sync=True, choice=True)
    tied = traitlets.Bool(True).tag(sync=True, choice=True)
    tokens = traitlets.Int(10**10, min=10**6, max=10**15).tag(sync=True, choice=True)
    machine = traitlets.Enum([*MACHINES], "card").tag(sync=True, choice=True)
    utilisation = traitlets.Int(40, min=1, max=100).tag(sync=True, choice=True)
    price = traitlets.Float(3.0, min=0.001, max=1000.0).tag(sync=True, choice=True)
    kept = traitlets.Enum([*KEPT], "everything").tag(sync=True, choice=True)
    machines = traitlets.Dict().tag(sync=True)
    models = traitlets.Dict().tag(sync=True)
    parts: ClassVar[tuple[str, ...]] = ("costs", "picture")
    uses: ClassVar[tuple[str, ...]] = ("controls", "pictures")

    def __init__(self, **traits: Any) -> None:
        given = {"machines": {name: m._asdict() for name, m in MACHINES.items()}}
        super().__init__(**given, models=ARTICLE, **traits)

    @classmethod
    def of(cls, name: str, **traits: Any) -> "CostLab":
        """Return the figure with the sizes of one of the article's models.

        Parameters
        ----------
        name : str
            ``"GPT-1"``, ``"BERT-large"``, ``"GPT-2 XL"``, ``"Megatron-LM"``, ``"T-NLG"``,
            ``"GPT-3"`` or ``"Switch"``.
        **traits : object
            Others than these; the machine is 1,024 cards.

        Returns
        -------
        CostLab
            All models are counted as decoders; an encoder's pooler, a decoder's second attention
            and a filled-up vocabulary are what the papers' numbers have beside it.

        Raises
        ------
        ValueError
            If there is no such model.
        """
        check_choice("name", name, ARTICLE)
        return cls(**{"machine": "cluster", **ARTICLE[name], **traits})

    def shown(self) -> Costs:
        """Return what the page shows, computed in Python.

        Returns
        -------
        Costs
            Of these sizes on this machine.
        """
        heads = min(self.num_heads, self.d_model)
        sizes = Sizes(
            d_model=self.d_model,
            num_layers=self.num_layers,
            num_heads=heads,
            num_kv_heads=min(self.num_kv_heads, heads),
            d_ff=self.d_ff,
            experts=self.experts,
            vocab_size=self.vocab_size,
            length=self.length,
            batch_size=self.batch_size,
            tied=self.tied,
        )
        machine = MACHINES[self.machine]
        return costs(sizes, self.kept, self.tokens, machine, self.utilisation, self.price)
