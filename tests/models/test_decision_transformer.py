"""Decision Transformer: three tokens a step, in their order, and no decision sees what comes after.

That it computes what the published model does stands in tests/interop.
"""

import re
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from tests.models.tiny import CLOSE, EXACT, redrawn, share_dropped
from txlite.inspect import record_attention
from txlite.models import DecisionTransformer, DecisionTransformerConfig

# All different, so that a swapped axis cannot pass unseen.
B, T, S, A, D, H, F, LONGEST = 3, 7, 5, 4, 12, 2, 20, 11
CHOICES: dict[str, dict[str, Any]] = {
    "continuous": {},
    "discrete": {"discrete_actions": True},
    "tanh": {"action_tanh": True},
    "one place": {"num_positions": 9},
    "modern": {"norm": "rms", "activation": "swiglu", "bias": False, "num_kv_heads": 1},
    "post-norm": {"norm_first": False, "discrete_actions": True},
}
every_choice = pytest.mark.parametrize("name", CHOICES)
LENGTHS = torch.tensor([7, 4, 2])


def config(name: str = "discrete", **options: Any) -> DecisionTransformerConfig:
    sizes: dict[str, Any] = {"d_model": D, "num_heads": H, "d_ff": F, "num_layers": 2}
    sizes |= {"state_dim": S, "action_dim": A, "max_len": LONGEST}
    return DecisionTransformerConfig(**{**sizes, **CHOICES[name], **options})


def tiny(name: str = "discrete", **options: Any) -> DecisionTransformer:
    return redrawn(DecisionTransformer(config(name, **options)))


def steps(name: str = "discrete", batch: int = B, length: int = T) -> tuple[Tensor, ...]:
    discrete = config(name).discrete_actions
    actions = torch.randint(A, (batch, length)) if discrete else torch.randn(batch, length, A)
    return (
        torch.randn(batch, length).double(), torch.randn(batch, length, S).double(),
        actions if discrete else actions.double(), torch.randint(LONGEST, (batch, length)),
    )  # fmt: skip


def together(said: Any) -> Tensor:
    return torch.cat([said.actions, said.states, said.returns[..., None]], -1)


# ------------------------------------------------------------------ mathematics


@pytest.mark.kills(
    "decision transformer: the state comes before the return",
    "models/decision_transformer.py",
    """            self.return_embedding(returns[..., None]),
            self.state_embedding(states),
""",
    """            self.state_embedding(states),
            self.return_embedding(returns[..., None]),
""",
)
@every_choice
def test_what_enters_the_stack(name: str) -> None:
    """Return, state, action; the same vector of time on all three; a norm; and one place."""
    model, entered = tiny(name), []
    returns, states, actions, timesteps = given = steps(name)
    with model.decoder.register_forward_pre_hook(lambda _, args: entered.append(args[0])):
        model(*given)
    for t in range(T):
        time = model.time_embedding.weight[timesteps[:, t]]
        tokens = (
            model.return_embedding(returns[:, t, None]),
            model.state_embedding(states[:, t]),
            model.action_embedding(actions[:, t]),
        )
        for i, token in enumerate(tokens):
            want = model.embedding_norm(token + time)
            if model.positions is not None:
                want = want + model.positions.table[0]
            assert_close(entered[0][:, 3 * t + i], want, **CLOSE)
    assert entered[0].shape == (B, 3 * T, D)


def reach(name: str, part: str, given: tuple[Tensor, ...]) -> list[Tensor]:
    """Return for each step of an answer which steps of returns and states it hangs on."""
    model = tiny(name)
    inputs = [x.clone().requires_grad_(x.is_floating_point()) for x in given]
    said = getattr(model(*inputs), part)
    said = said[..., None] if part == "returns" else said
    found = []
    for t in range(T):
        wanted = [x for x in inputs if x.requires_grad]
        grads = torch.autograd.grad(said[:, t].sin().sum(), wanted, retain_graph=True)
        found.append(
            torch.stack([g.flatten(2).abs().sum((0, 2)) > 0 if g.ndim > 2 else g.abs().sum(0) > 0
                         for g in grads])
        )  # fmt: skip
    return found


@pytest.mark.kills(
    "decision transformer: an action is read at its own token",
    "models/decision_transformer.py",
    "self.action_head(x[:, :, 1])",
    "self.action_head(x[:, :, 2])",
)
@pytest.mark.parametrize("name", ["continuous", "tanh", "modern"])
def test_an_action_hangs_on_its_return_and_state_and_on_the_actions_before(name: str) -> None:
    for t, (returns, states, actions) in enumerate(reach(name, "actions", steps(name))):
        past = torch.arange(T) <= t
        assert torch.equal(returns, past)
        assert torch.equal(states, past)
        assert torch.equal(actions, torch.arange(T) < t)


