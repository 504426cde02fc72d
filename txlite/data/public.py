"""Public parallel corpora, for those who want more than the book needs: Tatoeba and WMT.

Nothing in the book uses them. They are fetched by the `datasets` library (the extra ``hub``) when
one asks for them, and each says beforehand what it would fetch.

Sources
    Tatoeba: sentences by volunteers, CC BY 2.0 FR, https://tatoeba.org; the pairs as collected by
    OPUS (Tiedemann, 2012).
    WMT 2014 and 2019: the translation tasks of the Conference on Machine Translation,
    https://statmt.org; the 2014 French-English set is that of Vaswani et al. (2017), section 5.1.
"""

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from txlite._checks import check_choice, check_positive
from txlite.data.corpora import Pair

__all__ = ["PUBLIC", "PublicCorpus", "load_public"]

Loader = Callable[..., Iterator[Mapping[str, Any]]]


@dataclass(frozen=True)
class PublicCorpus:
    """Where a public corpus lies, and what it is.

    Parameters
    ----------
    repository : str
        Its name on the hub.
    configuration : str
        Which of the repository's languages.
    source, target : str
        Keys of the two languages.
    pairs : int
        About how many sentence pairs.
    megabytes : int
        About how much is fetched for all of them; pairs are streamed, so a few cost less.
    licence : str
        What may be done with it.
    """

    repository: str
    configuration: str
    source: str
    target: str
    pairs: int
    megabytes: int
    licence: str

    def __str__(self) -> str:
        """Say what would be fetched."""
        return (
            f"{self.repository} ({self.configuration}) from huggingface.co: about "
            f"{self.pairs:,} pairs, {self.megabytes:,} MB in all; {self.licence}"
        )


PUBLIC = {
    "tatoeba-fr-en": PublicCorpus(
        "Helsinki-NLP/tatoeba", "en-fr", "fr", "en", 264_000, 10, "CC BY 2.0 FR"
    ),
    "tatoeba-zh-en": PublicCorpus(
        "Helsinki-NLP/tatoeba", "en-zh", "zh", "en", 46_000, 2, "CC BY 2.0 FR"
    ),
    "wmt14-fr-en": PublicCorpus(
        "wmt/wmt14", "fr-en", "fr", "en", 40_800_000, 7_000, "for research; see statmt.org/wmt14"
    ),
    "wmt19-zh-en": PublicCorpus(
        "wmt/wmt19", "zh-en", "zh", "en", 25_900_000, 4_000, "for research; see statmt.org/wmt19"
    ),
}
"""The corpora by name. Sizes are approximate."""


def load_public(name: str, num_pairs: int, *, loader: Loader | None = None) -> list[Pair]:
    """Fetch the first pairs of a public corpus. Needs a network and the extra ``hub``.

    Parameters
    ----------
    name : str
        One of :data:`PUBLIC`.
    num_pairs : int
        How many pairs, from the beginning of the training set.
    loader : callable, optional
        What is called in place of ``datasets.load_dataset``.

    Returns
    -------
    list of Pair
        As they are written; fewer if the corpus ends before.

    Raises
    ------
    ValueError
        If there is no such corpus, or ``num_pairs`` is not positive.
    RuntimeError
        If ``datasets`` is not installed, or the corpus cannot be reached. The message says what
        would have been fetched, and what to do.
    """
    check_choice("name", name, PUBLIC)
    check_positive("num_pairs", num_pairs)
    corpus = PUBLIC[name]
    fetch = loader or _datasets(corpus)
    try:
        rows = fetch(corpus.repository, corpus.configuration, split="train", streaming=True)
        found = [row["translation"] for row in islice(rows, num_pairs)]
    except (OSError, RuntimeError, ValueError, KeyError) as error:  # offline; or moved, or changed
        raise RuntimeError(
            f"cannot fetch {corpus}. Is there a network? txlite.data.corpora has French and "
            f"Chinese pairs that need none. ({type(error).__name__}: {error})"
        ) from error
    return [Pair(both[corpus.source], both[corpus.target]) for both in found]


def _datasets(corpus: PublicCorpus) -> Loader:
    """Return ``datasets.load_dataset``, or say how to get it."""
    if importlib.util.find_spec("datasets") is None:
        raise RuntimeError(
            f"fetching {corpus} needs the datasets library: pip install 'txlite[hub]'"
        )
    from datasets import load_dataset

    loader: Loader = load_dataset
    return loader
