"""Told to stop, a command ends in order, and a training keeps the step that it is in."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.children import fresh
from tests.cli.running import SIZES, TRAINING, run, unfinished
from txlite.cli._signals import Ear, Stopped, orderly, patient
from txlite.cli.translator import train
from txlite.cli.translator.family import TRANSLATOR
from txlite.training import History, latest_checkpoint
from txlite.training.distributed import Team

pytestmark = [
    pytest.mark.plain,
    pytest.mark.skipif(os.name == "nt", reason="a console's signals cannot be sent to one process"),
]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
told = pytest.mark.parametrize("sent", SIGNALS)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Hear every signal, whatever the shell wants, and put everything back."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each in SIGNALS:
        signal.signal(each, signal.default_int_handler)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def by(sent: signal.Signals) -> str:
    return "from the keyboard" if sent == signal.SIGINT else f"by {sent.name}"


@told
def test_the_first_signal_is_an_exception_and_the_second_is_the_systems(
    sent: signal.Signals,
) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    seen = []

    def command() -> None:
        with orderly():
            try:
                signal.raise_signal(sent)
            finally:
                seen.extend(signal.getsignal(each) for each in SIGNALS)

    with pytest.raises(Stopped, match=f"^stopped {by(sent)}$") as stop:
        command()
    assert seen == [signal.SIG_DFL] * 3
    assert stop.value.code == 128 + sent
    assert isinstance(stop.value, KeyboardInterrupt)
    assert [signal.getsignal(each) for each in SIGNALS] == before


@told
def test_with_patience_it_waits_for_the_end(sent: signal.Signals) -> None:
    seen: list[object] = []

    def command() -> None:
        with orderly(), patient() as ear:
            seen.append(ear.heard)
            signal.raise_signal(sent)
            seen.extend([ear.heard, signal.getsignal(sent)])

    with pytest.raises(Stopped, match=f"^stopped {by(sent)}$"):
        command()
    assert seen == [None, sent, signal.SIG_DFL]


def test_without_a_signal_nothing_happens() -> None:
    with orderly(), patient() as ear:
        pass
    assert ear.heard is None
    with pytest.raises(ZeroDivisionError), orderly(), patient():
        _ = 1 / 0
    with pytest.raises(Stopped), orderly():
        signal.raise_signal(signal.SIGTERM)  # patience has ended with its block


@told
def test_an_error_on_the_way_is_the_one_that_is_told(sent: signal.Signals) -> None:

    def command() -> None:
        with orderly(), patient():
            signal.raise_signal(sent)
            raise ValueError("other")

    with pytest.raises(ValueError, match="other"):
        command()
    with orderly(), patient() as ear:
        assert ear.heard is None  # a command knows nothing of the one before


@told
def test_what_is_ignored_stays_ignored(sent: signal.Signals) -> None:
    signal.signal(sent, signal.SIG_IGN)
    with orderly(), patient() as ear:
        signal.raise_signal(sent)
        assert ear.heard is None
        assert signal.getsignal(sent) == signal.SIG_IGN
    assert signal.getsignal(sent) == signal.SIG_IGN


def test_another_thread_sets_no_handlers() -> None:
    seen = []

    def work() -> None:
        with orderly():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


@told
@pytest.mark.parametrize("at", ["read_lesson", "train_bpe", "score", "save_translator"])
def test_outside_the_steps_a_training_ends_at_once(
    pairs: Path, tmp_path: Path, sent: signal.Signals, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(sent)
        raise AssertionError("it went on")

    monkeypatch.setattr(train, at, interrupted)
    out = tmp_path / "m"
    result = run("train", pairs, *TRAINING, "--steps", 2, "--out", out)
    assert result.exit_code == 128 + sent
    assert result.stderr.endswith(f"error: stopped {by(sent)}\n")
    assert result.stderr.count("error: ") == 1
    assert not unfinished(tmp_path)
    assert not (out / "config.json").exists()


def stopping(at: int, sent: signal.Signals) -> Callable[..., object]:
    """Return a ``fit`` in whose step a signal comes."""
    kept = train.fit

    def fit(*args: object, **options: object) -> History:
        after = options.pop("on_step")

        def on_step(history: History) -> None:
            if len(history.losses) == at:
                signal.raise_signal(sent)
            after(history)  # type: ignore[operator]

        return kept(*args, **options, on_step=on_step)  # type: ignore[arg-type]

    return fit


@told
@pytest.mark.parametrize("at", [1, 19, 20, 21, 39, 40])
def test_the_step_is_finished_and_kept(
    pairs: Path,
    straight: Path,
    tmp_path: Path,
    sent: signal.Signals,
    at: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["train", pairs, *TRAINING, "--steps", 40, "--out", tmp_path]
    with monkeypatch.context() as patch:
        patch.setattr(train, "fit", stopping(at, sent))
        result = run(*words)
    assert result.exit_code == 128 + sent
    assert result.stderr == (
        f"error: stopped {by(sent)} after step {at}, which is kept: the same command goes on "
        "there\n"
    )
    assert latest_checkpoint(tmp_path / "checkpoints") == tmp_path / f"checkpoints/step-{at:08d}"
    assert not (tmp_path / "config.json").exists()
    assert not unfinished(tmp_path)
    again = run(*words)
    assert again.exit_code == 0
    if at < 40:
        assert f"Going on after step {at}." in again.output
    got, want = (load_file(folder / "model.safetensors") for folder in (tmp_path, straight))
    assert all(torch.equal(got[name], want[name]) for name in want)


@pytest.fixture(scope="module")
def straight(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a training that nobody has stopped."""
    out = tmp_path_factory.mktemp("straight")
    assert run("train", pairs, *TRAINING, "--steps", 40, "--out", out).exit_code == 0
    return out