@pytest.mark.parametrize("part", ["states", "returns"])
def test_what_follows_hangs_on_the_action_too(part: str) -> None:
    for t, found in enumerate(reach("continuous", part, steps("continuous"))):
        assert torch.equal(found, (torch.arange(T) <= t).expand(3, T))


def test_a_counted_action_is_seen_by_the_next_decision_only() -> None:
    model, (returns, states, actions, timesteps) = tiny(), steps()
    before = model(returns, states, actions, timesteps).actions
    other = actions.clone()
    other[:, 3] = (other[:, 3] + 1) % A
    after = model(returns, states, other, timesteps).actions
    assert_close(after[:, :4], before[:, :4], **EXACT)
    assert (after[:, 4:] - before[:, 4:]).abs().amax(-1).gt(1e-6).all()


@pytest.mark.kills(
    "decision transformer: padding is attended to",
    "models/decision_transformer.py",
    "mask = None if keep is None else masks.padding(keep.repeat_interleave(3, dim=1))",
    "mask = None",
)
@every_choice
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_nothing(name: str, side: str) -> None:
    model, given = tiny(name), steps(name)
    keep = torch.arange(T) < LENGTHS[:, None]
    keep = keep.flip(1) if side == "left" else keep
    said = together(model(*given, keep=keep))
    assert said.isfinite().all()
    other = [torch.where(keep.view(B, T, *[1] * (x.ndim - 2)), x, y)
             for x, y in zip(given, steps(name), strict=True)]  # fmt: skip
    assert_close(together(model(*other, keep=keep))[keep], said[keep], **EXACT)
    for b in range(B):
        alone = together(model(*(x[b : b + 1, keep[b]] for x in given)))
        assert_close(said[b, keep[b]], alone[0], **CLOSE)


def test_the_rows_of_a_batch_do_not_see_one_another() -> None:
    model, given = tiny(), steps()
    want = together(model(*given))
    for b in range(B):
        assert_close(together(model(*(x[b : b + 1] for x in given)))[0], want[b], **CLOSE)


def test_time_is_the_episodes_and_not_the_windows() -> None:
    model, (returns, states, actions, _) = tiny(), steps()
    early = torch.arange(T).expand(B, T)
    said = [together(model(returns, states, actions, early + late)) for late in (0, 3)]
    assert (said[0] - said[1]).abs().amax(-1).gt(1e-6).all()


def test_heads_read_what_they_should() -> None:
    model, given, kept = tiny("tanh"), steps("tanh"), []
    with model.decoder.register_forward_hook(lambda _, args, out: kept.append(out)):
        said = model(*given)
    x = kept[0]
    assert_close(said.actions, model.action_head(x[:, 1::3]).tanh(), **CLOSE)
    assert_close(said.states, model.state_head(x[:, 2::3]), **CLOSE)
    assert_close(said.returns, model.return_head(x[:, 2::3])[..., 0], **CLOSE)
    assert said.actions.shape == (B, T, A)
    assert said.states.shape == (B, T, S)
    assert said.returns.shape == (B, T)


def test_maps_are_causal_over_three_tokens_a_step() -> None:
    model = tiny()
    with record_attention(model) as maps:
        model(*steps())
    assert len(maps) == 2
    for table in maps.values():
        assert table.shape == (B, H, 3 * T, 3 * T)
        assert table.triu(1).eq(0).all()
        assert_close(table.sum(-1), torch.ones(B, H, 3 * T).double())


def test_dropout_drops_tokens_before_the_stack() -> None:
    model = tiny(dropout=0.4)
    share = share_dropped(model.dropout, model.decoder, lambda: model(*steps(batch=60)))
    assert share == pytest.approx(0.4, abs=0.03)


def test_nothing_is_learned_that_is_not_used() -> None:
    for name in CHOICES:
        model = tiny(name)
        together(model(*steps(name, batch=30))).sin().sum().backward()
        unused = {n for n, p in model.named_parameters() if p.grad is None or p.grad.eq(0).all()}
        silent = {"positions.kinds"} if name == "one place" else set()
        assert unused == silent | {n for n in unused if "key_proj.bias" in n}, name


def test_a_fresh_model_begins_small() -> None:
    model = DecisionTransformer(DecisionTransformerConfig.gym())
    for name, p in model.named_parameters():
        if p.ndim > 1:
            writes = name.endswith(("output_proj.weight", "down_proj.weight"))
            want = 0.02 / 6**0.5 if writes else 0.02
            assert p.std().item() == pytest.approx(want, rel=0.25), name


def test_the_papers_model_on_meta() -> None:
    with torch.device("meta"):
        preset = DecisionTransformerConfig.gym(state_dim=17, action_dim=6)
        model = DecisionTransformer(preset)
    assert (preset.num_layers, preset.num_heads, preset.d_model, preset.d_ff) == (3, 1, 128, 512)
    assert (preset.activation, preset.dropout, preset.action_tanh) == ("relu", 0.1, True)
    layer = 4 * (128 * 128 + 128) + 128 * 512 + 512 + 512 * 128 + 128 + 4 * 128
    around = (2 * 128) + (18 * 128) + (7 * 128) + 1000 * 128 + 2 * 128 + 2 * 128
    heads = 129 * (6 + 17 + 1)
    assert sum(p.numel() for p in model.parameters()) == 3 * layer + around + heads
    said = model(*(torch.zeros(2, 3, *tail, device="meta") for tail in ((), (17,), (6,))),
                 torch.zeros(2, 3, dtype=torch.long, device="meta"))  # fmt: skip
    assert said.actions.shape == (2, 3, 6)


