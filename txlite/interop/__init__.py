"""Published checkpoints in and out: the files that Hugging Face writes, and our models."""

from txlite.interop._loading import load, read_config, save

__all__ = ["load", "read_config", "save"]
