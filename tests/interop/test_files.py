"""Files and folders: one file or shards, either format, and no way out of the folder."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.interop import small
from txlite.interop import load, read_config, save
from txlite.models.gpt import GPT, GPTConfig

pytestmark = pytest.mark.plain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small.gpt(tmp_path / "model")


def same(folder: Path, want: dict[str, torch.Tensor]) -> bool:
    got = load(folder).state_dict()
    return got.keys() == want.keys() and all(torch.equal(got[n], want[n]) for n in want)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])
def test_a_bin_file_of_either_layout(folder: Path, zipped: bool) -> None:
    want = load(folder).state_dict()
    assert same(small.as_bin(folder, zipped=zipped), want)


def test_a_bin_file_may_hold_parameters_views_and_ties(folder: Path) -> None:
    want = load(folder).state_dict()
    held: dict[str, Any] = {n: torch.nn.Parameter(x) for n, x in small.tensors(folder).items()}
    table = held["transformer.wte.weight"]
    wide = torch.zeros(3, small.V, small.D)
    wide[1] = table
    held["transformer.wte.weight"] = wide[1].T.contiguous().T  # strides of its own
    held["lm_head.weight"] = held["transformer.wte.weight"]
    (folder / "model.safetensors").unlink()
    torch.save(held, folder / "pytorch_model.bin")
    assert same(folder, want)


def test_shards(folder: Path) -> None:
    want = load(folder).state_dict()
    assert same(small.sharded(folder), want)


def test_shards_of_bin_files(folder: Path) -> None:
    want = load(folder).state_dict()
    held = small.tensors(folder)
    (folder / "model.safetensors").unlink()
    names = sorted(held)
    places = {}
    for i in range(2):
        file = f"pytorch_model-{i}.bin"
        torch.save({n: held[n] for n in names[i::2]}, folder / file)
        places |= dict.fromkeys(names[i::2], file)
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert same(folder, want)


def test_what_transformers_writes_in_shards(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=11, n_embd=8, n_layer=2, n_head=2, n_positions=7)
    theirs = GPT2LMHeadModel(config)
    theirs.save_pretrained(tmp_path / "one")
    theirs.save_pretrained(tmp_path / "many", max_shard_size="4KB")
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 2
    assert same(tmp_path / "many", load(tmp_path / "one").state_dict())


def test_safetensors_win_over_bin(folder: Path) -> None:
    want = load(folder).state_dict()
    (folder / "pytorch_model.bin").write_bytes(b"not read")
    assert same(folder, want)


def test_a_folder_without_weights_says_what_is_there(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "tf_model.h5")
    with pytest.raises(ValueError, match=r"should hold model\.safetensors or .*got .*tf_model\.h5"):
        load(folder)


def test_a_folder_without_a_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"'config\.json' should be a file of the folder"):
        load(folder)


# ------------------------------------------------------------------ no way out (field case N1)


OUT = ["../other/model.safetensors", "/etc/model.safetensors", "a/b.safetensors", "..",
       "..\\other.safetensors", "C:other.safetensors", "\0.safetensors", ""]  # fmt: skip


@pytest.mark.parametrize("place", OUT)
def test_an_index_that_leads_out_of_the_folder(
    folder: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by name before any file of weights is opened."""
    other = small.gpt(folder.parent / "other")
    small.sharded(folder)
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    name = sorted(content["weight_map"])[3]
    content["weight_map"][name] = place
    index.write_text(json.dumps(content))
    monkeypatch.setattr("txlite.interop._files._READERS", {})  # opening one would be a KeyError
    with pytest.raises(ValueError, match=r"should (be the name of a file|lie in a \.safetensors)"):
        load(folder)
    assert other.exists()


