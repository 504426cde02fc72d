"""What a model of behaviour is trained on: the action that was done, at each step of a window.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    section 3: cross-entropy for actions that are counted, the mean square for others.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from txlite.data.episode_windows import EpisodeBatch

__all__ = ["action_loss"]


def action_loss(
    model: Callable[..., Any], batch: EpisodeBatch
) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
    """Return the loss of the actions of a batch, as :func:`txlite.training.fit` takes it.

    Parameters
    ----------
    model : callable
        ``model(returns, states, actions, timesteps, keep=)`` says ``actions``: logits (B, T, A)
        where actions are counted, else their numbers.
    batch : EpisodeBatch
        Windows of steps.

    Returns
    -------
    tuple
        The sum over the steps that are no padding, and their number. Of a step that is the
        cross-entropy in nats, or the mean square over the action's numbers.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> even = lambda *given, keep: SimpleNamespace(actions=torch.zeros(1, 2, 4))
    >>> steps = torch.tensor([[0, 1]])
    >>> seen = (torch.zeros(1, 2), torch.zeros(1, 2, 3), steps, steps)
    >>> loss, count = action_loss(even, EpisodeBatch(*seen, torch.tensor([[False, True]])))
    >>> round(loss.item(), 4), int(count)  # log 4
    (1.3863, 1)
    """
    said: Any = model(*batch[:-1], keep=batch.keep)
    logits, actions, keep = said.actions, batch.actions, batch.keep
    if actions.is_floating_point():
        each = (logits - actions).square().mean(-1)
    else:
        each = nn.functional.cross_entropy(logits.transpose(1, 2), actions, reduction="none")
    return torch.where(keep, each, 0.0).sum(), keep.sum()
