"""A world in which nothing is left to chance: it counts its steps, and rewards 1, 2, 3, 4, 5."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np

REWARDS = [1.0, 2.0, 3.0, 4.0, 5.0]


class Counting(gymnasium.Env[Any, Any]):
    """Shows how many steps there were; the rules end it after the fifth."""

    def __init__(self) -> None:
        self.observation_space: Any = gymnasium.spaces.Box(0, 9, (1,))
        self.action_space: Any = gymnasium.spaces.Discrete(2)
        self.show: Callable[[int], Any] = lambda step: np.array([step], dtype=np.float32)
        self.steps = 0
        self.done: list[Any] = []

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        self.steps, self.done = 0, []
        return self.show(0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.done.append(action)
        self.steps += 1
        return self.show(self.steps), REWARDS[self.steps - 1], self.steps == 5, False, {}


def counting(limit: int = 9) -> Any:
    """Make one that is cut off after some steps."""
    return gymnasium.wrappers.TimeLimit(Counting(), limit)
