"""The cost lab's Python side: its numbers are those of models, papers and the exercises."""

import pytest
import torch

from txlite import checks, counting
from txlite.models import GPT, GPTConfig
from txlite.nn import MixtureOfExperts, Router
from txlite.nn.feedforward import FeedForward
from txlite.viz.widgets._training_costs import (
    ARTICLE,
    KEPT,
    MACHINES,
    Sizes,
    activations_of,
    flops_of,
    optimal_of,
    parameters_of,
)
from txlite.viz.widgets.cost_lab import CostLab

SIZES = Sizes(24, 3, 6, 2, 40, 1, 31, 17, 5, tied=True)
# What the papers say, in millions.
TOLD = {
    "GPT-1": 117, "BERT-large": 340, "GPT-2 XL": 1542, "Megatron-LM": 8300, "T-NLG": 17_000,
    "GPT-3": 175_000, "Switch": 1_571_000,
}  # fmt: skip


def built(s: Sizes) -> int:
    config = GPTConfig(
        vocab_size=s.vocab_size, max_len=s.length, d_model=s.d_model, num_heads=s.num_heads,
        num_kv_heads=s.num_kv_heads, d_ff=s.d_ff, num_layers=s.num_layers, tied_output=s.tied,
    )  # fmt: skip
    with torch.device("meta"):
        return sum(p.numel() for p in GPT(config).parameters())


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kv", [1, 2, 6])
def test_the_parameters_are_those_of_a_gpt(kv: int, tied: bool) -> None:
    s = SIZES._replace(num_kv_heads=kv, tied=tied)
    assert sum(parameters_of(s).values()) == built(s)


@pytest.mark.parametrize("case", checks.gpt_parameters.cases, ids=str)
def test_the_parameters_are_those_of_the_exercise(case: tuple[int, ...]) -> None:
    v, t, d, heads, kv, f, n, tied = case
    s = Sizes(d, n, heads, kv, f, 1, v, t, 1, tied=bool(tied))
    assert sum(parameters_of(s).values()) == checks.gpt_parameters.reference(*case)


def test_experts_are_those_of_a_layer_of_experts() -> None:
    d, f, many = 24, 40, 5
    with torch.device("meta"):
        layer = MixtureOfExperts([FeedForward(d, f) for _ in range(many)], Router(d, many))
    counted = sum(p.numel() for p in layer.parameters())
    found = parameters_of(SIZES._replace(experts=many))
    assert found["feed-forward"] + found["routers"] == SIZES.num_layers * counted
    shown = CostLab(**SIZES._replace(experts=many)._asdict()).shown()
    dense = sum(parameters_of(SIZES).values())
    assert shown.active == dense + found["routers"]


@pytest.mark.parametrize("name", ARTICLE)
def test_the_articles_models_have_the_papers_number_of_parameters(name: str) -> None:
    found = sum(CostLab.of(name).shown().parameters.values())
    assert found / 1e6 == pytest.approx(TOLD[name], rel=0.04)


@pytest.mark.parametrize("name", ["GPT-1", "GPT-2 XL", "Megatron-LM", "T-NLG", "GPT-3"])
def test_the_articles_decoders_are_the_packages(name: str) -> None:
    """GPT-1 is post-norm, without a norm at the end: 2 · 768 fewer."""
    presets = {
        "GPT-1": GPTConfig.gpt1(), "GPT-2 XL": GPTConfig.gpt2_xl(), "GPT-3": GPTConfig.gpt3(),
        "Megatron-LM": GPTConfig.megatron_8b(), "T-NLG": GPTConfig.turing_nlg(),
    }  # fmt: skip
    with torch.device("meta"):
        made = sum(p.numel() for p in GPT(presets[name]).parameters())
    extra = 2 * 768 if name == "GPT-1" else 0
    assert sum(CostLab.of(name).shown().parameters.values()) == made + extra


