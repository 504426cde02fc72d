"""The feed-forward layer: each position by itself, the activations, and parity with others."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.testing import assert_close

from txlite.nn import FeedForward
from txlite.nn.feedforward import ACTIVATIONS, GATES

EXACT = {"rtol": 0.0, "atol": 0.0}
CLOSE = {"rtol": 0.0, "atol": 1e-12}
B, T, D, F = 2, 5, 7, 11  # all different
NAMES = [*ACTIVATIONS, *GATES]
every = pytest.mark.parametrize("activation", NAMES)


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64)


def layer(activation: str = "gelu", **options: object) -> FeedForward:
    """Return a layer whose weights are large enough to show a fault, in float64."""
    module = FeedForward(D, F, activation=activation, **options).double()  # type: ignore[arg-type]
    for p in module.parameters():
        nn.init.normal_(p, std=0.5)
    return module


# ------------------------------------------------------------------ mathematics


def curve(name: str, x: float) -> float:
    """The activations as one writes them."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return {
        "relu": max(0.0, x),
        "gelu": x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
        "gelu_tanh": 0.5 * x * (1 + math.tanh(inner)),
        "quick_gelu": x / (1 + math.exp(-1.702 * x)),
        "silu": x / (1 + math.exp(-x)),
    }[name]


@pytest.mark.kills(
    "tanh for the exact GELU",
    "nn/feedforward.py",
    '"gelu": functional.gelu,',
    '"gelu": partial(functional.gelu, approximate="tanh"),',
)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_its_formula(name: str) -> None:
    x = torch.linspace(-6, 6, 241, dtype=torch.float64)
    assert_close(ACTIVATIONS[name](x), torch.tensor([curve(name, v) for v in x.tolist()]).double())


def test_the_activations_differ() -> None:
    x = torch.linspace(-3, 3, 61, dtype=torch.float64)
    curves = [a(x) for a in ACTIVATIONS.values()]
    for i, one in enumerate(curves):
        for other in curves[:i]:
            assert (one - other).abs().max() > 1e-4


@pytest.mark.kills(
    "gate and value exchanged",
    "nn/feedforward.py",
    "(self.gate_proj(x)) * hidden",
    "(hidden) * self.gate_proj(x)",
)
@every
@torch.no_grad()
def test_the_layer_is_its_formula(activation: str) -> None:
    """One position, one hidden unit after the other."""
    module, x = layer(activation), draw(D)
    gate = GATES.get(activation)
    hidden = []
    for unit in range(F):
        up = float(module.up_proj.weight[unit] @ x + module.up_proj.bias[unit])
        if gate is None:
            hidden.append(curve(activation, up))
        else:
            opened = float(module.gate_proj.weight[unit] @ x + module.gate_proj.bias[unit])
            hidden.append(curve(gate, opened) * up)
    want = module.down_proj.bias.clone()
    for unit in range(F):
        want += hidden[unit] * module.down_proj.weight[:, unit]  # a key's value
    assert_close(module(x), want, **CLOSE)


@every
def test_every_position_is_by_itself(activation: str) -> None:
    module, x = layer(activation), draw(B, T, D)
    want = module(x)
    order = torch.randperm(T)
    assert_close(module(x[:, order]), want[:, order], **CLOSE)
    disturbed = x.clone()
    disturbed[:, 2] += 1
    kept = torch.arange(T) != 2
    assert_close(module(disturbed)[:, kept], want[:, kept], **EXACT)
    assert (module(disturbed)[:, 2] != want[:, 2]).any()  # the test can see a change
    for b in range(B):
        assert_close(module(x[b, 3]), want[b, 3], **CLOSE)


def test_no_gradient_crosses_positions() -> None:
    module, x = layer(), draw(B, T, D).requires_grad_()
    (grad,) = torch.autograd.grad(module(x)[1, 3].sum(), x)
    assert (grad[1, 3] != 0).all()
    grad[1, 3] = 0
    assert (grad == 0).all()


