"""Published models on the command line: what a folder or file holds, and what it writes."""

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from tests.cli.running import run
from txlite import interop
from txlite.cli._console import WrongCall
from txlite.cli._family import Drawing
from txlite.cli.published import write
from txlite.cli.published.folder import is_published, load_writer
from txlite.data.weights import missing_weights, weights_file
from txlite.generation import generate
from txlite.models import (
    BERT,
    CLIP,
    DETR,
    GPT,
    T5,
    BERTConfig,
    CLIPConfig,
    CLIPTextConfig,
    DETRConfig,
    GPTConfig,
    ResNetConfig,
    T5Config,
    ViT,
    ViTConfig,
    Whisper,
    WhisperConfig,
)

pytestmark = pytest.mark.plain
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
END = len(LETTERS)
SIZES = {"d_model": 16, "num_heads": 2, "d_ff": 24, "num_layers": 2}


def spell(folder: Path) -> None:
    """Write a tokenizer of single bytes, and an end."""
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(LETTERS)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.save(str(folder / "tokenizer.json"))


def keep(model: torch.nn.Module, folder: Path, **extra: object) -> Path:
    torch.manual_seed(3)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.5)
    interop.save(model, folder, extra=extra)
    spell(folder)
    return folder


GROUPS = {f"… {name}" for name in ("embeddings", "attention", "feed-forward", "norms", "head")}


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = GPT(GPTConfig(vocab_size=END + 1, max_len=40, **SIZES))
    return keep(model, tmp_path_factory.mktemp("gpt"), eos_token_id=END)


@pytest.fixture(scope="module")
def t5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = T5(T5Config(vocab_size=END + 1, **SIZES))
    ids = {"eos_token_id": END, "decoder_start_token_id": END, "pad_token_id": 0}
    return keep(model, tmp_path_factory.mktemp("t5"), **ids)


def test_a_text_goes_on_as_the_model_writes_it(gpt: Path) -> None:
    writer = load_writer(gpt)
    ids = writer.tokenizer.encode("a cat")
    want = generate(writer.model, torch.tensor([ids]), max_new_tokens=9, eos_id=END)[0].tolist()
    ended = want.index(END) if END in want else len(want)
    text = writer.tokenizer.decode(want[:ended])
    assert run("generate", gpt, "a cat", "--max-tokens", 9).stdout == f"{text}\n"


def test_several_samples_and_texts_stand_apart(gpt: Path) -> None:
    words = ["generate", gpt, "--max-tokens", 5, "--temperature", 2, "--stop", "\n", "--seed", 4]
    one = run(*words, "--samples", 3, "ab")
    assert one.exit_code == 0, one.output
    assert one.stdout.count("ab") == 3
    assert run(*words, "--samples", 3, "ab").stdout == one.stdout
    other = run("generate", gpt, "--max-tokens", 5, "--temperature", 2, "--samples", 3, "ab")
    assert other.stdout != one.stdout  # another seed
    both = run("generate", gpt, "--max-tokens", 3, "--stop", "\n", "ab", "", "cd").stdout
    first, rest = both.split("\n\n", 1)
    assert first.startswith("ab")
    assert rest.rsplit("\n", 2)[-2].startswith("cd")


def test_every_line_of_the_input_gets_a_line(gpt: Path) -> None:
    lines = ["ab", "", "cd"]
    words = ["generate", gpt, "--max-tokens", 6]
    told = run(*words, stdin="\n".join(lines)).stdout.split("\n")
    assert len(told) == 4
    assert [told[i][:2] for i in range(3)] == ["ab", "", "cd"]


def test_an_encoder_reads_and_its_decoder_begins_with_the_prompt(t5: Path) -> None:
    writer = load_writer(t5)
    assert writer.begin == END
    source = torch.tensor([writer.tokenizer.encode("ab")])
    begun = torch.tensor([[END, *writer.tokenizer.encode("x")]])
    tokens = generate(writer.model, begun, source=source, max_new_tokens=4, eos_id=END)[0, 1:]
    ids = tokens.tolist()
    text = writer.tokenizer.decode(ids[: ids.index(END)] if END in ids else ids)
    told = run("generate", t5, "ab", "--prompt", "x", "--max-tokens", 4)
    assert told.stdout == f"{text}\n"


