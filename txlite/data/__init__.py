"""Data: text, pairs and grammars that need no download, as tensors and strings."""
