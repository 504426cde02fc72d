"""The smallest checkpoints that are whole, in every kind of file, made without another library."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from txlite.interop import save
from txlite.models.gpt import GPT, GPTConfig
from txlite.models.llama import Llama, LlamaConfig

V, D = 11, 8
EPS = 2.0**-17  # which float32, the type in GGUF, holds exactly
GPT_SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": 2, "d_ff": 12, "num_layers": 2, "max_len": 7,
}  # fmt: skip
LLAMA_SIZES: dict[str, Any] = {
    "vocab_size": 13, "d_model": 64, "num_heads": 4, "num_kv_heads": 2, "d_ff": 96, "num_layers": 2,
    "max_len": 20,
}  # fmt: skip


def gpt(folder: Path) -> Path:
    """Write a small GPT-2 as one safetensors file."""
    torch.manual_seed(4)
    save(GPT(GPTConfig(**GPT_SIZES)), folder)
    return folder


def tensors(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(folder / "model.safetensors")
    return found


def as_bin(folder: Path, *, zipped: bool = True) -> Path:
    """Turn a folder's weights into a .bin file of either layout."""
    held = {name: tensor.clone() for name, tensor in tensors(folder).items()}
    (folder / "model.safetensors").unlink()
    torch.save(held, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    return folder


def sharded(folder: Path, count: int = 3) -> Path:
    """Cut a folder's weights into several files and write their index."""
    held = sorted(tensors(folder).items())
    (folder / "model.safetensors").unlink()
    places: dict[str, str] = {}
    for i in range(count):
        name = f"model-{i + 1:05}-of-{count:05}.safetensors"
        part = {key: x.clone() for key, x in held[i::count]}
        save_file(part, folder / name)
        places |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 1}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def llama_gguf(path: Path, kind: str = "F32", *, tied: bool = False, **fields: Any) -> Llama:
    """Write a small Llama as a GGUF file, and return the model that was written.

    Matrices are quantised; the model holds what is left of them.
    """
    import gguf

    from txlite.interop._llama import LLAMA_GGUF

    torch.manual_seed(5)
    model = Llama(LlamaConfig(**LLAMA_SIZES, tied_output=tied, norm_eps=EPS)).eval()
    for p in model.parameters():
        p.data.normal_(std=0.5)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_embedding_length(LLAMA_SIZES["d_model"])
    writer.add_block_count(LLAMA_SIZES["num_layers"])
    writer.add_head_count(LLAMA_SIZES["num_heads"])
    writer.add_head_count_kv(LLAMA_SIZES["num_kv_heads"])
    writer.add_feed_forward_length(LLAMA_SIZES["d_ff"])
    writer.add_context_length(LLAMA_SIZES["max_len"])
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_vocab_size(LLAMA_SIZES["vocab_size"])
    for name, value in fields.items():
        name = name.replace("__", ".")
        add = {str: writer.add_string, float: writer.add_float32, bool: writer.add_bool}
        add.get(type(value), writer.add_uint32)(name, value)
    ours = dict(model.named_parameters())
    chosen = gguf.GGMLQuantizationType[kind]
    for weight in LLAMA_GGUF.table(model):
        p = ours[weight.ours[0]]
        numbers = p.detach().numpy()
        if p.ndim > 1 and kind != "F32":
            raw = gguf.quants.quantize(numbers, chosen)
            writer.add_tensor(weight.theirs, raw, raw_dtype=chosen)
            p.data.copy_(torch.tensor(gguf.quants.dequantize(raw, chosen)))
        else:
            writer.add_tensor(weight.theirs, numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model
