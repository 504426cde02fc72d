"""The page's Transformer computes what txlite's layers compute, in every configuration."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from playwright.sync_api import Page
from torch import Tensor, nn
from torch.testing import assert_close

from txlite.generation import generate
from txlite.inspect import record_attention
from txlite.models import Transformer, TransformerConfig
from txlite.nn import Decoder, Encoder, KVCache, TokenEmbedding
from txlite.nn.positions import Positions
from txlite.nn.positions.scheme import PositionScheme

pytestmark = pytest.mark.browser
OpenPage = Callable[..., Page]
MODULE = """
import traitlets
from txlite.viz.widgets.base import Widget
from txlite.viz.widgets.tensors import Tensors

class Engine(Widget):
    title = traitlets.Unicode("A Transformer").tag(sync=True)
    config = traitlets.Dict().tag(sync=True)
    weights = Tensors()
    uses = ("transformer",)
"""
SCRIPT = """
const render = ({ model }) => {
  window.tx = tx;
  window.engine = tx.transformer(model.get("config"), tx.tensors(model.get("weights")));
};
export default { render };
"""
VOCAB, SOURCES, WIDTH, HEADS, HIDDEN, LAYERS = 17, 13, 24, 6, 20, 2  # all different
SIZES = (LAYERS, WIDTH, HEADS, HIDDEN)
CLOSE = {"rtol": 0, "atol": 1e-4}
SOURCE, TARGET = [3, 1, 4, 11, 5, 9, 2, 6], [1, 7, 10, 8, 2, 16, 0]
LONG, MAX_LEN = 5 * SOURCE, 48  # beyond the distances that have a bucket of their own
SCHEMES = ["none", "sinusoidal", "learned", "rotary", "alibi", "relative"]
ACTIVATIONS = [
    "relu",
    "gelu",
    "gelu_tanh",
    "quick_gelu",
    "silu",
    "reglu",
    "geglu",
    "geglu_tanh",
    "swiglu",
]


def shaken(model: nn.Module) -> nn.Module:
    """Draw every weight anew, with a standard deviation of one half."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=generator))
    return model.double().eval()


class Alone(nn.Module):
    """One stack between an embedding and the scores that it ties, as BERT and GPT have it."""

    def __init__(self, side: str, positions: str, scale: bool, **choices: Any) -> None:
        super().__init__()
        encodes = side == "encoder"
        self.side = side
        self.embedding = TokenEmbedding(VOCAB, WIDTH, scale=scale)
        scheme = PositionScheme(positions, WIDTH, HEADS, max_len=MAX_LEN, bidirectional=encodes)
        stack = Encoder if encodes else Decoder
        if not encodes:
            choices["cross_attention"] = False
        setattr(self, f"{side}_positions", scheme)
        setattr(self, side, stack(*SIZES, **choices))

    def forward(self, tokens: Tensor, cache: KVCache | None = None) -> Tensor:
        past = 0 if cache is None else cache.length
        x, places = getattr(self, f"{self.side}_positions")(self.embedding(tokens), None, past)
        return getattr(self, self.side)(x, positions=places, cache=cache)


@pytest.fixture(scope="module")
def engine(make_figure: Callable[..., Any]) -> Any:
    return make_figure("Engine", MODULE, SCRIPT)


@pytest.fixture
def start(engine: Any, widget_page: OpenPage) -> Callable[..., Page]:
    """Open a page that holds a model: ``start(model, norm_first=True, activation="relu")``."""

    def open_page(model: nn.Module, **config: Any) -> Page:
        weights = {name: tensor.float() for name, tensor in model.state_dict().items()}
        model.load_state_dict({name: tensor.double() for name, tensor in weights.items()})
        return widget_page(engine(config={"num_heads": HEADS, **config}, weights=weights))

    return open_page


def evaluated(page: Page, script: str, *given: Any) -> Tensor:
    return torch.tensor(page.evaluate(script, list(given)), dtype=torch.float64)


def states(page: Page, side: str, tokens: list[int]) -> Tensor:
    script = """([side, tokens]) =>
        Array.from(engine[side].run(engine.embed(tokens), { causal: side === "decoder" }).states)"""
    return evaluated(page, script, side, tokens).reshape(len(tokens), WIDTH)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
