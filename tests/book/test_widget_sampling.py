"""The page's chance and filters, its GPT and its BERT, by themselves: equal to Python's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page
from torch.testing import assert_close
from writing import drawn_anew, random_gpt, random_llama

from txlite.generation import min_p, sample, temperature, top_k, top_p
from txlite.models import BERTConfig, BERTForMaskedLM

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

class Dice(Widget):
    title = traitlets.Unicode("Chance").tag(sync=True)
    weights = Tensors()
    uses = ("bert", "sampling")
"""
SCRIPT = """
const render = ({ model }) => {
  window.tx = tx;
  window.weights = tx.tensors(model.get("weights"));
};
export default { render };
"""
CLOSE = {"rtol": 0, "atol": 1e-4}
TOKENS = [3, 1, 4, 11, 5, 9, 2, 6]


@pytest.fixture(scope="module")
def dice(make_figure: Callable[..., Any]) -> Any:
    return make_figure("Dice", MODULE, SCRIPT)


def halves(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.half() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("seed", [0, 1, 77, 2**31, 2**32 - 1])
def test_a_seed_gives_the_numbers_of_torch(dice: Any, widget_page: OpenPage, seed: int) -> None:
    page = widget_page(dice())
    got = page.evaluate(
        """(seed) => {
            const chance = tx.twister(seed);
            return Array.from({ length: 1000 }, chance);
        }""",
        seed,
    )
    generator = torch.Generator().manual_seed(seed)
    want = [torch.rand((), dtype=torch.float64, generator=generator).item() for _ in range(1000)]
    assert got == want  # 2000 words of 32 bits: the state is made anew three times


SETTINGS: list[dict[str, float]] = [
    {},
    {"temperature": 0.35},
    {"temperature": 2.0, "topK": 3},
    {"topK": 40, "topP": 0.5},
    {"topP": 0.0},
    {"temperature": 1.4, "topP": 0.9, "minP": 0.05},
    {"temperature": 0.7, "topK": 12, "topP": 0.8, "minP": 0.2},
]


def left(logits: torch.Tensor, setting: dict[str, float]) -> torch.Tensor:
    logits = temperature(logits, setting.get("temperature", 1.0))
    logits = top_k(logits, int(setting["topK"])) if "topK" in setting else logits
    logits = top_p(logits, setting["topP"]) if "topP" in setting else logits
    return min_p(logits, setting["minP"]) if "minP" in setting else logits


@pytest.mark.parametrize("setting", SETTINGS)
def test_filters_and_draws_are_those_of_generation(
    dice: Any, widget_page: OpenPage, setting: dict[str, float]
) -> None:
    page = widget_page(dice())
    logits = 3 * torch.randn(60, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    logits[10] = logits[20] = logits[30] = 4.0  # as probable as each other
    want = left(logits, setting)
    draws = 200
    script = """([logits, setting, seed, draws]) => {
        const left = tx.filtered(logits, setting);
        const chance = tx.twister(seed);
        return [left, Array.from({ length: draws }, () => tx.drawn(left, chance()))];
    }"""
    found, drawn = page.evaluate(script, [logits.tolist(), setting, 5, draws])
    assert_close(torch.tensor(found, dtype=torch.float64), want.softmax(-1), rtol=0, atol=1e-12)
    chance = torch.Generator().manual_seed(5)
    assert drawn == [int(sample(want, chance)) for _ in range(draws)]


def test_at_the_edges_the_page_takes_what_python_takes(dice: Any, widget_page: OpenPage) -> None:
    page = widget_page(dice())
    cases = [[[0.5, 0.25, 0.25, 0.0], 1 - 2**-53], [[0.1] * 3, 1.0], [[0.0, 1.0, 0.0], 0.0]]
    got = [page.evaluate("([p, number]) => tx.drawn(p, number)", case) for case in cases]
    assert got == [2, 2, 1]
    equal = page.evaluate("tx.filtered([1, 1, 1, 1], { topP: 0.6 })")
    alike = top_p(torch.ones(4, dtype=torch.float64), 0.6).softmax(-1)
    assert_close(torch.tensor(equal, dtype=torch.float64), alike)
    assert equal[0] == 0 < equal[3]
    best = page.evaluate("tx.filtered([1, 3, 3, 2], { temperature: 0 })")
    assert best == [0, 1, 0, 0]


@pytest.mark.parametrize(
    "model",
    [
        random_gpt(1),
        random_gpt(2, norm_first=False, tied_output=False, activation="relu"),
        random_llama(3, num_heads=4, num_kv_heads=2, rope_theta=50.0),
    ],
)
def test_a_gpt_scores_whole_and_in_steps(dice: Any, widget_page: OpenPage, model: Any) -> None:
    config = model.config
    names = ("num_heads", "norm_first", "norm", "norm_eps", "activation")
    told = {name: getattr(config, name) for name in names}
    rotary = {"positions": "rotary", "rotary_base": getattr(config, "rope_theta", 0)}
    told |= {"positions": "learned"} if hasattr(config, "positions") else rotary
    page = widget_page(dice(weights=halves(model)))
    script = """([config, tokens, cuts]) => {
        const model = tx.transformer(config, weights);
        const cache = model.begin();
        return cuts.flatMap((cut, i) =>
            Array.from(model.decode(tokens.slice(i ? cuts[i - 1] : 0, cut), { cache }).logits));
    }"""
    with torch.no_grad():
        want = model(torch.tensor([TOKENS]))[0]
        other = model(torch.tensor([[*TOKENS[:5], 7, 1]]))[0]
    script_back = """([config, tokens]) => {
        const model = tx.transformer(config, weights);
        const cache = model.begin();
        model.decode(tokens, { cache });
        model.crop(cache, 5);
        return Array.from(model.decode([7, 1], { cache }).logits);
    }"""
    got = torch.tensor(page.evaluate(script_back, [told, TOKENS]), dtype=torch.float64)
    assert_close(got.reshape(2, -1), other[5:], **CLOSE)
    for cuts in ([8], [3, 4, 8], [1, 2, 3, 4, 5, 6, 7, 8]):
        got = torch.tensor(page.evaluate(script, [told, TOKENS, cuts]), dtype=torch.float64)
        assert_close(got.reshape(want.shape), want, **CLOSE)


@pytest.mark.parametrize("choices", [{}, {"embedding_dim": 10}, {"positions": "rotary"}])
def test_a_bert_scores_every_token(
    dice: Any, widget_page: OpenPage, choices: dict[str, Any]
) -> None:
    sizes: dict[str, Any] = {"d_model": 24, "num_heads": 2, "d_ff": 40, "num_layers": 2}
    config = BERTConfig(vocab_size=17, max_len=9, **(sizes | choices))
    model = drawn_anew(BERTForMaskedLM(config), 4)
    page = widget_page(dice(weights=halves(model)))
    names = ("num_heads", "norm_first", "norm", "norm_eps", "activation", "positions")
    script = "([config, tokens]) => Array.from(tx.maskedLM(config, weights)(tokens).logits)"
    told = {name: getattr(config, name) for name in names}
    got = torch.tensor(page.evaluate(script, [told, TOKENS]), dtype=torch.float64)
    with torch.no_grad():
        want = model(torch.tensor([TOKENS]))[0]
    assert_close(got.reshape(want.shape), want, **CLOSE)
    assert want.std() > 0.1
    said = page.evaluate(
        """(config) => { try { tx.maskedLM({ ...config, activation: "step" }, weights); }
        catch (error) { return error.message; } }""",
        told,
    )
    assert said == "the page does not know the activation step"
