"""No checkpoint crashes, hangs, runs code or takes memory that its size does not justify."""

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.interop import hostile, small
from tests.soon import TRIES, takes_at_most
from txlite.interop import load, save
from txlite.models import (
    DETR,
    BERTConfig,
    BERTForMaskedLM,
    BERTForSequenceClassification,
    DecisionTransformer,
    DecisionTransformerConfig,
    DETRConfig,
    Forecaster,
    ForecasterConfig,
    ResNetConfig,
    Transformer,
    TransformerConfig,
    Whisper,
    WhisperConfig,
)
from txlite.models.gpt import GPT, GPTConfig
from txlite.models.llama import Llama, LlamaConfig
from txlite.models.switch import Switch, SwitchConfig
from txlite.models.t5 import T5, T5Config

pytestmark = pytest.mark.plain

CASES = 120  # of each kind of file: more than 500 in all
SECONDS = 1.0


def refusal(path: Path) -> str | None:
    """Load a checkpoint; return what the error says, or None."""
    try:
        load(path)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", hostile.ALL)
def test_what_means_harm_is_refused_by_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = hostile.written(name, tmp_path / "model")
    size = sum(path.stat().st_size for path in folder.iterdir()) / hostile.MB

    def refused() -> None:
        with pytest.raises(ValueError, match=r".") as caught:
            load(folder)
        said = str(caught.value)
        assert str(folder) in said
        assert hostile.ALL[name][1] in said
        assert len(said) < 2000

    assert takes_at_most(SECONDS + size / 2, refused)
    assert not (tmp_path / hostile.MARK).exists()


