"""What a Decision Transformer may be: its sizes and choices, and those of the paper.

Source
    Chen et al. (2021), "Decision Transformer: Reinforcement Learning via Sequence Modeling",
    table 9.
"""

from dataclasses import dataclass

from txlite.models._wiring import check_config
from txlite.nn import LayerOptions
from txlite.nn.feedforward import Activation

__all__ = ["DecisionTransformerConfig"]


@dataclass(frozen=True, kw_only=True)
class DecisionTransformerConfig(LayerOptions):
    """Sizes and choices of a Decision Transformer beside :class:`txlite.nn.LayerOptions`.

    By default they are the paper's for OpenAI Gym (table 9).

    Raises
    ------
    ValueError
        If a size is not positive, the heads do not divide, a dropout is not in [0, 1), there is no
        ``norm`` or ``activation`` of that name, or a tanh is asked of actions that are counted.
    """

    state_dim: int  # numbers of a state
    action_dim: int  # numbers of an action, or how many actions there are to choose from
    discrete_actions: bool = False  # an action is one of a few, and gets logits
    action_tanh: bool = False  # actions lie between −1 and 1
    d_model: int = 128
    num_heads: int = 1
    d_ff: int = 512
    num_layers: int = 3
    max_len: int = 1000  # steps of an episode; each has a vector
    num_positions: int | None = None  # rows of a table of which all tokens get the first
    dropout: float = 0.1  # on every residual branch, and on the tokens
    attention_dropout: float = 0.1
    activation: Activation = "relu"
    init_std: float = 0.02  # of the weights, before training

    def __post_init__(self) -> None:
        super().__post_init__()
        check_config(self, "state_dim", "action_dim", optional=("num_positions",))
        if self.discrete_actions and self.action_tanh:
            raise ValueError("action_tanh should be False for discrete_actions=True")

    @classmethod
    def gym(cls, state_dim: int = 11, action_dim: int = 3) -> "DecisionTransformerConfig":
        """Return the paper's model for OpenAI Gym (table 9), by default for Hopper."""
        return cls(state_dim=state_dim, action_dim=action_dim, action_tanh=True)