@pytest.mark.parametrize("activation", GATES)
def test_a_closed_gate_lets_nothing_through(activation: str) -> None:
    module, x = layer(activation, bias=False), draw(B, T, D)
    with torch.no_grad():
        module.gate_proj.weight.zero_()
    assert (module(x) == 0).all()


def test_a_gate_is_not_symmetric() -> None:
    module, x = layer("swiglu"), draw(B, T, D)
    want = module(x)
    module.up_proj, module.gate_proj = module.gate_proj, module.up_proj
    assert not torch.allclose(module(x), want)


def test_an_open_gate_of_one_leaves_a_linear_map() -> None:
    module, x = layer("reglu"), draw(B, T, D)
    with torch.no_grad():
        module.gate_proj.weight.zero_()
        module.gate_proj.bias.fill_(1.0)
    assert_close(module(x), module.down_proj(module.up_proj(x)), **CLOSE)


def test_relu_is_linear_where_no_unit_changes_sides() -> None:
    """Units that all stay open make it linear; the bend is in the closing."""
    module, x = layer("relu"), draw(B, T, D)
    with torch.no_grad():
        module.up_proj.bias.fill_(100.0)
    assert_close(module(x), module.down_proj(module.up_proj(x)), rtol=0, atol=1e-10)


@every
def test_gradients(activation: str) -> None:
    module, x = layer(activation), draw(3, D).requires_grad_()
    assert torch.autograd.gradcheck(module, (x,))


# ------------------------------------------------------------------ dropout


@pytest.mark.kills(
    "feed-forward dropout on the output",
    "nn/feedforward.py",
    "self.down_proj(self.dropout(hidden))",
    "self.dropout(self.down_proj(hidden))",
)
@pytest.mark.parametrize("activation", ["relu", "geglu"])
def test_dropout_falls_on_the_hidden_units_and_in_training_only(activation: str) -> None:
    """The last map shows every hidden unit twice, so that both copies must go together."""
    p, width = 0.25, 32
    module = FeedForward(2 * width, width, activation=activation, dropout=p).double()
    plain = FeedForward(2 * width, width, activation=activation).double()
    with torch.no_grad():
        module.down_proj.weight.copy_(torch.eye(width).repeat(2, 1))
        module.up_proj.bias.fill_(50.0)  # no unit is silent by itself
    plain.load_state_dict(module.state_dict())
    x = draw(40, 2 * width) / 10
    hidden, dropped = plain(x), module(x)
    kept = dropped != 0
    assert_close(dropped[kept], hidden[kept] / (1 - p))
    assert kept.double().mean().item() == pytest.approx(1 - p, abs=0.03)
    assert torch.equal(*kept.chunk(2, dim=-1))
    assert_close(module.eval()(x), hidden, **EXACT)


# ------------------------------------------------------------------ sizes, beginnings


@every
@pytest.mark.parametrize("bias", [True, False])
def test_sizes_of_the_maps(activation: str, bias: bool) -> None:
    module = FeedForward(D, F, activation=activation, bias=bias)
    ups = 2 if activation in GATES else 1
    weights, biases = (ups + 1) * D * F, ups * F + D
    assert sum(p.numel() for p in module.parameters()) == weights + bias * biases
    assert (module.gate_proj is not None) == (activation in GATES)


def test_weights_begin_xavier_uniform_and_biases_zero() -> None:
    module = FeedForward(64, 200, activation="swiglu")
    bound = math.sqrt(6 / 264)
    for proj in (module.up_proj, module.gate_proj, module.down_proj):
        assert 0.99 * bound < proj.weight.abs().max().item() <= bound
        assert (proj.bias == 0).all()
    before = module.up_proj.weight.clone()
    module.reset_parameters()
    assert not torch.allclose(module.up_proj.weight, before)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3, 2), (2, 0)])
def test_any_number_of_leading_axes(lead: tuple[int, ...]) -> None:
    assert layer()(draw(*lead, D)).shape == (*lead, D)


def test_it_builds_on_the_meta_device_and_says_what_it_is() -> None:
    with torch.device("meta"):
        module = FeedForward(12288, 49152)
        assert module(torch.empty(3, 12288)).shape == (3, 12288)
    assert "activation='gelu'" in repr(module)


