"""Published checkpoints in and out: the files that Hugging Face writes, and our models."""

from txlite.interop.export import export_program
from txlite.interop.loading import load, read_config, save
from txlite.interop.onnx_dinov2 import load_onnx_dinov2
from txlite.interop.tokenizer import PublishedTokenizer
from txlite.interop.tokenizer_files import load_tokenizer

__all__ = [
    "PublishedTokenizer",
    "export_program",
    "load",
    "load_onnx_dinov2",
    "load_tokenizer",
    "read_config",
    "save",
]
