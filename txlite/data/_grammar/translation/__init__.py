"""The grammar that writes the parallel corpora: meaning first, then its words in each language."""
