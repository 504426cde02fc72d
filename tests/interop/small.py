"""The smallest checkpoints that are whole, in every kind of file, made without another library."""

import json
import struct
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from txlite.interop import save
from txlite.models.gpt import GPT, GPTConfig
from txlite.models.llama import Llama, LlamaConfig
from txlite.models.whisper import Whisper, WhisperConfig

V, D = 11, 8
EPS = 2.0**-17  # which float32, the type in GGUF, holds exactly
GPT_SIZES: dict[str, Any] = {
    "vocab_size": V, "d_model": D, "num_heads": 2, "d_ff": 12, "num_layers": 2, "max_len": 7,
}  # fmt: skip
LLAMA_SIZES: dict[str, Any] = {
    "vocab_size": 13, "d_model": 64, "num_heads": 4, "num_kv_heads": 2, "d_ff": 96, "num_layers": 2,
    "max_len": 20,
}  # fmt: skip

WHISPER_SIZES: dict[str, Any] = {
    "vocab_size": 13, "d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 1, "num_mels": 5,
    "num_decoder_layers": 2, "max_source_len": 7, "max_len": 9,
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


def ctranslate2(
    path: Path,
    numbers: dict[str, tuple[str, int]],
    held: dict[str, Tensor],
    other: dict[str, str],
    name: str = "WhisperSpec",
) -> Path:
    """Write a file of CTranslate2: numbers by their kind in ``struct``, tensors, other names."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text(name), struct.pack("<I", 3)]
    parts.append(struct.pack("<I", len(numbers) + len(held)))
    for key, (code, number) in numbers.items():
        size = struct.calcsize(code)
        parts += [text(key), struct.pack("<BBI", 0, "fbhie".index(code), size)]
        parts.append(struct.pack(f"<{code}", number))
    for key, tensor in held.items():
        kind = {torch.float32: 0, torch.float16: 4, torch.int8: 1}[tensor.dtype]
        content = tensor.detach().contiguous().numpy().tobytes()
        shape = struct.pack(f"<{tensor.ndim}I", *tensor.shape)
        parts += [text(key), struct.pack("<B", tensor.ndim), shape]
        parts += [struct.pack("<BI", kind, len(content)), content]
    parts.append(struct.pack("<I", len(other)))
    parts += [text(a) + text(b) for a, b in other.items()]
    path.write_bytes(b"".join(parts))
    return path


def whisper_parts(model: Whisper) -> tuple[dict[str, tuple[str, int]], dict[str, Tensor]]:
    """Return a Whisper's single numbers and tensors as CTranslate2 names and fuses them."""
    heads = model.config.num_heads
    numbers = {"encoder/num_heads": ("h", heads), "decoder/num_heads": ("h", heads)}
    numbers |= {"decoder/activation": ("b", 3), "decoder/pre_norm": ("b", 1)}
    numbers |= {f"decoder/{name}": ("b", 0) for name in ("scale_embeddings", "alibi")}
    held: dict[str, Tensor] = {"decoder/embeddings/weight": model.embedding.weight}

    def put(name: str, part: Any, kinds: tuple[str, str] = ("weight", "bias")) -> None:
        held[f"{name}/{kinds[0]}"], held[f"{name}/{kinds[1]}"] = part.weight, part.bias

    def norm(name: str, part: Any) -> None:
        put(name, part, ("gamma", "beta"))

    def fused(name: str, parts: list[Any]) -> None:
        held[f"{name}/weight"] = torch.cat([part.weight for part in parts])
        zeros = torch.zeros_like(parts[-1].bias)
        biases = [zeros if part.bias is None else part.bias for part in parts]
        held[f"{name}/bias"] = torch.cat(biases)

    put("encoder/conv1", model.conv1)
    put("encoder/conv2", model.conv2)
    for stack in ("encoder", "decoder"):
        table = getattr(model, f"{stack}_positions").added.table.weight
        held[f"{stack}/position_encodings/encodings"] = table
        norm(f"{stack}/layer_norm", getattr(model, stack).norm)
        for i, layer in enumerate(getattr(model, stack).layers):
            here, own = f"{stack}/layer_{i}", layer.attention
            norm(f"{here}/self_attention/layer_norm", layer.attention_norm)
            fused(f"{here}/self_attention/linear_0", [own.query_proj, own.key_proj, own.value_proj])
            put(f"{here}/self_attention/linear_1", own.output_proj)
            if stack == "decoder":
                across = layer.cross_attention
                norm(f"{here}/attention/layer_norm", layer.cross_attention_norm)
                put(f"{here}/attention/linear_0", across.query_proj)
                fused(f"{here}/attention/linear_1", [across.key_proj, across.value_proj])
                put(f"{here}/attention/linear_2", across.output_proj)
            norm(f"{here}/ffn/layer_norm", layer.feed_forward_norm)
            put(f"{here}/ffn/linear_0", layer.feed_forward.up_proj)
            put(f"{here}/ffn/linear_1", layer.feed_forward.down_proj)
    return numbers, held


TIED = {"decoder/projection/weight": "decoder/embeddings/weight"}


def whisper_ctranslate2(path: Path) -> Whisper:
    """Write a small Whisper as a file of CTranslate2, and return it."""
    torch.manual_seed(6)
    model = Whisper(WhisperConfig(**WHISPER_SIZES)).eval()
    for p in model.parameters():
        p.data.normal_(std=0.5)
    ctranslate2(path, *whisper_parts(model), TIED)
    return model