def test_an_index_that_leads_a_bin_file_out(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    places = {"transformer.wte.weight": "../pytorch_model.bin"}
    index = folder / "pytorch_model.bin.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    with pytest.raises(ValueError, match="should be the name of a file in the folder"):
        load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_link_out_of_the_folder(folder: Path, name: str) -> None:
    elsewhere = folder.parent / "elsewhere"
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(ValueError, match="should lie in its folder, and is a link to"):
        load(folder)
    (folder / name).unlink()
    elsewhere.rename(folder / "inside")
    (folder / name).symlink_to("inside")  # a link that stays
    load(folder)


def test_a_link_to_a_device_or_to_nothing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="should be a file of the folder"):
        load(folder)
    (folder / "model.safetensors").unlink()
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(ValueError, match="should be a file of the folder"):
        load(folder)


def test_the_links_of_hugging_faces_cache_are_followed(folder: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "repo" / "blobs", tmp_path / "repo" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (folder / name).rename(blobs / name)
        (snapshot / name).symlink_to(f"../../blobs/{name}")
    load(snapshot)
    (blobs / "config.json").rename(tmp_path / "out")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(tmp_path / "out")
    with pytest.raises(ValueError, match="is a link to"):
        load(snapshot)


# ------------------------------------------------------------------ index and shards


def indexed(folder: Path, change: Any) -> Path:
    index = folder / "model.safetensors.index.json"
    content = json.loads(index.read_text())
    change(content)
    index.write_text(json.dumps(content))
    return folder


def test_a_tensor_that_its_shard_lacks(folder: Path) -> None:
    small.sharded(folder)
    indexed(folder, lambda c: c["weight_map"].update({"x": "model-00001-of-00003.safetensors"}))
    with pytest.raises(ValueError, match="should hold what the index says: it lacks 'x', and hold"):
        load(folder)


def test_a_tensor_that_the_index_does_not_name(folder: Path) -> None:
    small.sharded(folder)
    indexed(folder, lambda c: c["weight_map"].pop("transformer.wte.weight"))
    wanted = r"lacks nothing, and holds 'transformer\.wte\.weight' besides"
    with pytest.raises(ValueError, match=wanted):
        load(folder)


def test_a_shard_that_is_not_there(folder: Path) -> None:
    small.sharded(folder)
    (folder / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(ValueError, match=r"'model-00002-of-00003.safetensors' should be a file of"):
        load(folder)


@pytest.mark.parametrize("places", [None, [], {}, 3, {"a": 3}, {"a": "b.bin"}])
def test_an_index_that_says_nothing(folder: Path, places: Any) -> None:
    small.sharded(folder)
    indexed(folder, lambda c: c.update(weight_map=places))
    with pytest.raises(ValueError, match=r"index\.json: (weight_map|'a') should"):
        load(folder)


# ------------------------------------------------------------------ the doors' own arguments


def test_dtype_and_device(folder: Path) -> None:
    assert {p.dtype for p in load(folder).parameters()} == {torch.float32}
    model = load(folder, dtype=torch.bfloat16, device="meta")
    assert {(p.dtype, p.device.type) for p in model.parameters()} == {(torch.bfloat16, "meta")}
    held = {n: x.half() if "ln_" in n else x.bfloat16() for n, x in small.tensors(folder).items()}
    save_file(held, folder / "model.safetensors")
    assert {p.dtype for p in load(folder).parameters()} == {torch.float32}  # holds both
    halves = {name: x.half() for name, x in held.items()}
    save_file(halves, folder / "model.safetensors")
    assert {p.dtype for p in load(folder).parameters()} == {torch.float16}
    save_file({name: x.int() for name, x in held.items()}, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"should hold floating-point numbers, got torch\.int32"):
        load(folder)


@pytest.mark.parametrize("dtype", [torch.int64, "float32", torch.bool])
def test_a_dtype_that_holds_no_fractions(folder: Path, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"dtype should be a floating-point torch\.dtype"):
        load(folder, dtype=dtype)


def test_a_loaded_model_keeps_nothing_of_the_file(folder: Path) -> None:
    """The file may change or go: the weights are the model's own."""
    for kind in ("safetensors", "bin"):
        model = load(folder)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        path = next(folder.glob("*model*"))
        path.write_bytes(b"\0" * path.stat().st_size)
        assert all(torch.equal(before[name], p) for name, p in model.named_parameters()), kind
        path.unlink()
        (folder / "config.json").unlink()
        small.as_bin(small.gpt(folder))


def test_it_can_be_trained_moved_and_copied(folder: Path) -> None:
    model = load(folder)
    assert all(p.requires_grad and p.is_leaf for p in model.parameters())
    model.to(torch.float64)
    model(torch.tensor([[1, 2, 3]])).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("where", ["no/such/folder", "nowhere", "/no/such", "../up", "a//b", ""])
def test_what_is_neither_a_folder_nor_a_repository(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")  # no "../up" stands beside it
    for told in (where, tmp_path / "file"):
        if told == "":
            continue
        with pytest.raises(
            ValueError, match=r"folder_or_repo should be a folder, a \.gguf or \.bin file or"
        ):
            load(told)


def test_a_revision_is_for_repositories(folder: Path) -> None:
    with pytest.raises(ValueError, match="revision should be None for what is here, got 'main'"):
        load(folder, revision="main")


def test_tensors_may_be_left_out_by_name(folder: Path) -> None:
    held = small.tensors(folder)
    held |= {"cls.chain.weight": torch.zeros(3), "cls.graft.bias": torch.zeros(2)}
    save_file(held, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"unexpected:\n    'cls\.chain\.weight'"):
        load(folder)
    load(folder, leave_out=["cls.chain.*", "cls.graft.bias"])
    with pytest.raises(ValueError, match=r"unexpected:\n    'cls\.graft\.bias'"):
        load(folder, leave_out=["cls.chain.*"])
    for pattern in ("cls.nothing", "transformer.wte.*"):
        with pytest.raises(ValueError, match="leave_out should name tensors that are left over"):
            load(folder, leave_out=["cls.*", pattern])


def test_saving_is_whole_or_not_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(folder)
    with pytest.raises(ValueError, match="folder should hold no checkpoint yet, got one with conf"):
        save(model, folder)

    def fails(*_: Any) -> None:
        raise OSError("no room")

    monkeypatch.setattr("safetensors.torch.save_file", fails)
    with pytest.raises(OSError, match="no room"):
        save(model, folder.parent / "new")
    assert not any((folder.parent / "new").iterdir())


def test_saving_beside_a_tokenizer(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "tokenizer.json").write_text("{}")
    save(load(folder), there)
    assert sorted(p.name for p in there.iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip


def test_what_else_a_configuration_should_say(folder: Path, tmp_path: Path) -> None:
    model = load(folder)
    save(model, tmp_path / "a", extra={"eos_token_id": 3, "note": "mine"})
    config = read_config(tmp_path / "a")
    assert (config["eos_token_id"], config["note"], config["dtype"]) == (3, "mine", "float32")
    with pytest.raises(ValueError, match="extra should not contradict the model's n_embd=8, got 9"):
        save(model, tmp_path / "b", extra={"n_embd": 9})


def test_only_models_with_a_twin_are_saved(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"model should be one of BERT, .*Transformer, Forecaster, Reformer, Switch, .*got L",
    ):
        save(torch.nn.Linear(2, 3), tmp_path / "x")
    with pytest.raises(ValueError, match="model should be one of"):
        save("model", tmp_path / "x")  # type: ignore[arg-type]
    with torch.device("meta"):
        empty = GPT(GPTConfig(**small.GPT_SIZES))
    with pytest.raises(ValueError, match="model should hold numbers, got one on the meta device"):
        save(empty, tmp_path / "x")


def test_the_saved_file_is_theirs_too(folder: Path) -> None:
    """Metadata that `transformers` wants, and tensors without holes."""
    from safetensors import safe_open

    with safe_open(folder / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    assert len(load_file(folder / "model.safetensors")) == 28