@pytest.mark.parametrize("positions", SCHEMES)
def test_one_stack_under_every_scheme(
    start: Callable[..., Page], side: str, positions: str
) -> None:
    model = shaken(Alone(side, positions, scale=False, norm_first=True, activation="relu"))
    page = start(model, norm_first=True, activation="relu", positions=positions)
    with torch.no_grad():
        want = model(torch.tensor([LONG]))[0]
    assert_close(states(page, side, LONG), want, **CLOSE)
    assert want.std() > 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("norm_first", "norm", "bias", "num_kv_heads"),
    [(True, "rms", False, 2), (False, "layer", True, 3), (True, "layer", False, 1)],
)
def test_one_stack_with_every_layer(
    start: Callable[..., Page],
    activation: str,
    norm_first: bool,
    norm: str,
    bias: bool,
    num_kv_heads: int,
) -> None:
    choices = {"norm_first": norm_first, "norm": norm, "activation": activation}
    more = {"bias": bias, "num_kv_heads": num_kv_heads}
    model = shaken(Alone("decoder", "rotary", scale=True, **choices, **more))
    page = start(model, **choices, positions="rotary", scale_embedding=True)
    with torch.no_grad():
        want = model(torch.tensor([SOURCE]))[0]
    assert_close(states(page, "decoder", SOURCE), want, **CLOSE)


def test_the_norms_epsilon_is_the_configs(start: Callable[..., Page]) -> None:
    choices = {"norm_first": False, "norm": "layer", "activation": "gelu", "norm_eps": 0.3}
    model = shaken(Alone("encoder", "none", scale=False, **choices))
    with torch.no_grad():
        want = model(torch.tensor([SOURCE]))[0]
    assert_close(states(start(model, **choices), "encoder", SOURCE), want, **CLOSE)
    other = start(model, **{**choices, "norm_eps": 1e-5})
    assert (states(other, "encoder", SOURCE) - want).abs().max() > 0.01


CONFIGS: list[dict[str, Any]] = [
    {"activation": "relu"},
    {"norm_first": True, "activation": "gelu", "source_vocab_size": SOURCES},
    {"norm_first": True, "norm": "rms", "activation": "swiglu", "tied_output": False},
    {"positions": "learned", "max_len": 12, "scale_embedding": False, "num_decoder_layers": 3},
    {"positions": "relative", "bias": False, "norm_first": True, "final_norm": False},
    {"positions": "alibi", "activation": "geglu", "final_norm": True},
    {"positions": "rotary", "norm_first": True, "norm": "rms"},
]
USED = ("norm_first", "norm", "activation", "positions", "scale_embedding")


def both(**choices: Any) -> tuple[Transformer, dict[str, Any]]:
    sizes = {"d_model": WIDTH, "num_heads": HEADS, "d_ff": HIDDEN, "num_layers": LAYERS}
    config = TransformerConfig(vocab_size=VOCAB, **(sizes | choices))
    return shaken(Transformer(config)), {name: getattr(config, name) for name in USED}


@pytest.mark.parametrize("choices", CONFIGS)
def test_encoder_and_decoder_whole_and_in_steps(
    start: Callable[..., Page], choices: dict[str, Any]
) -> None:
    model, config = both(**choices)
    page = start(model, **config)
    with record_attention(model) as maps, torch.no_grad():
        want = model(torch.tensor([SOURCE]), torch.tensor([TARGET]))[0]
    script = """([source, target, cuts]) => {
        const memory = engine.encode(source);
        const cache = engine.begin();
        const logits = [];
        cuts.forEach((cut, i) => {
            const newest = target.slice(i ? cuts[i - 1] : 0, cut);
            logits.push(...engine.decode(newest, { memory: i ? null : memory, cache }).logits);
        });
        return logits;
    }"""
    for cuts in ([7], [1, 2, 3, 4, 5, 6, 7], [3, 4, 7]):
        got = evaluated(page, script, SOURCE, TARGET, cuts).reshape(len(TARGET), VOCAB)
        assert_close(got, want, **CLOSE)
    script = """([source, target]) => {
        const memory = engine.encode(source);
        const { self, cross } = engine.decode(target, { memory });
        return { self, cross };
    }"""
    found = page.evaluate(script, [SOURCE, TARGET])
    for name, path in (("self", "attention"), ("cross", "cross_attention")):
        for n, got in enumerate(found[name]):
            shown = torch.tensor(got, dtype=torch.float64)
            assert_close(shown, maps[f"decoder.layers.{n}.{path}"][0].double(), **CLOSE)
    page.trace.assert_clean()


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative"])
def test_greedy_decoding_says_the_same_tokens(start: Callable[..., Page], positions: str) -> None:
    model, config = both(positions=positions, tied_output=False)
    page = start(model, **config)
    script = """([source, prompt]) => tx.greedy(engine, {
        memory: engine.encode(source), prompt, eos: 99, longest: 12 }).map(({ token }) => token)"""
    for prompt in ([1], [1, 5, 3]):
        want = generate(
            model, torch.tensor([prompt]), source=torch.tensor([SOURCE]), max_new_tokens=12
        )
        assert page.evaluate(script, [SOURCE, prompt]) == want[0, len(prompt) :].tolist()


