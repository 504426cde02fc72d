"""Mistral, from the files of Hugging Face: a Llama by other words, with a window and no biases.

The sources are those of :mod:`txlite.interop._llama`, and Jiang et al. (2023), "Mistral 7B",
section 2. A window that is not told is theirs, as are other sizes; a null says that there is none.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from txlite._checks import as_whole
from txlite.interop._family import Checkpoint, require
from txlite.interop._llama import LLAMA, llama_config
from txlite.models.llama import Llama

__all__ = ["MISTRAL"]

_USUAL = {
    "intermediate_size": 14_336, "num_key_value_heads": 8, "max_position_embeddings": 131_072,
    "sliding_window": 4096,
}  # fmt: skip


def _read(checkpoint: Checkpoint) -> Callable[[], Llama]:
    f = checkpoint.fields
    f.content = {**_USUAL, **f.content}
    f.only("attention_bias", False)
    f.only("mlp_bias", False)
    told = f.get("sliding_window", None)
    window = None if told is None else as_whole(told)
    if told is not None and (window is None or window < 1):
        raise f.refuse("sliding_window", "a positive whole number, or null", told)
    return partial(Llama, llama_config(f, window=window))


def _write(model: Llama) -> dict[str, Any]:
    require(model.config, "Mistral", bias=False)
    fields = {**LLAMA.write(model), "architectures": ["MistralForCausalLM"]}
    del fields["attention_bias"], fields["mlp_bias"]
    return {**fields, "sliding_window": model.sliding_window}


MISTRAL = replace(
    LLAMA,
    model_type="mistral",
    read=_read,
    write=_write,
    owns=lambda model: model.config.sliding_window is not None,
)
"""Mistral's models."""
