"""What the studies of the Decision Transformer and its page have in common: how one is trained.

Every model here is one class with one recipe, :class:`txlite.models.DecisionTransformer`. Cloning
is the same model that is told no returns, and filtered cloning learns from the best episodes only.
So what differs between two rows is what a plan says, and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

import txlite
from txlite.data.episode_windows import EpisodeScale, EpisodeWindows, shuffled_totals
from txlite.data.episodes import Episode
from txlite.models import DecisionTransformer, DecisionTransformerConfig
from txlite.training import History, action_loss, adamw, fit, warmup_cosine

RATE, DECAY, WARMUP = 1e-3, 0.01, 0.1  # of AdamW; the warm-up as a share of the steps
WIDTH, HEADS, LAYERS = 64, 4, 2
STD = 0.1  # of the first weights: with 0.02 a return is hardly read in so few steps


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one model of behaviour is trained.

    Parameters
    ----------
    steps : int
        Of the optimiser.
    context : int
        Steps of an episode that the model reads.
    batch_size : int
        Windows in a batch.
    told : str
        What it is told of an episode: its ``"returns"``, ``"nothing"``, or the returns of another
        one, ``"shuffled"``.
    timed : bool
        Whether it reads which step of an episode each is.
    unit : float
        The unit of returns.
    discount : float
        What a reward is worth one step later.
    max_len : int
        Rows of the table of time steps.
    """

    steps: int
    context: int = 10
    batch_size: int = 64
    told: str = "returns"
    timed: bool = True
    unit: float = 1.0
    discount: float = 1.0
    max_len: int = 500


def built(seed: int, plan: Plan, episodes: Sequence[Episode], actions: int) -> DecisionTransformer:
    """Return a model for such episodes, untrained."""
    txlite.seed(seed)
    model = DecisionTransformer(
        DecisionTransformerConfig(
            state_dim=episodes[0].observations.shape[1], action_dim=actions, discrete_actions=True,
            d_model=WIDTH, num_heads=HEADS, d_ff=4 * WIDTH, num_layers=LAYERS, init_std=STD,
            max_len=plan.max_len, dropout=0.0, attention_dropout=0.0, activation="gelu",
        )
    )  # fmt: skip
    if not plan.timed:
        nn.init.zeros_(model.time_embedding.weight).requires_grad_(False)
    return model.to(txlite.device())


def scale_of(plan: Plan, episodes: Sequence[Episode], *, measured: bool = True) -> EpisodeScale:
    """Return the units: of returns the plan's, of states their deviations or none."""
    if measured:
        return EpisodeScale.of(episodes, returns=plan.unit)
    return EpisodeScale(plan.unit)


def trained(
    seed: int, plan: Plan, episodes: Sequence[Episode], scale: EpisodeScale, actions: int
) -> tuple[DecisionTransformer, History]:
    """Train a model on episodes; chance is the seed's alone."""
    model = built(seed, plan, episodes, actions)
    order = txlite.seed(seed).initial_seed()
    windows = EpisodeWindows(
        episodes, context=plan.context, batch_size=plan.batch_size, seed=order, scale=scale,
        discount=plan.discount, conditioned=plan.told != "nothing",
        totals=shuffled_totals(episodes, seed=order) if plan.told == "shuffled" else None,
    )  # fmt: skip
    history = fit(
        model,
        windows,
        action_loss,
        steps=plan.steps,
        optimizer=adamw(model, RATE, weight_decay=DECAY, fused=True),
        schedule=warmup_cosine(RATE, max(1, round(WARMUP * plan.steps)), plan.steps),
        clip_norm=1.0,
        progress=False,
    )
    return model, history


def mean(values: torch.Tensor | Sequence[float]) -> float:
    """Return a mean."""
    return torch.as_tensor(values).double().mean().item()
