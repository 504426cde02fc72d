"""What a run is asked for, checked before the model runs; ``generate`` and ``stream`` carry it out.

The fields are the keywords of :func:`txlite.generation.generate`, where they are explained.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

import torch
from torch import Tensor

from txlite._checks import check_positive
from txlite.generation._arguments import Tokens, as_token, as_tokens
from txlite.generation._choice import Choice, Processor
from txlite.generation._endings import Endings, Step
from txlite.generation._reader import CacheKind, Reader
from txlite.generation.speculative import speculate

__all__ = ["Plan", "Settings"]


class Settings(TypedDict, total=False):
    """The keywords that ``generate`` shares with ``stream``."""

    source: Tensor | None
    source_keep: Tensor | None
    prompt_keep: Tensor | None
    eos_id: Tokens
    pad_id: int
    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    no_repeat_ngram: int | None
    min_new_tokens: int
    forced: Mapping[int, int] | None
    suppress: Collection[int]
    suppress_first: Collection[int]
    processors: Sequence[Processor]
    generator: torch.Generator | None
    num_return_sequences: int
    stop: str | Sequence[str]
    decode: Callable[[list[int]], str] | None
    draft: Callable[..., Tensor] | None
    num_drafted: int
    use_cache: bool
    cache: CacheKind
    prefill_chunk: int | None


@dataclass(kw_only=True)
class Plan:
    """A run of generation: who reads, how a token is chosen, and when a row has ended."""

    model: Callable[..., Tensor]
    prompt: Tensor
    max_new_tokens: int
    source: Tensor | None = None
    source_keep: Tensor | None = None
    prompt_keep: Tensor | None = None
    eos_id: Tokens = None
    pad_id: int = 0
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram: int | None = None
    min_new_tokens: int = 0
    forced: Mapping[int, int] | None = None
    suppress: Collection[int] = ()
    suppress_first: Collection[int] = ()
    processors: Sequence[Processor] = ()
    generator: torch.Generator | None = None
    num_return_sequences: int = 1
    stop: str | Sequence[str] = ()
    decode: Callable[[list[int]], str] | None = None
    draft: Callable[..., Tensor] | None = None
    num_drafted: int = 4
    use_cache: bool = True
    cache: CacheKind = "growing"
    prefill_chunk: int | None = None
    with_log_probs: bool = False
    counts: tuple[Tensor, Tensor] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.max_new_tokens = check_positive("max_new_tokens", self.max_new_tokens)
        self.num_drafted = check_positive("num_drafted", self.num_drafted)
        self.choice = Choice(
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            no_repeat_ngram=self.no_repeat_ngram,
            min_new_tokens=self.min_new_tokens,
            eos=as_tokens(self.eos_id),
            forced=self.forced,
            suppress=as_tokens(self.suppress),
            suppress_first=as_tokens(self.suppress_first),
            processors=self.processors,
            generator=self.generator,
        )
        self.copies = check_positive("num_return_sequences", self.num_return_sequences)
        if self.copies > 1 and self.choice.temperature == 0:
            raise ValueError(
                "num_return_sequences should be 1 at temperature 0, where all are the same, got "
                f"{self.copies}"
            )
        self.pad_id = as_token(self.pad_id)
        self.reader = self._reader("model", self.model)
        self.drafter = None if self.draft is None else self._reader("draft", self.draft)
        rows = self.prompt.repeat_interleave(self.copies, 0) if self.copies > 1 else self.prompt
        self.endings = Endings(rows, self.choice.eos, self.pad_id, self.stop, self.decode)

    def _reader(self, name: str, model: Callable[..., Tensor]) -> Reader:
        return Reader(
            model,
            self.prompt,
            prompt_keep=self.prompt_keep,
            source=self.source,
            source_keep=self.source_keep,
            use_cache=self.use_cache,
            ids=self.choice.ids(self.pad_id),
            cache=self.cache,
            new=self.max_new_tokens,
            chunk=self.prefill_chunk,
            goes_back=0 if self.draft is None else self.num_drafted,
            name=name,
        )

    @property
    def models(self) -> tuple[Any, ...]:
        """The models that run."""
        return (self.model,) if self.draft is None else (self.model, self.draft)

    def steps(self) -> Iterator[Step]:
        """Write step by step; the prompt is read in the first."""
        if self.drafter is None:
            return self._write()
        rows = self.prompt.repeat_interleave(self.copies, 0)
        for reader in (self.reader, self.drafter):
            reader.spread(self.copies)
        zero = torch.zeros_like(rows[:, 0], dtype=torch.long)
        self.counts = (zero, zero.clone())
        return speculate(
            self.reader,
            self.drafter,
            self.choice,
            self.endings,
            rows,
            max_new_tokens=self.max_new_tokens,
            num_drafted=self.num_drafted,
            counts=self.counts,
            with_log_probs=self.with_log_probs,
        )

    def _write(self) -> Iterator[Step]:
        tokens, choice, endings = self.prompt, self.choice, self.endings
        for step in range(self.max_new_tokens):
            logits = self.reader(tokens)
            if step == 0 and self.copies > 1:  # the prompt is read once for all of them
                self.reader.spread(self.copies)
                tokens, logits = (x.repeat_interleave(self.copies, 0) for x in (tokens, logits))
            scores = choice.scores(logits, tokens, self.reader.keep, step, endings.done)
            token = choice.take(scores).to(tokens.dtype)
            probable = choice.log_probs(logits, scores, token) if self.with_log_probs else ()
            token = endings.take(token)
            tokens = torch.cat([tokens, token[:, None]], dim=1)
            yield Step(token, *probable)
            if bool(endings.done.all()):
                return
