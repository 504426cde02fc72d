"""The growth of Transformers from 2017 to 2021: eight models, as told and as counted.

The numbers that are told are in billions of parameters. Each config's own table is named beside it,
and what makes its count differ from the number that its authors give.
"""

from dataclasses import dataclass
from typing import Any

from torch import nn

from txlite import models as m

__all__ = ["CHART", "ChartEntry"]


@dataclass(frozen=True, kw_only=True)
class ChartEntry:
    """One model of the chart.

    Parameters
    ----------
    name : str
        What it is called.
    year : int
        When it was published.
    config : config of :mod:`txlite.models`
        Its sizes.
    kind : type
        The model that is counted.
    told : float
        Billions of parameters in the chart that the book answers.
    published : float
        Billions of parameters that its authors name.
    source : str
        Where they do, and where the sizes stand.
    difference : str
        What makes the count another number.
    num_tokens : int or None
        What it was trained on, where its authors say so.
    """

    name: str
    year: int
    config: Any
    kind: type[nn.Module]
    told: float
    published: float
    source: str
    difference: str
    num_tokens: int | None = None


CHART: tuple[ChartEntry, ...] = (
    ChartEntry(
        name="Transformer",
        year=2017,
        config=m.TransformerConfig.base(),
        kind=m.Transformer,
        told=0.05,
        published=0.065,
        source="Vaswani et al. (2017), table 3, first row; section 5.1",
        difference="the vocabulary is “about 37 000” tokens, and the paper rounds to millions",
    ),
    ChartEntry(
        name="GPT",
        year=2018,
        config=m.GPTConfig.gpt1(),
        kind=m.GPT,
        told=0.11,
        published=0.117,
        source="Radford et al. (2018), section 4.1; the number in Radford et al. (2019), table 2",
        difference="the vocabulary is that of the released model; rounding",
    ),
    ChartEntry(
        name="BERT",
        year=2018,
        config=m.BERTConfig.large(),
        kind=m.BERTForPreTraining,
        told=0.34,
        published=0.34,
        source="Devlin et al. (2019), section 3, BERT large",
        difference="rounding; pooler and both heads are counted, which add 3.2 million",
    ),
    ChartEntry(
        name="GPT-2",
        year=2019,
        config=m.GPTConfig.gpt2_xl(),
        kind=m.GPT,
        told=1.5,
        published=1.542,
        source="Radford et al. (2019), table 2, last row",
        difference="the table's numbers are too small, as its authors have said since",
    ),
    ChartEntry(
        name="Megatron-LM",
        year=2019,
        config=m.GPTConfig.megatron_8b(),
        kind=m.GPT,
        told=8.3,
        published=8.3,
        source="Shoeybi et al. (2019), table 1 and section 5.1",
        difference="the vocabulary is filled up to 51 200 tokens, so that eight processes share it",
    ),
    ChartEntry(
        name="T-NLG",
        year=2020,
        config=m.GPTConfig.turing_nlg(),
        kind=m.GPT,
        told=17.0,
        published=17.0,
        source="Rosset (2020), “Turing-NLG: A 17-billion-parameter language model by Microsoft”",
        difference="rounding; the vocabulary is not told, here it is GPT-2's",
    ),
    ChartEntry(
        name="GPT-3",
        year=2020,
        config=m.GPTConfig.gpt3(),
        kind=m.GPT,
        told=170.0,
        published=174.6,
        source="Brown et al. (2020), table 2.1, last row; appendix D for the number",
        difference="rounding; the chart has 170 where the paper says 175",
        num_tokens=300_000_000_000,
    ),
    ChartEntry(
        name="Switch Transformer",
        year=2021,
        config=m.SwitchConfig.c_1600b(),
        kind=m.Switch,
        told=1600.0,
        published=1571.0,
        source="Fedus et al. (2022), table 9, Switch-C",
        difference="rounding",
    ),
)
"""The models of the chart, oldest first."""