def test_what_the_authors_say_of_drawing_is_done_until_the_caller_says_more(gpt: Path) -> None:
    writer = load_writer(gpt)
    assert write._options(writer, Drawing())["temperature"] == 0.0
    said = {"do_sample": True, "temperature": 0.7, "top_k": 5, "top_p": None}
    theirs = writer._replace(settings=said)
    chosen = write._options(theirs, Drawing())
    assert (chosen["temperature"], chosen["top_k"], "top_p" in chosen) == (0.7, 5, False)
    mine = write._options(theirs, Drawing(top_p=0.5))
    assert (mine["temperature"], mine["top_p"], "top_k" in mine) == (1.0, 0.5, False)
    assert write._options(theirs, Drawing(temperature=0.0))["temperature"] == 0.0


def test_where_positions_end_the_text_does(gpt: Path) -> None:
    told = run("generate", gpt, "a" * 36, "--max-tokens", 9)
    assert told.exit_code == 0
    assert "warning: the model has positions for 4 more tokens" in told.output
    full = run("generate", gpt, "a" * 40)
    assert full.exit_code == 1
    assert "text should leave room for a token among 40, got 40 tokens" in full.output


def test_info_counts_what_a_folder_holds(gpt: Path, t5: Path) -> None:
    told = run("info", gpt).stdout
    count = sum(p.numel() for p in interop.load(gpt).parameters())
    for words in ("GPT", "257 tokens", "40 tokens", "2, pre-norm", f"{count:,}"):
        assert words in told
    assert "T5" in run("info", t5).stdout
    assert "124,439,808" in run("info", "gpt2").stdout


def cells(told: str) -> dict[str, str]:
    """Return the rows of the table, lines that were folded put together."""
    rows: dict[str, str] = {}
    last = ""
    for line in told.splitlines():
        name, value = [cell.strip() for cell in line.split("│")[1:3]] or ["", ""]
        last = name or last
        rows[last] = f"{rows.get(last, '')} {value}".strip()
    return rows


def test_info_says_what_a_size_costs() -> None:
    told = cells(run("info", "gpt2-xl").stdout)
    assert told["parameters"] == "1,557,611,200"
    assert told["… embeddings"] == "82,049,600, 5.3%"
    assert told["… attention"] == f"{48 * 4 * (1600**2 + 1600):,}, 31.6%"
    assert told["… feed-forward"] == f"{48 * (8 * 1600**2 + 5 * 1600):,}, 63.1%"
    assert told["memory to use it"] == "6.23 GB in float32, 3.12 GB in 16 bits"
    assert told["memory of a token in the cache"] == f"{2 * 48 * 1600 * 2 / 1000:.3g} kB in 16 bits"
    assert told["memory to train it"] == "24.9 GB with Adam, in float32 or mixed precision"
    forward = 2 * (48 * 12 * 1600**2 + 50_257 * 1600) + 4 * 48 * 1024 * 1600
    costs = f"{forward / 1e9:.3g} GFLOP forward, {3 * forward / 1e9:.3g} GFLOP in training"
    assert told["arithmetic for a token"] == f"{costs}, in texts of 1,024"


def test_info_counts_what_is_never_built() -> None:
    told = cells(run("info", "switch-c").stdout)
    assert told["parameters"] == "1,571,308,972,448"
    assert told["experts"] == "2048, of which a token passes 1"
    assert told["… that a token passes"] == "1,728,326,048"
    assert told["memory to use it"] == "6.29 TB in float32, 3.14 TB in 16 bits"
    assert "parameters in encoder" not in told


@pytest.mark.parametrize("preset", ["megatron-8b", "mistral-7b", "vit-b16", "whisper-tiny"])
def test_info_says_what_it_can_of_every_family(preset: str) -> None:
    told = cells(run("info", preset).stdout)
    groups = [int(v.split(", ")[0].replace(",", "")) for k, v in told.items() if k in GROUPS]
    assert sum(groups) == int(told["parameters"].replace(",", ""))
    assert ("memory of a token in the cache" in told) == (preset != "vit-b16")
    assert ("arithmetic for a picture" in told) == (preset == "vit-b16")


