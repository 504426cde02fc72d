"""What generation knows of a model: tokens go in, the logits of the next token come out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad

from txlite._checks import check_callable, check_choice, check_positive, check_shape
from txlite.generation._arguments import (
    Tokens,
    as_tokens,
    check_one_sided,
    check_prompt,
    check_source,
    check_token,
)
from txlite.nn import KVCache, StaticKVCache

__all__ = ["CacheKind", "Reader", "evaluating"]

CacheKind = Literal["growing", "static"]


class Reader:
    """Reads growing sequences, with a cache or anew at each step, and says what may come next.

    Parameters
    ----------
    model : callable
        Decoder-only, ``model(tokens, *, keep, cache) -> logits (N, T, V)``, or with a source
        ``model(source, target, *, source_keep, target_keep, cache) -> logits``. Arguments that
        are None are not passed.
    prompt : Tensor of int, shape (B, T)
        The sequences' beginnings; only looked at.
    prompt_keep : Tensor of bool, shape (B, T), optional
        False where the prompt is padding, on the left.
    source : Tensor, shape (B, ...), optional
        What the encoder reads.
    source_keep : Tensor of bool, shape (B, S), optional
        False where the source is padding.
    use_cache : bool
        Whether the model is given a cache, and then each token only once.
    ids : mapping of str to int or collection of int
        Tokens with a meaning, by the caller's name for them: they must be in the vocabulary, whose
        size the first logits tell.
    cache : str
        ``"growing"`` or ``"static"``.
    new : int
        How many tokens will be added at most; a static cache has room for them.
    chunk : int, optional
        How many positions are read at once at most, where the cache allows it.
    goes_back : int
        How many positions are cropped at once at most.
    """

    def __init__(
        self,
        model: Callable[..., Tensor],
        prompt: Int[Tensor, "B T"],
        *,
        prompt_keep: Bool[Tensor, "B T"] | None,
        source: Tensor | None,
        source_keep: Bool[Tensor, "B S"] | None,
        use_cache: bool,
        ids: Mapping[str, Tokens],
        cache: CacheKind = "growing",
        new: int = 1,
        chunk: int | None = None,
        goes_back: int = 0,
        name: str = "model",
    ) -> None:
        check_prompt(prompt, prompt_keep)
        check_callable(name, model, "from tokens to logits")
        if source is None:
            check_one_sided(model)
        check_source(prompt, source, source_keep)
        check_choice("cache", cache, ("growing", "static"))
        self.chunk = None if chunk is None else check_positive("prefill_chunk", chunk)
        for wanted, given in (
            ("cache='static'", cache == "static"),
            ("prefill_chunk", chunk is not None),
        ):
            if given and not use_cache:
                raise ValueError(f"{wanted} should come with a cache, got use_cache=False")
        self.model, self.name = model, name
        self.keep, self.source, self.source_keep = prompt_keep, source, source_keep
        self.two_sided = source is not None
        self.cache = _kept(model, cache, prompt.shape[1] + new, goes_back) if use_cache else None
        self.ids = [(n, t) for n, given in ids.items() for t in as_tokens(given)]
        self.rows = torch.arange(len(prompt), device=prompt.device)
        self.seen = 0  # positions that lie in the cache

    def __call__(self, tokens: Int[Tensor, "N T"]) -> Float[Tensor, "N V"]:
        """Return the logits of the token after the last one."""
        return self.read(tokens, 1)[:, -1]

    def read(self, tokens: Int[Tensor, "N T"], last: int) -> Float[Tensor, "N L V"]:
        """Return the logits after each of the ``last`` positions."""
        width = tokens.shape[1]
        if self.keep is not None:  # what is generated is never padding
            self.keep = pad(self.keep, (0, width - self.keep.shape[1]), value=True)
        if self.cache is not None and self.chunk is not None:
            while width - self.seen >= self.chunk + last:
                self._run(tokens[:, : self.seen + self.chunk])
        logits = self._run(tokens)[:, -last:]
        for name, token in self.ids:
            check_token(name, token, logits.shape[-1])
        if bool(logits.isnan().any()):
            raise ValueError(f"the {self.name}'s logits should be numbers, got NaN")
        return logits

    def reorder(self, index: Int[Tensor, " N"]) -> None:
        """Continue with the sequences that ``index`` names; one may occur several times."""
        if self.cache is not None:
            self.cache.reorder(index)
        self.keep, self.source, self.source_keep = (
            None if x is None else x.index_select(0, index)
            for x in (self.keep, self.source, self.source_keep)
        )

    def spread(self, copies: int) -> None:
        """Continue each sequence several times, the copies beside each other."""
        if copies > 1:
            self.reorder(self.rows.repeat_interleave(copies))

    def crop(self, length: int) -> None:
        """Forget what was read after the first ``length`` positions."""
        if self.cache is not None and self.seen > length:
            self.cache.crop(length)
            self.seen = length

    def _run(self, tokens: Tensor) -> Tensor:
        """Read what is new."""
        new, keep = tokens[:, self.seen :], self.keep
        if keep is not None:
            keep = keep[:, : tokens.shape[1]]
        logits = self.model(*self._sequences(new), **self._options(keep))
        if self.cache is not None:
            if not self.cache.filled:  # else it would be shown the newest token alone
                raise ValueError(
                    f"{self.name} should fill the cache that it is given; or use_cache=False"
                )
            self.seen, self.source = tokens.shape[1], None
        check_shape(f"the {self.name}'s logits", logits, "N T V", N=new.shape[0], T=new.shape[1])
        return logits

    def _sequences(self, new: Tensor) -> tuple[Tensor | None, ...]:
        return (self.source, new) if self.two_sided else (new,)

    def _options(self, keep: Tensor | None) -> dict[str, Any]:
        name = "target_keep" if self.two_sided else "keep"
        options = {name: keep, "source_keep": self.source_keep, "cache": self.cache}
        return {name: value for name, value in options.items() if value is not None}


def _kept(model: Any, cache: CacheKind, longest: int, goes_back: int) -> KVCache:
    """Return the cache of a run, which forgets where the model's window allows it."""
    window: int | None = getattr(model, "sliding_window", None)
    if window is None:
        return StaticKVCache(longest) if cache == "static" else KVCache()
    if cache == "growing":
        return KVCache(window=window, spare=goes_back)
    room = 2 * (window + goes_back)
    if room >= longest:
        return StaticKVCache(longest)
    return StaticKVCache(room, window=window, spare=goes_back)


@contextmanager
def evaluating(*models: Any) -> Iterator[None]:
    """Switch dropout off inside the block; every module is left in the mode it was in."""
    wholes = [model for model in models if isinstance(model, nn.Module)]
    modules = [module for whole in wholes for module in whole.modules()]
    modes = [module.training for module in modules]
    try:
        for whole in wholes:
            whole.eval()
        with torch.no_grad():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