# ------------------------------------------------------------------ parity


def same(ours: FeedForward, theirs: nn.Module, pairs: dict[str, nn.Linear]) -> None:
    """Give both the same weights; compare outputs, and the gradients of input and weights."""
    with torch.no_grad():
        for name, linear in pairs.items():
            proj = getattr(ours, name)
            linear.weight.copy_(proj.weight)
            if linear.bias is not None:
                linear.bias.copy_(proj.bias)
    x = draw(B, T, D).requires_grad_()
    got, want = ours(x), theirs(x)
    assert_close(got, want, **CLOSE)
    mine = torch.autograd.grad(
        got.sin().sum(), (x, *(getattr(ours, name).weight for name in pairs))
    )
    other = torch.autograd.grad(want.sin().sum(), (x, *(p.weight for p in pairs.values())))
    assert_close(mine, other, **CLOSE)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_equals_two_linear_layers_of_torch(activation: str, bias: bool) -> None:
    class Theirs(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(D, F, bias=bias), nn.Linear(F, D, bias=bias)

        def forward(self, x: Tensor) -> Tensor:
            return self.second(getattr(functional, activation)(self.first(x)))

    theirs = Theirs().double()
    pairs = {"up_proj": theirs.first, "down_proj": theirs.second}
    same(layer(activation, bias=bias), theirs, pairs)


@pytest.mark.parametrize(
    ("activation", "name"), [("reglu", "gated-relu"), ("geglu_tanh", "gated-gelu")]
)
def test_equals_t5(activation: str, name: str) -> None:
    """Hugging Face's “gated-gelu” is the tanh approximation."""
    t5 = pytest.importorskip("transformers.models.t5.modeling_t5")
    config = t5.T5Config(d_model=D, d_ff=F, feed_forward_proj=name, dropout_rate=0.0)
    theirs = t5.T5DenseGatedActDense(config).double()
    pairs = {"gate_proj": theirs.wi_0, "up_proj": theirs.wi_1, "down_proj": theirs.wo}
    same(layer(activation, bias=False), theirs, pairs)


@pytest.mark.parametrize("bias", [True, False])
def test_equals_llama(bias: bool) -> None:
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    config = llama.LlamaConfig(
        hidden_size=D, intermediate_size=F, mlp_bias=bias, num_attention_heads=1, head_dim=2
    )
    theirs = llama.LlamaMLP(config).double()
    pairs = {n: getattr(theirs, n) for n in ("gate_proj", "up_proj", "down_proj")}
    same(layer("swiglu", bias=bias), theirs, pairs)


def test_equals_gpt2() -> None:
    """Its Conv1D stores the matrices the other way round."""
    gpt2 = pytest.importorskip("transformers.models.gpt2.modeling_gpt2")
    config = gpt2.GPT2Config(n_embd=D, n_head=1, resid_pdrop=0.0)
    theirs, ours = gpt2.GPT2MLP(F, config).double(), layer("gelu_tanh")
    with torch.no_grad():
        for conv, proj in ((theirs.c_fc, ours.up_proj), (theirs.c_proj, ours.down_proj)):
            conv.weight.copy_(proj.weight.T)
            conv.bias.copy_(proj.bias)
    x = draw(B, T, D).requires_grad_()
    got, want = ours(x), theirs(x)
    assert_close(got, want, **CLOSE)
    mine, other = (torch.autograd.grad(y.sin().sum(), x)[0] for y in (got, want))
    assert_close(mine, other, **CLOSE)


def test_autocast_computes_in_the_lower_precision() -> None:
    module, x = FeedForward(8, 16, activation="swiglu"), torch.randn(B, T, 8)
    with torch.autocast("cpu", torch.bfloat16):
        got = module(x)
        assert module(x.bfloat16()).dtype == torch.bfloat16
    assert got.dtype == torch.bfloat16
    assert_close(got.float(), module(x), rtol=0, atol=0.05)