# ------------------------------------------------------------------ programs


@pytest.mark.plain
@pytest.mark.parametrize("name", ["discrete", "one place"])
def test_training_compiles_to_one_graph(name: str) -> None:
    torch.compiler.reset()
    model, given = tiny(name, num_layers=1), steps(name)
    keep = (torch.arange(T) < LENGTHS[:, None]).flip(1)
    program: Any = torch.compile(model, fullgraph=True, backend="aot_eager")
    got, want = together(program(*given, keep=keep)), together(model(*given, keep=keep))
    assert_close(got[keep], want[keep], **CLOSE)
    weights = [p for n, p in model.named_parameters() if n != "positions.kinds"]
    mine, other = (torch.autograd.grad(y[keep].sin().sum(), weights) for y in (got, want))
    assert_close(mine, other, rtol=1e-8, atol=1e-9)


@pytest.mark.plain
def test_it_is_exported_for_every_batch_and_length() -> None:
    from torch.export import Dim, export

    model, given = tiny(num_layers=1), steps()
    keep = torch.ones(B, T, dtype=torch.bool)
    batch, length = Dim("batch", min=2, max=100), Dim("length", min=2, max=100)
    open_ = {0: batch, 1: length}
    names = ("returns", "states", "actions", "timesteps", "keep")
    program = export(
        model, given, {"keep": keep}, dynamic_shapes=dict.fromkeys(names, open_)
    ).module()
    for b, t in ((B, T), (2, 9), (5, 3)):
        other = steps(batch=b, length=t)
        kept = torch.ones(b, t, dtype=torch.bool)
        kept[0, 0] = False
        got, want = program(*other, keep=kept), model(*other, keep=kept)
        assert_close(together(got)[kept], together(want)[kept], **CLOSE)


# ------------------------------------------------------------------ refusals


@pytest.mark.plain
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state_dim": 0}, "state_dim should be a positive whole number, got 0"),
        ({"action_dim": 0}, "action_dim should be a positive whole number, got 0"),
        ({"max_len": 0}, "max_len should be a positive whole number, got 0"),
        ({"num_positions": 0}, "num_positions should be a positive whole number, got 0"),
        ({"num_heads": 5}, "d_model=12 should be a multiple of num_heads=5"),
        ({"action_tanh": True}, "action_tanh should be False for discrete_actions=True"),
        ({"init_std": 0.0}, "init_std should be a positive number, got 0.0"),
    ],
)
def test_a_config_that_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        config(**options)


@pytest.mark.plain
def test_what_does_not_fit_is_refused_by_name() -> None:
    model, (returns, states, actions, timesteps) = tiny(), steps()
    boxed = tiny("continuous")
    done = steps("continuous")[2]
    keep = torch.ones(B, T, dtype=torch.bool)
    for refused, message in (
        (lambda: model(returns[..., None], states, actions, timesteps), "returns should have shap"),
        (lambda: model(timesteps, states, actions, timesteps), "returns should hold floating-poin"),
        (lambda: model(returns, states[:, 1:], actions, timesteps), "states should have shape (B="),
        (
            lambda: model(returns, states[..., 1:], actions, timesteps),
            "states should have shape (B",
        ),
        (
            lambda: model(returns, states.float(), actions, timesteps),
            "states should have the dtype",
        ),
        (lambda: model(returns, states, actions[:, 1:], timesteps), "actions should have shape (B"),
        (
            lambda: model(returns, states, actions + A, timesteps),
            "actions should lie in [0, action",
        ),
        (lambda: model(returns, states, done, timesteps), "actions should have shape (B=3, T=7)"),
        (lambda: model(returns, states, actions * 1.0, timesteps), "actions should hold int32 or"),
        (
            lambda: boxed(returns, states, actions, timesteps),
            "actions should have shape (B=3, T=7,",
        ),
        (lambda: boxed(returns, states, done.float(), timesteps), "actions should have the dtype"),
        (
            lambda: model(returns, states, actions, timesteps + LONGEST),
            "timesteps should lie in [0",
        ),
        (
            lambda: model(returns, states, actions, timesteps[:1]),
            "timesteps should have shape (B=3",
        ),
        (
            lambda: model(returns, states, actions, timesteps, keep=keep.int()),
            "keep should be a bo",
        ),
        (
            lambda: model(returns, states, actions, timesteps, keep=keep[1:]),
            "keep should have shap",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
            refused()
