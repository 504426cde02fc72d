"""A whole model with rounded weights: its linear maps, and if wanted its embedding, are replaced.

Sources
    Jacob et al. (2018), section 2. Dettmers et al. (2022), "LLM.int8()", section 2.1.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from torch import nn

from txlite._checks import check_divides, check_module, check_positive
from txlite.compress.quantized_embedding import QuantizedEmbedding
from txlite.compress.quantized_linear import QuantizedLinear
from txlite.compress.rounding import check_bits
from txlite.nn import Router, TokenEmbedding

__all__ = ["quantize"]


def quantize(
    model: nn.Module,
    *,
    bits: int = 8,
    group_size: int | None = None,
    dynamic: bool = False,
    embeddings: bool = False,
    skip: Collection[str] = (),
) -> list[str]:
    """Replace the linear maps of a model by rounded ones.

    Parameters
    ----------
    model : Module
        Changed in place, once it is trained. No gradient reaches a rounded weight.
    bits : int
        8 or 4, for each weight.
    group_size : int, optional
        How many neighbours in a row share a scale; needed with 4 bits where accuracy matters. By
        default the whole row does.
    dynamic : bool
        Whether inputs of linear maps are rounded, too, so that whole numbers are multiplied: faster
        where the machine has instructions for them. Only with 8 bits and whole rows.
    embeddings : bool
        Whether every :class:`txlite.nn.TokenEmbedding` is rounded, too. In a small model it holds
        most of the weights.
    skip : collection of str
        Paths that stay as they are, with all that is below them.

    Returns
    -------
    list of str
        The paths that were replaced, a module that stands in several places by its first.

    Raises
    ------
    ValueError
        If nothing is left to round, a weight is not finite, a path of ``skip`` does not exist, or
        a choice does not fit a layer. Nothing has been changed then.

    Notes
    -----
    A weight that another module also uses stays: as codes it would be there twice. So do the
    routers of experts, which choose in full precision (Fedus et al. 2022, section 2.4), and all
    subclasses of ``nn.Linear``. Two codes of four bits are one number of a tensor, so that
    ``numel`` says half of them: ask :func:`model_bytes` what is saved.

    Examples
    --------
    >>> from txlite.models import BERT, BERTConfig
    >>> sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 1}
    >>> model = BERT(BERTConfig(vocab_size=50, **sizes))
    >>> quantize(model, skip=["pooler", "encoder.layers.0.attention"])
    ['encoder.layers.0.feed_forward.up_proj', 'encoder.layers.0.feed_forward.down_proj']
    """
    check_module("model", model)
    bits = check_bits(bits)
    group_size = None if group_size is None else check_positive("group_size", group_size)
    names = {path for path, _ in model.named_modules()}
    if unknown := sorted(set(skip) - names):
        raise ValueError(f"skip should hold paths of the model, got {unknown}")
    made: dict[str, nn.Module] = {}
    for path, module in _roundable(model, embeddings):
        if any(path == s or path.startswith(f"{s}.") or not s for s in skip):
            continue
        width = module.in_features if isinstance(module, nn.Linear) else module.d_model
        if group_size is not None:
            check_divides("group_size", group_size, f"width of {path!r}", width)
        try:
            if isinstance(module, nn.Linear):
                made[path] = QuantizedLinear.of(
                    module, bits=bits, group_size=group_size, dynamic=dynamic
                )
            else:
                made[path] = QuantizedEmbedding.of(module, bits=bits, group_size=group_size)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    if not made:
        raise ValueError(
            f"model should hold a torch.nn.Linear that is not skipped, got a {type(model).__name__}"
            " without any"
        )
    for path, layer in made.items():
        put(model, path, layer)
    return list(made)


def _roundable(
    model: nn.Module, embeddings: bool
) -> Iterator[tuple[str, nn.Linear | TokenEmbedding]]:
    """Yield what has a matrix of its own that nobody reads but the layer itself."""
    modules = dict(model.named_modules())
    owners = Counter(id(p) for module in modules.values() for p in module.parameters(recurse=False))
    read = {id(module.gate) for module in modules.values() if isinstance(module, Router)}
    for path, module in modules.items():
        if not path or owners[id(getattr(module, "weight", None))] != 1 or id(module) in read:
            continue
        if type(module) is nn.Linear or (embeddings and type(module) is TokenEmbedding):
            yield path, module


def put(model: nn.Module, path: str, made: nn.Module) -> None:
    """Put a module into the place of another one, in every place where that one stands."""
    old = model.get_submodule(path)
    for parent in model.modules():
        for name, child in list(parent._modules.items()):  # named_children says each once
            if child is old:
                setattr(parent, name, made)
