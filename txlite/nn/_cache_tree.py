"""The cache as a tree of tensors: torch.export takes one as an input and gives one back."""

from typing import Any

from torch.utils import _pytree as pytree

__all__ = ["register_cache"]


def register_cache(kind: type[Any]) -> None:
    """Say of which tensors a cache consists, by names, so that their axes may be dynamic."""
    pytree.register_pytree_node(
        kind,
        _flatten,
        lambda parts, context: _unflatten(kind, parts, context),
        flatten_with_keys_fn=_flatten_with_keys,
        serialized_type_name="txlite.nn.KVCache",
        to_dumpable_context=lambda context: context,
        from_dumpable_context=lambda context: context,
    )


def _flatten(cache: Any) -> tuple[list[Any], Any]:
    if cache._window is not None:  # how much is forgotten would be burnt into the program
        raise ValueError(f"cache should have no window where it is exported, got {cache}")
    return [cache.keys, cache.values, *cache.children.values()], [cache.fixed, *cache.children]


def _unflatten(kind: type[Any], parts: Any, context: Any) -> Any:
    cache = kind(fixed=context[0])
    cache.keys, cache.values, *children = parts
    cache.children = dict(zip(context[1:], children, strict=True))
    return cache


def _flatten_with_keys(cache: Any) -> tuple[list[tuple[Any, Any]], Any]:
    parts, context = _flatten(cache)
    names = ["keys", "values", *cache.children]
    return [(pytree.MappingKey(n), x) for n, x in zip(names, parts, strict=True)], context
