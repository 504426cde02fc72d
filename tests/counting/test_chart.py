"""Every model of the chart, counted twice, is near the number that its authors give."""

import pytest

from txlite.counting import CHART, ChartEntry, count_parameters, predict_parameters, training_flops

COUNTED = {
    "Transformer": 63_082_496,
    "GPT": 116_534_784,
    "BERT": 336_226_108,
    "GPT-2": 1_557_611_200,
    "Megatron-LM": 8_317_040_640,
    "T-NLG": 17_176_845_728,
    "GPT-3": 174_604_259_328,
    "Switch Transformer": 1_571_308_972_448,
}


@pytest.mark.parametrize("entry", CHART, ids=lambda entry: entry.name)
def test_formula_and_tree_agree_and_the_paper_is_near(entry: ChartEntry) -> None:
    predicted = predict_parameters(entry.config, kind=entry.kind)
    assert predicted == count_parameters(entry.config, kind=entry.kind)
    assert predicted.total == COUNTED[entry.name]
    assert abs(predicted.total / 1e9 / entry.published - 1) < 0.04
    assert entry.source
    assert entry.difference


def test_the_chart_is_in_order_and_whole() -> None:
    assert [entry.name for entry in CHART] == list(COUNTED)
    assert [entry.year for entry in CHART] == [2017, 2018, 2018, 2019, 2019, 2020, 2020, 2021]
    told = [entry.told for entry in CHART]
    assert told == [0.05, 0.11, 0.34, 1.5, 8.3, 17.0, 170.0, 1600.0]


def test_two_numbers_of_the_chart_are_not_the_papers() -> None:
    off = {e.name: e.told / e.published - 1 for e in CHART if abs(e.told / e.published - 1) > 0.025}
    assert {name: round(share, 2) for name, share in off.items()} == {
        "Transformer": -0.23, "GPT": -0.06, "GPT-2": -0.03, "GPT-3": -0.03,
    }  # fmt: skip


def test_gpt3_read_three_hundred_billion_tokens() -> None:
    (gpt3,) = (entry for entry in CHART if entry.name == "GPT-3")
    assert gpt3.num_tokens == 300_000_000_000
    flops = training_flops(predict_parameters(gpt3.config).total, gpt3.num_tokens)
    assert flops == pytest.approx(3.14e23, rel=0.002)  # Brown et al., table D.1
