"""The small grammar of the semantic roles: a lexicon, and dice that make sentences of it."""