def test_the_mark_of_an_execution_would_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: pickle itself runs it."""
    import pickle

    monkeypatch.chdir(tmp_path)
    content = pickle.dumps(hostile.Runs("os.system", f"touch {hostile.MARK}"))
    pickle.loads(content)
    assert (tmp_path / hostile.MARK).exists()


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells a process's memory")
LARGE = [
    "safetensors: a long header", "safetensors: lists in lists", "safetensors: millions of lists",
    "safetensors: millions of keys", "safetensors: millions of one key",
    "safetensors: a number without end", "bin: bytes by the billion", "bin: a memo without end",
    "bin: a storage without end", "bin: a zip bomb", "bin: an older storage without end",
    "config: nine megabytes", "config: endless layers",
]  # fmt: skip


def slow(told: dict[str, Any]) -> bool:
    """Whether a folder took too long, in seconds of the processor."""
    return told["seconds"] >= 4 * SECONDS


@on_linux
def test_memory_stays_within_twice_the_file_and_200_mb(tmp_path: Path) -> None:
    """Measured in one process of its own; the last one is whole, and shows what is measured."""
    warm = [small.as_bin(small.gpt(tmp_path / "warm"))]
    folders = [hostile.written(name, tmp_path / str(i)) for i, name in enumerate(LARGE)]
    large = tmp_path / "large"
    save(GPT(GPTConfig(**{**small.GPT_SIZES, "vocab_size": 2**21})), large)  # 64 MB
    _, *found, whole = apart(*warm, *folders, large)
    for name, folder, told in zip(LARGE, folders, found, strict=True):
        size = sum(path.stat().st_size for path in folder.iterdir()) / hostile.MB
        assert told["said"].startswith("ValueError"), name
        assert told["mb"] <= 2 * size + 200, (name, told)
    late = [folder for folder, told in zip(folders, found, strict=True) if slow(told)]
    for _ in range(TRIES - 1):
        again = apart(*warm, *late)[1:] if late else []
        late = [folder for folder, told in zip(late, again, strict=True) if slow(told)]
    assert not late
    assert whole["said"] == "loaded"
    assert 60 < whole["mb"] < 2 * 64 + 40, whole  # once, and the file's own pages


def apart(*folders: Path) -> Any:
    """Load in a process of its own."""
    command = [sys.executable, "-m", "tests.interop.hostile", *map(str, folders)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=500, cwd=root, check=True
    )
    return json.loads(done.stdout)


# ------------------------------------------------------------------ fields of another kind


ODD: list[Any] = [None, True, -1, 0, 2**62, 1.5, "x", [], ["x"], {"a": 1}, {"rope_type": []}]
SIZES = {"vocab_size": 11, "d_model": 8, "num_heads": 2, "d_ff": 12, "num_layers": 2}
FAMILIES: dict[str, Any] = {
    "bert": lambda: BERTForSequenceClassification(BERTConfig(**SIZES, max_len=7)),
    "albert": lambda: BERTForMaskedLM(
        BERTConfig(**SIZES, max_len=7, embedding_dim=6, share_layers=True)
    ),
    "gpt2": lambda: GPT(GPTConfig(**SIZES, max_len=7)),
    "llama": lambda: Llama(LlamaConfig(**SIZES)),
    "marian": lambda: Transformer(TransformerConfig(**SIZES)),
    "switch": lambda: Switch(SwitchConfig(**SIZES, head_dim=4, num_experts=3)),
    "t5": lambda: T5(T5Config(**SIZES, head_dim=4)),
    "whisper": lambda: Whisper(WhisperConfig(**SIZES, num_mels=5, max_source_len=7)),
    "decision_transformer": lambda: DecisionTransformer(
        DecisionTransformerConfig(
            **{n: s for n, s in SIZES.items() if n != "vocab_size"},
            state_dim=3,
            action_dim=5,
            max_len=9,
            num_positions=7,
        )
    ),
    "detr": lambda: DETR(
        DETRConfig(
            **{n: s for n, s in SIZES.items() if n != "vocab_size"},
            num_classes=3,
            num_queries=4,
            backbone=ResNetConfig(stem_width=4, widths=(8,), depths=(1,)),
        )
    ),
    "patchtst": lambda: Forecaster(
        ForecasterConfig(
            **{n: s for n, s in SIZES.items() if n != "vocab_size"},
            context_length=9,
            horizon=3,
            patch_length=4,
            stride=2,
            repeat_last=False,
            gaps="zero",
            num_channels=2,
            channel_maps=True,
        )
    ),
}
OTHERS = {  # fields that are asked for and not written
    "llama": ["rope_scaling", "layer_types", "sliding_window", "partial_rotary_factor"],
    "bert": ["position_embedding_type", "pruned_heads", "tie_word_embeddings"],
    "t5": ["dense_act_fn", "is_gated_act", "is_decoder"],
    "whisper": ["scale_embedding", "apply_spec_augment", "encoder_layerdrop"],
    "decision_transformer": ["scale_attn_weights", "add_cross_attention", "tie_word_embeddings"],
    "patchtst": ["channel_attention", "share_projection", "minimum_scale", "keepdim"],
    "detr": ["dilation", "encoder_layerdrop", "scale_embedding"],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_a_field_may_hold_anything(name: str, tmp_path: Path) -> None:
    """Whatever stands in a field, the model is loaded or one named error is raised, soon."""
    folder = tmp_path / "model"
    save(FAMILIES[name](), folder)
    path = folder / "config.json"
    content = json.loads(path.read_text())
    load(folder)  # the first one imports the libraries
    refused = set()

    def loaded_or_refused(field: str, odd: Any) -> None:
        said = refusal(folder)
        assert said is None or str(folder) in said, (field, odd)
        if said is not None:
            refused.add((field, str(odd)))

    for field in [*content, *OTHERS.get(name, [])]:
        for odd in ODD:
            path.write_text(json.dumps({**content, field: odd}))
            soon = takes_at_most(SECONDS, functools.partial(loaded_or_refused, field, odd))
            assert soon, (field, odd)
    assert len(refused) > 100


# ------------------------------------------------------------------ files with faults by chance


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """A whole checkpoint of each kind: its folder, and the file that gets faults."""
    root = tmp_path_factory.mktemp("whole")
    small.gpt(root / "safetensors")
    small.as_bin(small.gpt(root / "zip"))
    small.as_bin(small.gpt(root / "older"), zipped=False)
    small.sharded(small.gpt(root / "shards"))
    small.gpt(root / "config")
    (root / "gguf").mkdir()
    small.llama_gguf(root / "gguf" / "model.gguf", "Q8_0")
    (root / "ctranslate2").mkdir()
    small.whisper_ctranslate2(root / "ctranslate2" / "model.bin")
    return {
        "safetensors": (root / "safetensors", "model.safetensors"),
        "zip": (root / "zip", "pytorch_model.bin"),
        "older": (root / "older", "pytorch_model.bin"),
        "shards": (root / "shards", "model.safetensors.index.json"),
        "config": (root / "config", "config.json"),
        "gguf": (root / "gguf", "model.gguf"),
        "ctranslate2": (root / "ctranslate2", "model.bin"),
    }


EXTREME = [0, 1, 0x7F, 0xFF, 0xFFFF, 2**31 - 1, 2**32 - 1, 2**62, 2**63, 2**64 - 1]

ALONE = {"gguf", "ctranslate2"}  # a file is a whole checkpoint


@st.composite
def faults(draw: st.DrawFn) -> list[tuple[str, float, int, int]]:
    """A few faults: the kind, where in the file, how long, and of what."""
    kinds = st.sampled_from(["flip", "cut", "insert", "remove", "repeat", "extreme"])
    # most of what can go wrong stands in the first part of a file, or at its end
    where = st.one_of(st.floats(0, 0.2), st.floats(0, 1), st.floats(0.97, 1))
    some = st.tuples(kinds, where, st.integers(1, 40), st.integers(0, 255))
    return draw(st.lists(some, min_size=1, max_size=4))


def damaged(content: bytes, list_of_faults: list[tuple[str, float, int, int]]) -> bytes:
    for kind, where, length, value in list_of_faults:
        at = min(int(where * len(content)), max(len(content) - 1, 0))
        before, after = content[:at], content[at:]
        if kind == "cut":
            content = before
        elif kind == "insert":
            content = before + bytes([value]) * length + after
        elif kind == "remove":
            content = before + after[length:]
        elif kind == "repeat":
            content = before + after[:length] + after
        elif kind == "extreme":
            number = EXTREME[value % len(EXTREME)].to_bytes(8, "little")
            content = before + number + after[8:]
        elif after:
            content = before + bytes([after[0] ^ (1 << value % 8)]) + after[1:]
    return content


@pytest.mark.parametrize(
    "kind", ["safetensors", "zip", "older", "shards", "config", "gguf", "ctranslate2"]
)
@settings(max_examples=CASES)
@given(list_of_faults=faults())
def test_faults_by_chance(
    kind: str, list_of_faults: list[tuple[str, float, int, int]], whole: dict[str, tuple[Path, str]]
) -> None:
    """Either only numbers have changed, and the model is loaded; or one named error is raised."""
    folder, name = whole[kind]
    path = folder / name
    content = path.read_bytes()
    file = path if kind in ALONE else folder

    def loaded_or_refused_twice() -> None:
        said = refusal(file)
        assert said is None or str(folder) in said
        assert said is None or refusal(file) == said

    try:
        path.write_bytes(damaged(content, list_of_faults))
        assert takes_at_most(2 * SECONDS, loaded_or_refused_twice)
    finally:
        path.write_bytes(content)