@pytest.mark.parametrize(
    ("heard", "want"),
    [([None, None], None), ([None, 15], 15), ([2, 15], 2), ([15, None], 15)],
)
def test_what_one_of_several_processes_hears_stops_all_after_the_same_step(
    heard: list[int | None], want: int | None
) -> None:
    class Crew(Team):
        def gathered(self, thing: object) -> list[object]:
            assert thing == heard[self.rank]
            return list(heard)

    for rank, mine in enumerate(heard):
        ear = Ear()
        ear.heard = mine
        assert train._told_to_stop(ear, Crew(rank, 2)) == want
        assert train._told_to_stop(ear, Team()) == mine


@pytest.mark.parametrize("name", [name for name in TRANSLATOR.commands if name != "train"])
def test_every_command_ends_in_one_line(
    trained: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    for function in ("beam_search", "generate"):
        monkeypatch.setattr(f"txlite.cli.translator.translate.{function}", interrupted)
    result = run(name, trained, "je vois un chat")
    assert (result.exit_code, result.stderr) == (143, "error: stopped by SIGTERM\n")


WAITS = """import sys
from txlite.cli._signals import orderly, patient
with orderly(), patient():
    print("begun", flush=True)
    while True:
        pass
"""


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_it_at_once(second: signal.Signals) -> None:
    command = fresh([sys.executable, "-c", WAITS])
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert child.stdout is not None
    assert child.stdout.readline() == "begun\n"
    child.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    assert child.poll() is None
    child.send_signal(second)
    child.communicate(timeout=20)
    assert child.returncode == -second


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "ignored"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_stopped_from_outside_it_goes_on_where_it_was(
    pairs: Path, tmp_path: Path, sent: signal.Signals, ignored: bool
) -> None:
    """Also where the tests run in the background of a shell that has them ignore its keyboard."""
    if ignored:
        signal.signal(sent, signal.SIG_IGN)
    words = ["train", str(pairs), "--vocab-size", "60", "--steps", "400", *SIZES, "--out"]
    command = fresh([sys.executable, "-m", "txlite", *words])
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([*command, str(tmp_path / "stopped")], **pipes)  # type: ignore[call-overload]
    deadline = time.monotonic() + 120
    while not (tmp_path / "stopped" / "checkpoints" / "latest").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + sent
    step = re.fullmatch(rf"error: stopped {by(sent)} after step (\d+), which is kept.*\n", error)
    assert step is not None, error
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    for name in ("stopped", "straight"):
        done = subprocess.run([*command, str(tmp_path / name)], check=True, capture_output=True)
        assert (name == "straight") != (b"Going on after step %d." % int(step[1]) in done.stdout)
    stopped, straight = (
        load_file(tmp_path / n / "model.safetensors") for n in ("stopped", "straight")
    )
    assert all(torch.equal(stopped[name], straight[name]) for name in straight)
