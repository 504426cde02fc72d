"""A student: a small model, and the maps by which its states are held against larger ones.

Sources
    Jiao et al. (2020), "TinyBERT", section 3.1, equations (8) and (9).
"""

from typing import Any

from torch import nn

from txlite.compress._listening import stack_of

__all__ = ["Student"]


class Student(nn.Module):
    """A small model with two linear maps from its width to its teacher's.

    The maps are learned with it, so that the optimiser and the checkpoints have them, and serve
    while it learns; afterwards ``student.model`` is all there is to keep.

    Parameters
    ----------
    model : Module
        The small model, with one :class:`txlite.nn.Stack`.
    teacher : Module
        The large one, with one, too. It is looked at, and does not become a part of the student.

    Attributes
    ----------
    model : Module
        The small model.
    states_proj : Linear
        From a layer's states to the teacher's width; the same for all layers.
    embedding_proj : Linear
        The same for what enters the first layer.

    Raises
    ------
    ValueError
        If a model holds no stack or several, or is compiled.

    References
    ----------
    Jiao et al. (2020), equations (8) and (9).

    Examples
    --------
    >>> import torch
    >>> from txlite.models import BERT, BERTConfig
    >>> sizes = {"vocab_size": 50, "num_heads": 2, "d_ff": 32}
    >>> teacher = BERT(BERTConfig(**sizes, d_model=24, num_layers=4))
    >>> student = Student(BERT(BERTConfig(**sizes, d_model=16, num_layers=2)), teacher)
    >>> tuple(student.states_proj.weight.shape)
    (24, 16)
    >>> student(torch.tensor([[2, 6, 7, 3]])).shape
    torch.Size([1, 4, 16])
    """

    def __init__(self, model: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        narrow, wide = _width("model", model), _width("teacher", teacher)
        self.model = model
        self.states_proj = nn.Linear(narrow, wide, bias=False)
        self.embedding_proj = nn.Linear(narrow, wide, bias=False)

    def forward(self, *given: Any, **named: Any) -> Any:
        """Return what the small model returns.

        Parameters
        ----------
        *given, **named
            What the small model is called with.

        Returns
        -------
        object
            Its answer.
        """
        return self.model(*given, **named)


def _width(name: str, model: nn.Module) -> int:
    """Return the width of a model's hidden states."""
    width = getattr(stack_of(name, model).layers[0], "d_model", None)
    if not isinstance(width, int):
        raise ValueError(f"{name} should have layers that say their d_model, got {width!r}")
    return width
