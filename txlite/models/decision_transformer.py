"""Decision Transformer: acting as the next word of a sentence of returns, states and actions.

Each step of an episode is three tokens, in this order: the return that is still to come, the state,
and the action. A causal stack reads them, and says the action at the token of the state, where it
has seen the return that was asked for and not yet what was done.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3 and algorithm 1.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from txlite._checks import check_dtype, check_floating, check_shape
from txlite.models._wiring import check_keep, check_rows, draw_normal
from txlite.models.decision_transformer_config import DecisionTransformerConfig
from txlite.nn import Decoder, masks
from txlite.nn.norms import make_norm

__all__ = ["DecisionTransformer", "Decisions"]


class Decisions(NamedTuple):
    """What is said of each step: what to do, and what comes of it."""

    actions: Float[Tensor, "B T A"]
    """Logits of the actions, or the action's numbers: read at the token of the state."""
    states: Float[Tensor, "B T S"]
    """The state after the action: read at the token of the action."""
    returns: Float[Tensor, "B T"]
    """The return that is to come after it, in the unit in which returns were given."""


class DecisionTransformer(nn.Module):
    """A causal stack over returns, states and actions, from a past to the next action.

    Parameters
    ----------
    config : DecisionTransformerConfig
        Sizes and choices.

    Attributes
    ----------
    return_embedding, state_embedding, action_embedding : Module
        The maps to the tokens of a step. Actions that are counted have a table.
    time_embedding : Embedding
        One vector for each step of an episode, added to all three tokens of the step.
    embedding_norm : Module
        Applied to each token before the stack; ``norm_eps`` is that of the stack's norms alone.
    positions : SamePosition or None
        Adds the first row of a table to every token.
    decoder : Decoder
        The stack, without attention to an encoder.
    action_head, state_head, return_head : Linear
        Read the answers off the last hidden states.

    References
    ----------
    Chen et al. (2021), algorithm 1.

    Examples
    --------
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 2}
    >>> sizes |= {"state_dim": 4, "action_dim": 2, "discrete_actions": True}
    >>> model = DecisionTransformer(DecisionTransformerConfig(**sizes))
    >>> returns, states = torch.tensor([[200.0, 199.0]]), torch.zeros(1, 2, 4)
    >>> actions, timesteps = torch.tensor([[1, 0]]), torch.tensor([[0, 1]])
    >>> model(returns, states, actions, timesteps).actions.shape
    torch.Size([1, 2, 2])
    """

    def __init__(self, config: DecisionTransformerConfig) -> None:
        super().__init__()
        self.config = config
        width, actions = config.d_model, config.action_dim
        self.return_embedding = nn.Linear(1, width)
        self.state_embedding = nn.Linear(config.state_dim, width)
        counted = nn.Embedding(actions, width)
        self.action_embedding = counted if config.discrete_actions else nn.Linear(actions, width)
        self.time_embedding = nn.Embedding(config.max_len, width)
        self.embedding_norm = make_norm(config.norm, width, bias=config.bias)  # its own eps
        rows = config.num_positions
        self.positions = None if rows is None else SamePosition(rows, width)
        self.dropout = nn.Dropout(config.dropout)
        self.decoder = Decoder(
            config.num_layers, width, config.num_heads, config.d_ff,
            cross_attention=False, options=config.layer_options,
        )  # fmt: skip
        self.action_head = nn.Linear(width, actions)
        self.state_head = nn.Linear(width, config.state_dim)
        self.return_head = nn.Linear(width, 1)
        draw_normal(self, config.init_std, writers=2 * config.num_layers)

    def forward(
        self,
        returns: Float[Tensor, "B T"],
        states: Float[Tensor, "B T S"],
        actions: Integer[Tensor, "B T"] | Float[Tensor, "B T A"],
        timesteps: Integer[Tensor, "B T"],
        *,
        keep: Bool[Tensor, "B T"] | None = None,
    ) -> Decisions:
        """Say for each step what to do, from the steps before it, its state and its return.

        Parameters
        ----------
        returns : Tensor, shape (B, T)
            Returns to go: the sum of the rewards from this step on. Any unit, the same always.
        states : Tensor, shape (B, T, S)
            What was observed.
        actions : Tensor of int, shape (B, T), or Tensor, shape (B, T, A)
            What was done then: numbers of actions, or an action's A numbers. The last one is seen
            by no decision of these steps.
        timesteps : Tensor of int, shape (B, T)
            Which step of its episode each is, from 0.
        keep : Tensor of bool, shape (B, T), optional
            True for a step, False for padding, on either side.

        Returns
        -------
        Decisions
            Actions (B, T, A), and what is expected to follow: states (B, T, S), returns (B, T).

        Raises
        ------
        ValueError
            If a shape or a kind of number does not fit, or an action or a step has no row.
        """
        c = self.config
        check_steps(c, returns, states, actions, timesteps, keep)
        step = (
            self.return_embedding(returns[..., None]),
            self.state_embedding(states),
            self.action_embedding(actions),
        )
        tokens = torch.stack(step, dim=2) + self.time_embedding(timesteps)[:, :, None]
        x = self.embedding_norm(tokens.flatten(1, 2))  # (B, 3 T, D)
        x = x if self.positions is None else self.positions(x)
        mask = None if keep is None else masks.padding(keep.repeat_interleave(3, dim=1))
        x = self.decoder(self.dropout(x), mask=mask).unflatten(1, (-1, 3))
        acted = self.action_head(x[:, :, 1])
        acted = torch.tanh(acted) if c.action_tanh else acted
        done = x[:, :, 2]
        return Decisions(acted, self.state_head(done), self.return_head(done)[..., 0])


def check_steps(
    config: DecisionTransformerConfig,
    returns: Tensor,
    states: Tensor,
    actions: Tensor,
    timesteps: Tensor,
    keep: Tensor | None,
) -> None:
    """Refuse by name what does not fit."""
    batch, length = check_shape("returns", returns, "B T").values()
    check_floating("returns", returns)
    check_shape("states", states, "B T S", B=batch, T=length, S=config.state_dim)
    check_dtype("states", states, "the returns", returns)
    check_rows("timesteps", timesteps, batch, length, max_len=config.max_len)
    if config.discrete_actions:
        check_rows("actions", actions, batch, length, action_dim=config.action_dim)
    else:
        check_shape("actions", actions, "B T A", B=batch, T=length, A=config.action_dim)
        check_dtype("actions", actions, "the returns", returns)
    check_keep("keep", keep, batch, length)


class SamePosition(nn.Module):
    """Every token gets the first row of a table: so do Hugging Face's, whose others are unused."""

    def __init__(self, rows: int, d_model: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(rows, d_model))
        self.kinds = nn.Parameter(torch.empty(1, d_model))  # in their files; nothing reads it

    def forward(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        """Add it."""
        return x + self.table[0]