def test_activations_are_those_of_the_paper() -> None:
    """Korthikanti et al. (2022), equation 2, where the hidden layer is four times as wide."""
    s = Sizes(24, 3, 6, 6, 96, 1, 31, 17, 5, tied=True)
    b, t, d, heads, n = 5, 17, 24, 6, 3
    assert activations_of(s, "everything") == n * b * t * d * (34 + 5 * heads * t / d)
    assert activations_of(s, "no scores") == n * b * t * d * 34
    exercise = checks.training_bytes.reference
    assert activations_of(s, "everything") == exercise(1, b, t, d, heads, n, False)[3]
    assert activations_of(s, "inputs") == exercise(1, b, t, d, heads, n, True)[3]


def test_sixteen_bytes_for_a_parameter() -> None:
    shown = CostLab(**SIZES._asdict()).shown()
    total = sum(shown.parameters.values())
    want = checks.training_bytes.reference(total, 5, 17, 24, 6, 3, False)
    assert [shown.memory[n] for n in ("weights", "gradients", "moments")] == want[:3]
    assert sum(want[:3]) == 16 * total


@pytest.mark.parametrize("case", checks.training_flops.cases, ids=str)
def test_the_operations_are_those_of_the_exercise(case: tuple[int, ...]) -> None:
    b, t, v, d, f, n = case
    s = Sizes(d, n, 1, 1, f, 1, v, t, b, tied=True)
    assert flops_of(s) * b * t == checks.training_flops.reference(*case)


def test_grouped_heads_multiply_less_and_a_router_adds() -> None:
    few, many = flops_of(SIZES), flops_of(SIZES._replace(num_kv_heads=6))
    assert many - few == 6 * 3 * 2 * 24 * (24 - 8)  # keys and values are 8 wide, or 24
    routed = flops_of(SIZES._replace(experts=7))
    assert routed - few == 6 * 3 * 24 * 7


def test_the_cache_is_that_of_the_exercise() -> None:
    shown = CostLab(**SIZES._asdict()).shown()
    assert shown.used["cache"] == checks.cache_bytes.reference(5, 17, 24, 6, 2, 3, 16)
    assert shown.used["weights"] == 2 * sum(shown.parameters.values())


@pytest.mark.parametrize("flops", [1e18, 5.76e23])
def test_the_best_use_is_that_of_the_exercise(flops: float) -> None:
    want = checks.compute_optimal.reference(flops, 482.01, 2085.43, 0.3478, 0.3658)
    assert optimal_of(flops) == pytest.approx(want)


def test_days_and_money_by_hand() -> None:
    """A card's 989.4 · 10^12 operations a second, of which 40 per cent are used, at $3 an hour."""
    one, many = (CostLab(machine=m, tokens=10**11).shown() for m in ("card", "cluster"))
    seconds = one.flops / (0.4 * 989.4e12)
    assert one.days == pytest.approx(seconds / 86_400)
    assert one.money == pytest.approx(3 * seconds / 3600)
    assert many.days == pytest.approx(one.days / 1024)
    assert many.money == pytest.approx(one.money)


def test_the_rule_of_thumb_is_near_for_large_models_and_far_for_small_ones() -> None:
    large = CostLab.of("GPT-3").shown()
    assert large.six_nd / large.flops == pytest.approx(1, abs=0.04)
    small = CostLab(d_model=64, num_layers=2, num_heads=4, num_kv_heads=4, d_ff=256, length=4096)
    assert small.shown().six_nd < 0.9 * small.shown().flops


@pytest.mark.parametrize("kept", KEPT)
def test_a_longer_length_costs_more_of_everything(kept: str) -> None:
    short, long = (CostLab(length=n, kept=kept).shown() for n in (512, 2048))
    assert long.memory["activations"] > 4 * short.memory["activations"] - 1
    assert long.flops_per_token > short.flops_per_token
    assert long.used["cache"] == 4 * short.used["cache"]


def test_what_fits_is_what_all_devices_hold() -> None:
    assert CostLab(batch_size=1).shown().fits
    assert not CostLab(batch_size=1, machine="phone", num_layers=64).shown().fits
    held = sum(CostLab.of("GPT-3", kept="inputs").shown().memory.values())
    assert 80e9 < held < 1024 * 80e9
    assert MACHINES["cluster"].devices * MACHINES["cluster"].memory == 1024 * 80e9


