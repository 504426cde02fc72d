"""A disk that is full, a folder that nobody may write to, and two who write to one folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.cli.running import SIZES, TRAINING, run, unfinished
from tests.disk import room_for
from txlite._atomic import alone
from txlite.cli.translator import train
from txlite.training import latest_checkpoint

pytestmark = [
    pytest.mark.plain,
    pytest.mark.skipif(os.name == "nt", reason="Windows has neither such limits nor such modes"),
]
KIB = 1024


def refused(output: str) -> str:
    """Return the one line of an error."""
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert output.endswith(f"{line}\n")
    return line.removeprefix("error: ")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("size", [16, 30 * KIB])
def test_a_full_disk_is_one_line_and_the_last_checkpoint_is_whole(
    pairs: Path, tmp_path: Path, size: int
) -> None:
    words = ["train", pairs, *TRAINING]
    for steps in (4, 8):
        straight = run(*words, "--out", tmp_path / "straight", "--steps", steps)
        assert straight.exit_code == 0
    out = tmp_path / "full"
    with room_for(size):
        first = run(*words, "--out", out, "--steps", 8)
    assert first.exit_code == 1
    said = refused(first.output)
    assert said.startswith(f"{out} cannot be written to: ")
    assert "File too large" in said
    assert not unfinished(out)
    assert latest_checkpoint(out / "checkpoints") is None
    assert not (out / "config.json").exists()
    assert run(*words, "--out", out, "--steps", 4).exit_code == 0
    with room_for(size):
        second = run(*words, "--out", out, "--steps", 8)
    if size > KIB:  # the record of more steps is small
        said = refused(second.output)
        assert said.endswith("; step 4 is kept, and the same command goes on there")
    newest = latest_checkpoint(out / "checkpoints")
    assert newest is not None
    assert newest.name == "step-00000004"
    assert not unfinished(out)
    assert run("translate", out, "je vois un chat").exit_code == 0
    assert run(*words, "--out", out, "--steps", 8).exit_code == 0
    got, want = weights(out), weights(tmp_path / "straight")
    assert all(torch.equal(got[name], want[name]) for name in want)


@pytest.mark.parametrize("name", ["model.safetensors", "source.json", "config.json"])
def test_a_disk_that_fills_at_the_end_keeps_the_translator_that_was_there(
    pairs: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["train", pairs, *TRAINING, "--out", tmp_path]
    assert run(*words, "--steps", 4).exit_code == 0
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()}
    sync = os.fsync
    state = {"full": False}

    def full(handle: int) -> None:
        if state["full"] and Path(os.readlink(f"/proc/self/fd/{handle}")).name.startswith(
            f".writing-{name}-"
        ):
            raise OSError(28, "No space left on device")
        sync(handle)

    if not Path("/proc/self/fd").exists():
        pytest.skip("only Linux says what a handle has open")
    monkeypatch.setattr(os, "fsync", full)
    state["full"] = True
    result = run(*words, "--steps", 6)
    assert result.exit_code == 1
    assert "No space left on device; step 6 is kept" in refused(result.output)
    assert not unfinished(tmp_path)
    monkeypatch.setattr(os, "fsync", sync)
    assert run(*words, "--steps", 6).exit_code == 0
    after = {p.name for p in tmp_path.iterdir() if p.is_file()}
    assert after == set(before)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("words", [["--help"], ["info"]])
def test_an_output_that_is_full_is_one_line(words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "txlite", *words]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 1
    assert "No space left on device" in refused(done.stderr)


def test_a_reader_that_has_gone_is_no_error(trained: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "txlite", "translate", str(trained), "je vois un chat"]
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def powerless() -> Iterator[Path]:
    """A folder that this process may read and not write to; root gives its powers away."""
    folder = Path(tempfile.mkdtemp())
    mighty = os.geteuid() == 0
    folder.chmod(0o555)
    if mighty:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if mighty:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_to(powerless: Path) -> None:
    if os.access(powerless, os.W_OK, effective_ids=True):
        pytest.skip("this system lets everybody write everywhere")
    for out in (powerless, powerless / "deeper"):
        result = run(
            "train", "french-english", "--num-pairs", 50, "--out", out, *SIZES, "--steps", 1
        )
        assert result.exit_code == 1
        assert f"{out} cannot be written to: [Errno 13] Permission denied" in refused(result.output)
        assert list(powerless.iterdir()) == []


def test_a_translator_is_read_where_nobody_may_write(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for name in ("replace", "mkdir", "unlink", "fsync", "rename"):
        monkeypatch.setattr(os, name, forbidden)
    assert run("translate", trained, "je vois un chat").exit_code == 0
    assert run("generate", trained, "je vois un chat").exit_code == 0
    assert run("info", trained).exit_code == 0


def test_two_do_not_train_in_one_folder(pairs: Path, tmp_path: Path) -> None:
    words = ["train", pairs, *TRAINING, "--steps", 4, "--out", tmp_path]
    assert run(*words).exit_code == 0
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with alone(tmp_path):
        result = run(*words)
        assert result.exit_code == 1
        assert refused(result.output) == f"{tmp_path} is in use: another process writes to it"
        assert {p: p.read_bytes() for p in before} == before
        assert run("translate", tmp_path, "je vois un chat").exit_code == 0  # who reads waits not
    assert run(*words).exit_code == 0


def test_a_training_holds_its_folder_to_the_end(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def probed(name: str) -> None:
        kept = getattr(train, name)

        def probe(*args: object, **options: object) -> object:
            with pytest.raises(ValueError, match="is in use"), alone(tmp_path / "m"):
                pass
            seen.append(name)
            return kept(*args, **options)

        monkeypatch.setattr(train, name, probe)

    for name in ("begin", "train_bpe", "fit", "score", "save_translator"):
        probed(name)
    assert run("train", pairs, *TRAINING, "--steps", 2, "--out", tmp_path / "m").exit_code == 0
    assert seen == ["begin", "train_bpe", "train_bpe", "fit", "score", "save_translator"]
    assert not unfinished(tmp_path)


def test_what_a_killed_process_left_goes(pairs: Path, tmp_path: Path) -> None:
    (tmp_path / ".writing-model.safetensors-1").write_bytes(b"half")
    (tmp_path / ".held").touch()
    assert run("train", pairs, *TRAINING, "--steps", 2, "--out", tmp_path).exit_code == 0
    assert not unfinished(tmp_path)
