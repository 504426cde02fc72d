"""Search that finds Chinese: a page's Chinese words are indexed by their parts as well.

Chinese is written without spaces, so that a whole sentence would be one word of the index and
「掩码」 inside it could not be found. Every run of Chinese characters is therefore indexed by all
its pieces of two to four characters too, which is the length of nearly every term.
"""

import re

from sphinx.search.en import SearchEnglish

CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
LENGTHS = (2, 3, 4)


def pieces(run: str) -> list[str]:
    """Return a run of Chinese characters and its pieces of two to four characters."""
    inner = (
        run[start : start + length]
        for length in LENGTHS
        if length < len(run)
        for start in range(len(run) - length + 1)
    )
    return [run, *inner]


class Bilingual(SearchEnglish):
    """English with its stemmer, and Chinese by pieces."""

    def split(self, input: str) -> list[str]:
        """Return the words to index."""
        words = super().split(input)
        return words + [part for run in CHINESE.findall(input) for part in pieces(run)]