@pytest.mark.parametrize("sizes", [(30, 7, 5), (9, 12, 3), (8, 256, 256)])
def test_sizes_that_do_not_divide_are_rounded_down_to_whole_heads(sizes: tuple[int, ...]) -> None:
    width, heads, kv = sizes
    shown = CostLab(d_model=width, num_heads=heads, num_kv_heads=kv).shown()
    assert all(n >= 0 for n in shown.parameters.values())
    assert shown.parameters["attention"] > 0


@pytest.mark.plain
def test_limits_are_kept_and_a_model_that_nobody_named_is_refused() -> None:
    for name, value in (
        ("d_model", 4),
        ("utilisation", 0),
        ("kept", "half"),
        ("machine", "abacus"),
    ):
        with pytest.raises(Exception, match=name):
            CostLab(**{name: value})
    with pytest.raises(ValueError, match=r"name should be one of GPT-1, .*got 'GPT-9'"):
        CostLab.of("GPT-9")


def test_its_name_is_the_same_in_every_run() -> None:
    assert repr(CostLab()) == "CostLab: What a model costs"


# ------------------------------------------------------------------ the package counts the same


def config_of(s: Sizes) -> GPTConfig:
    return GPTConfig(
        vocab_size=s.vocab_size, max_len=s.length, d_model=s.d_model, num_heads=s.num_heads,
        num_kv_heads=s.num_kv_heads, d_ff=s.d_ff, num_layers=s.num_layers, tied_output=s.tied,
    )  # fmt: skip


MODELS = [
    SIZES,
    SIZES._replace(tied=False, num_kv_heads=1),
    Sizes(96, 5, 8, 8, 384, 1, 301, 50, 3, tied=False),
]


@pytest.mark.parametrize("s", MODELS, ids=str)
def test_the_groups_are_those_that_the_package_counts(s: Sizes) -> None:
    told = counting.predict_parameters(config_of(s))
    want = {name.replace("_", "-"): n for name, n in told.groups.items()}
    assert {name: n for name, n in parameters_of(s).items() if n} == want


@pytest.mark.parametrize("s", MODELS, ids=str)
def test_the_operations_are_those_that_the_package_counts(s: Sizes) -> None:
    told = counting.predict_flops(config_of(s), batch=1, length=s.length)
    assert flops_of(s) * s.length == told.total


@pytest.mark.parametrize("s", MODELS, ids=str)
def test_the_cache_is_what_the_package_counts(s: Sizes) -> None:
    shown = CostLab(**s._asdict()).shown()
    told = counting.kv_cache_bytes(
        config_of(s), batch=s.batch_size, length=s.length, bytes_per_number=2
    )
    assert shown.used["cache"] == told


def test_memory_clock_money_and_optimum_are_the_packages() -> None:
    figure = CostLab.of("GPT-3", price=2.0)
    shown = figure.shown()
    total = sum(shown.parameters.values())
    state = counting.state_memory(total, precision="mixed")
    assert shown.memory["weights"] == state.weights + state.master_weights
    assert (shown.memory["gradients"], shown.memory["moments"]) == (state.gradients, state.moments)
    s = Sizes(24, 3, 6, 6, 96, 1, 31, 17, 5, tied=True)
    for kept, recomputed in (("everything", "none"), ("no scores", "attention")):
        told = counting.korthikanti_layer(5, 17, 24, 6, recompute=recomputed)
        assert activations_of(s, kept) == 3 * told
    machine = {"peak_flops_per_second": 989.4e12, "utilisation": 0.4}
    days = counting.training_days(shown.flops, num_devices=1024, **machine)
    assert shown.days == pytest.approx(days)
    money = counting.training_cost(shown.flops, price_per_device_hour=2.0, **machine)
    assert shown.money == pytest.approx(money)
    assert shown.optimal == pytest.approx(counting.BESIROGLU.optimal(shown.flops), rel=1e-9)
    active = counting.training_flops(shown.active, figure.tokens)
    assert shown.six_nd == pytest.approx(active)
