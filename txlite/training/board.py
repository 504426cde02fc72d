"""A board on which language models are compared, and the judge that lets them on it.

Boards of this kind have been led by mistakes: by models that looked at what they were to predict,
by windows whose tokens counted twice, by tokens that were divided as if they were characters. So
the judge computes the number itself. It takes the model's logits and no probabilities, which need
not have the sum 1; it scores every token of the held-out text once, with the bytes of the text in
the denominator; it puts each run to the causality probe on the very text on which it is scored; and
it wants several seeds. A number that the entrant has computed is compared with its own, and if it
is one of the field's usual mistakes, that is said.

What it cannot see is a model that was trained on the held-out text; its entrant has to be trusted
there. A tokenizer that knows the held-out text by heart is seen.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import mean

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from txlite._checks import (
    check_generator,
    check_length,
    check_number,
    check_positive,
    check_rate,
)
from txlite.training._modes import evaluating
from txlite.training._tensors import device_of
from txlite.training.causality import causality_leaks, name_leak
from txlite.training.language import TextScore, score_text, surprises, window_starts

__all__ = ["BoardRow", "Entry", "board", "judge", "name_claim"]

LONGEST_TOKEN = 64  # bytes; the longest tokens of the usual vocabularies are words
CUTS = 6  # positions of each run at which the probe changes tokens
PROBED = 48  # tokens that the probe reads at once
_NOT_NEGATIVE = "a number of at least 0", lambda x: x >= 0


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One trained model, with what is needed to score a text with it.

    Parameters
    ----------
    model : callable
        From tokens (B, T) to logits (B, T, V).
    encode, decode : callable
        From a text to its tokens, and back.
    bos_id : int
        The token that begins a text.
    vocab_size : int
        V.
    window : int
        How many tokens the model reads at once.
    seconds : float
        How long it was trained.
    vocabulary : str
        The name of its tokens.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    model: Callable[[Int[Tensor, "B T"]], Float[Tensor, "B T V"]]
    encode: Callable[[str], Sequence[int]]
    decode: Callable[[Sequence[int]], str]
    bos_id: int
    vocab_size: int
    window: int
    seconds: float
    vocabulary: str

    def __post_init__(self) -> None:
        checked = {
            "bos_id": check_length("bos_id", self.bos_id),
            "vocab_size": check_positive("vocab_size", self.vocab_size),
            "window": check_positive("window", self.window),
            "seconds": check_number("seconds", self.seconds, *_NOT_NEGATIVE),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """What the judge has found: the numbers of every seed, or why there is no place on the board.

    Parameters
    ----------
    name : str
        What is entered.
    scores : tuple of TextScore
        One for each seed; empty where the text could not be scored.
    seconds : float
        The longest training.
    refused : tuple of str
        Reasons, each a sentence without its full stop; none for a row that stands on the board.
    """

    name: str
    scores: tuple[TextScore, ...]
    seconds: float
    refused: tuple[str, ...] = ()

    @property
    def bits_per_byte(self) -> float:
        """Mean over the seeds: what the board is ordered by. Infinite where it was not scored."""
        found = [score.bits_per_byte for score in self.scores]
        return mean(found) if found else math.inf

    def __str__(self) -> str:
        """Return the row, or the reasons."""
        if self.refused:
            return "\n".join([f"{self.name}: not on the board", *(f"  {r}" for r in self.refused)])
        found = [score.bits_per_byte for score in self.scores]
        characters = mean(score.bits_per_character for score in self.scores)
        return (
            f"{self.name}: {mean(found):.3f} bits per byte ({min(found):.3f} to {max(found):.3f} "
            f"over {len(found)} seeds), {characters:.3f} per character, {self.seconds:.0f} s"
        )


def judge(
    name: str,
    entries: Sequence[Entry],
    text: str | Sequence[str],
    *,
    generator: torch.Generator,
    claimed: float | None = None,
    num_seeds: int = 5,
    longest: float = 75.0,
) -> BoardRow:
    """Score an entry on a held-out text, if nothing speaks against it.

    Parameters
    ----------
    name : str
        What stands on the board.
    entries : sequence of Entry
        The same recipe, trained with one seed each.
    text : str or sequence of str
        What none of them has seen.
    generator : torch.Generator
        Draws what the causality probe puts in.
    claimed : float, optional
        What the entrant has computed: mean bits per byte.
    num_seeds : int
        How many entries there must be.
    longest : float
        How many seconds each may have been trained.

    Returns
    -------
    BoardRow
        Printing it gives the row, or names what is wrong.

    Raises
    ------
    ValueError
        If there is no entry or no text, or a number is out of range. What is wrong with the entry
        is no error: it is in the row.
    """
    check_generator("generator", generator)
    num_seeds, longest = check_positive("num_seeds", num_seeds), check_rate("longest", longest)
    if claimed is not None:
        claimed = check_number("claimed", claimed, *_NOT_NEGATIVE)
    texts = [one for one in ([text] if isinstance(text, str) else text) if one]
    if not entries or not texts:
        raise ValueError(
            "entries and text should hold at least one entry and one character, got "
            f"{len(entries)} and {sum(map(len, texts))}"
        )
    seconds = max(entry.seconds for entry in entries)
    refused = []
    if len(entries) < num_seeds:
        refused.append(f"{num_seeds} seeds are wanted, and {len(entries)} handed in")
    if seconds > longest:
        refused.append(f"{longest:.0f} s of training are allowed, and one took {seconds:.0f} s")
    for number, entry in enumerate(entries):
        for reason in (_tokenizer(entry, texts), _leak(entry, texts, generator)):
            if reason and not any(reason in known for known in refused):
                refused.append(f"run {number}: {reason}")
    scores = []
    if not any(reason.startswith("run ") for reason in refused):
        scores = [_score(entry, texts) for entry in entries]
        same = _same(scores)
        if same:
            refused.append(f"runs {same[0]} and {same[1]} are one and the same, not two seeds")
        if claimed is not None:
            found = mean(score.bits_per_byte for score in scores)
            reason = name_claim(claimed, entries, texts, found)
            refused += [reason] if reason else []
    return BoardRow(name=name, scores=tuple(scores), seconds=seconds, refused=tuple(refused))


def board(rows: Sequence[BoardRow]) -> str:
    """Return the rows with the best first; those that were refused come last, with the reasons.

    Parameters
    ----------
    rows : sequence of BoardRow
        What :func:`judge` has returned.

    Returns
    -------
    str
        A line for each, and one for each reason.
    """
    good = sorted((row for row in rows if not row.refused), key=lambda row: row.bits_per_byte)
    return "\n".join(
        [
            *(f"{place}. {row}" for place, row in enumerate(good, 1)),
            *(f"–  {row}" for row in rows if row.refused),
        ]
    )


def name_claim(claimed: float, entries: Sequence[Entry], texts: Sequence[str], right: float) -> str:
    """Say which mistake leads to a number, if it is not the right one.

    Parameters
    ----------
    claimed : float
        What was computed as bits per byte.
    entries : sequence of Entry
        The runs whose mean it is said to be.
    texts : sequence of str
        The held-out texts.
    right : float
        What the judge has found.

    Returns
    -------
    str
        Empty where the two agree to a thousandth.

    Raises
    ------
    ValueError
        If ``claimed`` is no number of at least 0.
    """
    claimed = check_number("claimed", claimed, *_NOT_NEGATIVE)
    if _close(claimed, right):
        return ""
    said = f"{claimed:.3f} bits per byte were claimed, and {right:.3f} are right"
    found = [_mistakes(entry, texts) for entry in entries]
    for reason in found[0]:
        if _close(claimed, mean(one[reason] for one in found)):
            return f"{said}: {reason}"
    return said


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-3 * b


def _score(entry: Entry, texts: Sequence[str]) -> TextScore:
    return score_text(
        entry.model,
        texts,
        encode=entry.encode,
        decode=entry.decode,
        bos_id=entry.bos_id,
        vocabulary=entry.vocabulary,
        window=entry.window,
    )


def _tokenizer(entry: Entry, texts: Sequence[str]) -> str:
    """Look whether the tokens are the text, and no token a page of it."""
    used: set[int] = set()
    for one in texts:
        ids = list(entry.encode(one))
        if entry.decode(ids) != one:
            return "the tokens do not give the text back: what is lost costs no bits"
        used.update(ids)
    longest = max((entry.decode([number]) for number in used), key=lambda text: len(text.encode()))
    size = len(longest.encode())
    if size > LONGEST_TOKEN:
        return (
            f"a token stands for {size} bytes, {longest[:20]!r}…: the tokenizer was given the "
            "held-out text"
        )
    return ""


def _leak(entry: Entry, texts: Sequence[str], generator: torch.Generator) -> str:
    """Put a run to the probe, on windows of the text on which it is scored."""
    stream = [entry.bos_id, *(number for one in texts for number in entry.encode(one))]
    length = min(entry.window, len(stream) - 1, PROBED)
    if length < 2:
        return ""
    last = len(stream) - length
    starts = [0, *torch.randint(last + 1, (2,), generator=generator, device="cpu").tolist()]
    tokens = torch.tensor([stream[start : start + length] for start in starts])
    cuts = torch.randint(1, length, (CUTS,), generator=generator, device="cpu").tolist()
    leaks = causality_leaks(
        entry.model,
        tokens,
        vocab_size=entry.vocab_size,
        generator=generator,
        cuts=[1, length - 1, *cuts],
    )
    return name_leak(leaks) or _probabilities(entry, tokens)


@torch.no_grad()
def _probabilities(entry: Entry, tokens: Int[Tensor, "B T"]) -> str:
    """Look whether the scores are probabilities already: a softmax of them is almost flat."""
    model = entry.model
    with evaluating(model) if isinstance(model, nn.Module) else nullcontext():
        scores = model(tokens.to(device_of(model)) if isinstance(model, nn.Module) else tokens)
    total = scores.sum(-1)
    if bool((scores >= 0).all()) and torch.allclose(total, torch.ones_like(total), atol=1e-3):
        return "the scores are probabilities, and logits are wanted: the judge takes the softmax"
    return ""


def _same(scores: Sequence[TextScore]) -> tuple[int, int] | None:
    """Return two runs that have the same sum to the last digit."""
    first: dict[float, int] = {}
    for number, score in enumerate(scores):
        if first.setdefault(score.nats, number) != number:
            return first[score.nats], number
    return None


def _mistakes(entry: Entry, texts: Sequence[str]) -> dict[str, float]:
    """Return what the usual mistakes give instead of bits per byte, by what they do."""
    score = _score(entry, texts)
    per_token = score.tokens / score.bytes / math.log(2)  # from nats per token to bits per byte
    apart, twice = (
        _by_window(entry, texts, entry.window),
        _by_window(entry, texts, max(1, entry.window // 2)),
    )
    inner = torch.cat([window[:-1] for window in apart])
    return {
        "tokens were counted as characters": score.bits_per_token,
        "nats were taken for bits": score.nats / score.bytes,
        "characters were counted, and one may have several bytes": score.bits_per_character,
        "bits were divided by 8, though they are per byte already": score.bits_per_byte / 8,
        "the first token of each window was not predicted": float(inner.sum())
        / math.log(2)
        / score.bytes,
        "the windows' means were averaged, and not the tokens": mean(
            float(window.mean()) for window in apart
        )
        * per_token,
        "windows overlap, and their tokens count twice": float(torch.cat(twice).mean()) * per_token,
    }


def _by_window(entry: Entry, texts: Sequence[str], step: int) -> list[Float[Tensor, " _"]]:
    """Return what each window costs alone, all its tokens counted whether others have them."""
    found = []
    for one in texts:
        tokens = torch.tensor([[entry.bos_id, *entry.encode(one)]])
        starts = window_starts(tokens.shape[1] - 1, entry.window, step)
        for start in starts if step < entry.window else range(0, tokens.shape[1] - 1, step):
            window = tokens[:, start : start + entry.window + 1]
            found.append(surprises(entry.model, window)[0].double())
    return found