def test_a_decoder_alone_continues_what_was_begun(start: Callable[..., Page]) -> None:
    model = shaken(Alone("decoder", "learned", scale=False, norm_first=True, activation="gelu"))
    page = start(model, norm_first=True, activation="gelu", positions="learned")
    written = [2, 7]
    for _ in range(6):
        with torch.no_grad():
            scores = model.embedding.logits(model(torch.tensor([written]))[0, -1])
        written.append(int(scores.argmax()))
    script = """([prompt, longest]) =>
        tx.greedy(engine, { prompt, eos: 99, longest }).map(({ token }) => token)"""
    assert page.evaluate(script, [[2, 7], 6]) == written[2:]


def test_states_need_no_tokens_and_a_rule_may_be_any(start: Callable[..., Page]) -> None:
    """What a ViT, an audio encoder or a packed text asks for: vectors, and who may see whom."""
    choices = {"norm_first": True, "activation": "gelu"}
    model = shaken(Alone("encoder", "none", scale=False, **choices))
    page = start(model, **choices)
    x = torch.randn(7, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    i = torch.arange(7)
    allowed = ((i[:, None] - i).abs() < 2) & (i != 5)
    allowed[3] = False  # one that may see nobody
    with torch.no_grad():
        want = model.encoder(x[None], allowed)[0]
    script = """([x]) => Array.from(engine.encoder.run(Float64Array.from(x), {
        allowed: (i, j) => Math.abs(i - j) < 2 && j !== 5 && i !== 3 }).states)"""
    assert_close(evaluated(page, script, x.flatten().tolist()).reshape(7, WIDTH), want, **CLOSE)


@pytest.mark.parametrize("norm_first", [True, False])
def test_positions_of_queries_and_keys_reach_every_layer_and_no_value(
    start: Callable[..., Page], norm_first: bool
) -> None:
    """As DETR has them: in both stacks, and those of the memory beside the queries' own."""
    choices: dict[str, Any] = {"norm_first": norm_first, "activation": "relu"}
    model = nn.Module()
    model.encoder = Encoder(*SIZES, **choices)
    model.decoder = Decoder(*SIZES, causal=False, final_norm=True, **choices)
    page = start(shaken(model), **choices)
    generator = torch.Generator().manual_seed(7)
    source, grid, asks = (
        torch.randn(n, WIDTH, dtype=torch.float64, generator=generator) for n in (6, 6, 4)
    )
    where = {"positions": Positions(query_key=asks), "memory_positions": Positions(query_key=grid)}
    with torch.no_grad(), record_attention(model) as maps:
        memory = model.encoder(source[None], positions=Positions(query_key=grid))
        want = model.decoder(torch.zeros_like(asks)[None], memory, **where)[0]
    script = """([source, grid, asks]) => {
        const [x, stand, ask] = [source, grid, asks].map((row) => Float64Array.from(row));
        const memory = engine.encoder.run(x, { stand }).states;
        const nothing = new Float64Array(ask.length);
        const told = engine.decoder.run(nothing, { memory, stand: ask, memoryStand: stand });
        return [Array.from(told.states), told.cross.at(-1)];
    }"""
    found, cross = page.evaluate(script, [t.flatten().tolist() for t in (source, grid, asks)])
    got = torch.tensor(found, dtype=torch.float64).reshape(4, WIDTH)
    assert_close(got, want, **CLOSE)
    shown = torch.tensor(cross, dtype=torch.float64)
    assert_close(shown, maps[f"decoder.layers.{LAYERS - 1}.cross_attention"][0].double(), **CLOSE)
    assert want.std() > 0.1


def test_what_the_page_cannot_compute_says_so(start: Callable[..., Page]) -> None:
    model = shaken(Alone("decoder", "learned", scale=False, norm_first=True, activation="gelu"))
    page = start(model, norm_first=True, activation="gelu", positions="learned")
    said = page.evaluate(
        """() => {
            const told = (run) => {
              try { run(); return null; } catch (error) { return error.message; }
            };
            const weights = tx.tensors(model.get("weights"));
            const given = (more) => ({ ...model.get("config"), ...more });
            return [
              told(() => engine.decode(Array(49).fill(1))),
              told(() => tx.transformer(given({ positions: "spiral" }), weights)),
              told(() => tx.transformer(given({ activation: "step" }), weights).decode([1])),
            ];
        }"""
    )
    assert said == [
        "the page's positions end at 48",
        "the page does not know the positions spiral",
        "the page does not know the activation step",
    ]
