"""What a part has to say beside its output: losses of its own, such as a router's balance.

A layer returns hidden states and nothing else, whatever it is made of. A part whose training needs
one more term keeps it in ``auxiliary_loss`` during its forward, and whoever computes the loss takes
the terms of the whole model after it::

    logits = model(tokens)
    loss = cross_entropy(logits, targets) + 0.01 * sum(take_auxiliary_losses(model).values())

So no layer, stack or model has an argument or a result more for it, and compiled and parallel
models need nothing else.
"""

from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["take_auxiliary_losses"]


def take_auxiliary_losses(model: nn.Module) -> dict[str, Float[Tensor, ""]]:
    """Take the losses that a model's parts have kept in their last forward.

    Parameters
    ----------
    model : Module
        A model, any of whose parts may hold a scalar tensor ``auxiliary_loss``.

    Returns
    -------
    dict of str to Tensor, shape ()
        The path of each part that had one, with its loss. The parts hold None afterwards, so that
        no loss counts twice, and none keeps its graph alive.

    Raises
    ------
    ValueError
        If an ``auxiliary_loss`` is no scalar tensor.

    Examples
    --------
    >>> import torch
    >>> router = nn.Linear(4, 2)
    >>> router.auxiliary_loss = router(torch.ones(3, 4)).square().mean()
    >>> sorted(take_auxiliary_losses(nn.Sequential(router))), router.auxiliary_loss
    (['0'], None)
    """
    holders = {
        path: part
        for path, part in model.named_modules()
        if getattr(part, "auxiliary_loss", None) is not None
    }
    losses = {path: part.auxiliary_loss for path, part in holders.items()}
    for path, loss in losses.items():
        if not isinstance(loss, Tensor) or loss.ndim:
            raise ValueError(
                f"auxiliary_loss of {path or 'the model'!r} should be a scalar tensor, got "
                f"{tuple(loss.shape) if isinstance(loss, Tensor) else type(loss).__name__}"
            )
    for part in holders.values():
        part.auxiliary_loss = None
    return losses