def test_what_sees_is_told_and_does_not_write(tmp_path: Path) -> None:
    """Its pictures, and both towers where there are two."""
    wide = ViTConfig(image_size=(8, 12), patch_size=4, **SIZES)  # type: ignore[arg-type]
    sees = {"image_size": 8, "patch_size": 4, "embedding_norm": True, "patch_bias": False}
    tower = ViTConfig(**{**SIZES, **sees, "d_model": 20})  # type: ignore[arg-type]
    reads = CLIPTextConfig(vocab_size=END + 1, max_len=9, end_id=END, **SIZES)  # type: ignore[arg-type]
    vit = keep(ViT(wide), tmp_path / "vit")
    clip = keep(CLIP(CLIPConfig(vision=tower, text=reads)), tmp_path / "clip")
    told = run("info", vit).stdout
    for words in ("ViT", "8 × 12 pixels, in patches of 4", "2, pre-norm"):
        assert words in told
    assert "vocabulary" not in told
    told = run("info", clip).stdout
    for words in ("8 × 8 pixels, in patches of 4", "9 tokens", "vision: width", "text: width"):
        assert words in told
    for folder, name in ((vit, "ViT"), (clip, "CLIP")):
        refused = run("generate", folder, "ab")
        assert (refused.exit_code, f"holds a {name}, which reads" in refused.output) == (1, True)


def test_what_finds_objects_or_reads_sound_is_told_and_refused(tmp_path: Path) -> None:
    small = ResNetConfig(stem_width=4, widths=(8,), depths=(1,))
    detr = DETR(DETRConfig(num_classes=3, num_queries=5, backbone=small, **SIZES))  # type: ignore[arg-type]
    whisper = Whisper(WhisperConfig(vocab_size=END + 1, num_mels=8, **SIZES))  # type: ignore[arg-type]
    refusals = {"DETR": "reads and does not write", "Whisper": "writes from a sound"}
    for model, does in zip((detr, whisper), refusals.values(), strict=True):
        name = type(model).__name__
        folder = keep(model, tmp_path / name)
        assert name in run("info", folder).stdout
        refused = run("generate", folder, "ab")
        assert (refused.exit_code, f"holds a {name}, which {does}" in refused.output) == (1, True)


def test_what_does_not_write_says_so(tmp_path: Path, gpt: Path, trained: Path) -> None:
    bert = keep(BERT(BERTConfig(vocab_size=END + 1, max_len=9, **SIZES)), tmp_path / "bert")
    told = run("generate", bert, "ab")
    assert told.exit_code == 1
    assert "holds a BERT, which reads and does not write" in told.output
    prompted = run("generate", gpt, "ab", "--prompt", "x")
    assert prompted.exit_code == 2
    stopped = run("generate", trained, "je", "--stop", "x")
    assert (stopped.exit_code, "stop should be empty for a translator" in stopped.output) == (2, 1)
    assert issubclass(WrongCall, ValueError)


@pytest.mark.parametrize("content", ["[]", "{", "{}", '{"format": "x", "model_type": "gpt2"}'])
def test_another_folder_is_not_taken_for_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert not is_published(tmp_path)
    assert run("generate", tmp_path, "x").exit_code == 1


@pytest.mark.parametrize(
    ("name", "value"), [("eos_token_id", 10**9), ("pad_token_id", -1), ("eos_token_id", ["a"])]
)
def test_a_token_that_is_none_is_named(gpt: Path, tmp_path: Path, name: str, value: object) -> None:
    for file in gpt.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "generation_config.json").write_text(json.dumps({name: value}))
    told = run("generate", tmp_path, "ab")
    assert told.exit_code == 1
    assert f"{name} of" in told.output


def test_a_published_file_writes() -> None:
    if missing := missing_weights("smollm2"):
        pytest.skip(missing)
    words = ["--max-tokens", 1, "The capital of France is"]
    told = run("generate", weights_file("smollm2"), *words)
    assert told.stdout == "The capital of France is Paris\n"
