"""Checkpoints: nothing is lost, nothing is pickled, and what is damaged is said to be."""

import json
import os
import pickle
import random
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

from tests.disk import room_for
from txlite.training import adamw, average_checkpoints, latest_checkpoint
from txlite.training.checkpoint import Progress, load_checkpoint, save_checkpoint, steps_done

WRITTEN = Path(__file__).parent / "written"  # by the versions of the format, once


class Tied(nn.Module):
    """A model with everything that is easily lost: a tied matrix, a buffer, an unused layer."""

    def __init__(self, width=4):
        super().__init__()
        self.token, self.out = nn.Embedding(7, width), nn.Linear(width, 7, bias=False)
        self.out.weight = self.token.weight
        self.norm, self.unused = nn.BatchNorm1d(width), nn.Linear(2, 3)

    def forward(self, x):
        return self.out(self.norm(self.token(x)))


def trained(steps=3, width=4, optimizer=None):
    torch.manual_seed(steps)
    model = Tied(width)
    optimizer = optimizer(model.parameters()) if optimizer else adamw(model, 0.1, weight_decay=0.2)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randint(7, (5,))).square().sum().backward()
        optimizer.step()
    return model, optimizer


def plain(thing):
    """Return tensors as their bits, in lists and dicts that compare."""
    if isinstance(thing, torch.Tensor):
        return str(thing.dtype), tuple(thing.shape), thing.detach().numpy().tobytes()
    if isinstance(thing, dict):
        return {key: plain(value) for key, value in thing.items()}
    return [plain(x) for x in thing] if isinstance(thing, list) else thing


def state(model, optimizer):
    return plain([dict(model.state_dict()), optimizer.state_dict()])


def both(made):
    return {"model": made[0], "optimizer": made[1]}


KINDS = {
    "AdamW": None,
    "SGD": lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 0.1, centered=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, 0.1),
    "NAdam": lambda p: torch.optim.NAdam(p, 0.1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_comes_back_bit_for_bit(tmp_path, kind):
    saved, fresh = trained(3, optimizer=KINDS[kind]), trained(1, optimizer=KINDS[kind])
    assert state(*saved) != state(*fresh)
    progress = Progress(step=3, batches={"epoch": 2}, history={"losses": [1 / 3, 1e-300]})
    path = save_checkpoint(tmp_path, progress, **both(saved))
    assert load_checkpoint(path, **both(fresh)) == progress
    assert state(*fresh) == state(*saved)
    assert fresh[0].out.weight is fresh[0].token.weight


@pytest.mark.plain
def test_what_was_written_once_is_still_read():
    fresh, path = trained(1), latest_checkpoint(WRITTEN / "version-1")
    progress = load_checkpoint(path, **both(fresh))
    assert path.name == "step-00000003.02"
    history = {"losses": [1 / 3, 1e-300, 2.0]}
    assert progress == Progress(step=3, batches={"epoch": 2, "position": 1}, history=history)
    assert plain(torch.rand(3)) == plain(torch.tensor([0.55963862, 0.55909240, 0.09145683]))
    assert random.random() == 0.23604808973743452
    weights, means = (load_file(path / f"{n}.safetensors") for n in ("model", "optimizer"))
    weights["out.weight"] = weights["token.weight"]
    assert plain(dict(fresh[0].state_dict())) == plain(weights)
    kept = {
        f"{name}:{kind}": x
        for name, p in fresh[0].named_parameters()
        for kind, x in fresh[1].state.get(p, {}).items()
    }
    assert plain(kept) == plain(means)
    assert "unused.weight:step" not in kept


@pytest.mark.parametrize("name", ["", "fused "])
def test_saving_changes_nothing_also_before_the_first_step(tmp_path, name):
    torch.manual_seed(3)
    model = Tied()
    optimizer = adamw(model, 0.1, fused=bool(name))
    before = state(model, optimizer)
    path = save_checkpoint(tmp_path, Progress(step=0), model=model, optimizer=optimizer)
    assert state(model, optimizer) == before
    assert optimizer.state_dict()["state"] == {}
    fresh = trained(2)
    load_checkpoint(path, **both(fresh))
    assert fresh[1].state_dict()["state"] == {}


def test_a_compiled_model_and_a_plain_one_share_checkpoints(tmp_path):
    model, optimizer = trained(3)
    compiled = torch.compile(model, backend="eager")  # wrapped, and not run
    paths = [
        save_checkpoint(tmp_path / name, Progress(step=3), model=some, optimizer=optimizer)
        for name, some in (("plain", model), ("compiled", compiled))
    ]
    for path in paths:
        for wrap in (partial(torch.compile, backend="eager"), lambda m: m):
            fresh, other = trained(1)
            load_checkpoint(path, model=wrap(fresh), optimizer=other)
            assert state(fresh, other) == state(model, optimizer)


@pytest.mark.plain  # beartype draws from Python's random itself
def test_chance_comes_back_in_python_numpy_and_torch(tmp_path, device):
    model, optimizer = trained()
    model.to(device)

    def draw():
        return (
            random.gauss(0, 1),
            np.random.standard_normal(3).tolist(),  # noqa: NPY002 - the global state
            torch.rand(3).tolist(),
            torch.rand(3, device=device).tolist(),
        )

    draw()  # so that a Gaussian number is left over in Python and in NumPy
    path = save_checkpoint(tmp_path, Progress(step=1), model=model, optimizer=optimizer)
    wanted = draw(), draw()
    assert draw() != wanted[0]
    load_checkpoint(path, model=model, optimizer=optimizer)
    assert (draw(), draw()) == wanted


@pytest.mark.kills(
    "training: a tied matrix written twice",
    "training/_state.py",
    "first.setdefault(id(x), name) != name",
    "not name",
)
def test_holds_safetensors_and_json_and_no_pickle(tmp_path):
    path = save_checkpoint(tmp_path, Progress(step=12), **both(trained()))
    assert path == tmp_path / "step-00000012" == latest_checkpoint(tmp_path)
    names = {"model.safetensors", "optimizer.safetensors", "random.safetensors", "training.json"}
    assert {p.name for p in path.iterdir()} == names
    assert {p.name for p in tmp_path.iterdir()} == {"latest", "step-00000012"}
    for file in path.iterdir():
        assert not zipfile.is_zipfile(file)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever pickle says
            pickle.loads(file.read_bytes())
    with safe_open(path / "model.safetensors", "pt") as tensors:
        assert "token.weight" in tensors.keys()  # noqa: SIM118 - not a dict
        assert "out.weight" not in tensors.keys()  # noqa: SIM118 - written once
    assert json.loads((path / "training.json").read_text())["step"] == 12


def test_the_one_before_stays_until_then_and_older_ones_go(tmp_path):
    made = trained()
    for step in (1, 2, 3, 10):
        save_checkpoint(tmp_path, Progress(step=step), **both(made))
    kept = {"latest", "step-00000003", "step-00000010"}
    assert {p.name for p in tmp_path.iterdir()} == kept
    (tmp_path / ".writing-step-00000011-1").mkdir()  # what a killed process left
    again = save_checkpoint(tmp_path, Progress(step=10), keep=1, **both(made))
    assert again == latest_checkpoint(tmp_path) == tmp_path / "step-00000010.02"
    assert {p.name for p in tmp_path.iterdir()} == {"latest", "step-00000010.02"}


@pytest.mark.kills(
    "training: pointed at before it is whole",
    "training/checkpoint.py",
    "    with whole(folder / name) as unfinished:\n",
    "    _disk.point_at(folder, name)\n    with whole(folder / name) as unfinished:\n",
)
@pytest.mark.parametrize("failing", ["write_tensors", "write_json"])
def test_an_error_while_saving_leaves_the_one_before(tmp_path, monkeypatch, failing):
    made = trained()
    path = save_checkpoint(tmp_path, Progress(step=1), **both(made))

    def full_disk(*args):
        raise OSError("no space left")

    monkeypatch.setattr(f"txlite.training._disk.{failing}", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(tmp_path, Progress(step=2), **both(made))
    assert {p.name for p in tmp_path.iterdir()} == {"latest", "step-00000001"}
    assert latest_checkpoint(tmp_path) == path
    assert load_checkpoint(path, **both(made)).step == 1


def test_folders_of_others_are_left_alone(tmp_path):
    made, others = trained(), {"step-by-step", "step-2", "step-00000001.1"}
    for name in others:
        (tmp_path / name).mkdir()
    for step in (1, 2):
        save_checkpoint(tmp_path, Progress(step=step), keep=1, **both(made))
    assert {p.name for p in tmp_path.iterdir()} == {"latest", "step-00000002", *others}
    assert average_checkpoints(tmp_path, model=Tied()) == 1
    (tmp_path / "latest").write_text("step-by-step\n")
    with pytest.raises(ValueError, match=r"latest should name a checkpoint .* got 'step-by-step'"):
        latest_checkpoint(tmp_path)


def test_the_steps_that_are_done(tmp_path):
    assert steps_done(tmp_path) == 0
    for _ in range(2):
        save_checkpoint(tmp_path, Progress(step=400), **both(trained()))
    assert latest_checkpoint(tmp_path).name == "step-00000400.02"
    assert steps_done(tmp_path) == 400


def test_nothing_yet_is_none(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / "nowhere") is None


def test_the_mean_of_the_last_checkpoints(tmp_path):
    models = [trained(steps) for steps in (1, 2, 3, 4)]
    for step, made in enumerate(models, start=1):
        save_checkpoint(tmp_path, Progress(step=step), keep=3, **both(made))
    mean = Tied()
    assert average_checkpoints(tmp_path, model=mean) == 3
    for name, x in mean.state_dict().items():
        wanted = torch.stack([made[0].state_dict()[name].double() for made in models[1:]])
        if x.is_floating_point():
            torch.testing.assert_close(x, wanted.mean(0).float(), rtol=1e-6, atol=1e-7)
        else:  # a counter
            assert x == wanted[-1]
    assert mean.out.weight is mean.token.weight


@pytest.mark.kills(
    "training: a step saved twice counts twice",
    "training/_names.py",
    'return f"step-{step:08d}" if time == 1 else f"step-{step:08d}.{time:02d}"',
    'return f"step-{step:08d}"',
)
def test_a_step_that_was_saved_twice_counts_once(tmp_path):
    older, first, again = trained(1), trained(2), trained(3)
    for step, made in ((1, older), (2, first), (2, again)):
        save_checkpoint(tmp_path, Progress(step=step), keep=3, **both(made))
    mean = Tied()
    assert average_checkpoints(tmp_path, model=mean) == 2
    wanted = (older[0].token.weight.double() + again[0].token.weight.double()) / 2
    torch.testing.assert_close(mean.token.weight, wanted.float(), rtol=1e-6, atol=1e-7)


def damage(path, name):
    file = path / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def refuse(path, made, message):
    before = state(*made)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(path, **both(made))
    assert state(*made) == before  # and nothing was changed


@pytest.mark.plain
@pytest.mark.parametrize("file", ["model", "optimizer", "random"])
def test_a_damaged_or_missing_file_is_named(tmp_path, file):
    path = save_checkpoint(tmp_path, Progress(step=3), **both(trained()))
    name = f"{file}.safetensors"
    damage(path, name)
    refuse(path, trained(2), rf"{name} should have the fingerprint .* is damaged")
    (path / name).unlink()
    refuse(path, trained(2), rf"{name} should be there: the checkpoint is not whole")


@pytest.mark.plain
def test_foreign_json_is_refused(tmp_path):
    path = save_checkpoint(tmp_path, Progress(step=3), **both(trained()))
    file = path / "training.json"
    content = json.loads(file.read_text())
    for text, message in {
        file.read_text()[:-9]: r"training.json should hold JSON, and is damaged",
        "[1, 2]": r"training.json should hold a JSON object, got list",
        "{}": r"should be of the format 'txlite training', version 1, got None",
        json.dumps({**content, "version": 9}): r"version 1, got 'txlite training', version 9",
        json.dumps(
            {k: v for k, v in content.items() if k != "random"}
        ): r"lacks the entry 'random'",
    }.items():
        file.write_text(text)
        refuse(path, trained(2), message)
    file.unlink()
    refuse(path, trained(2), r"training.json should be there: the checkpoint is not whole")


@pytest.mark.plain
def test_another_model_or_optimiser_is_refused(tmp_path):
    path = save_checkpoint(tmp_path, Progress(step=3), **both(trained()))
    refuse(path, trained(2, width=5), r"^token.weight should have shape \(7, 5\) .* \(7, 4\)")
    refuse(path, trained(2, optimizer=KINDS["SGD"]), r"^optimizer should be AdamW, got SGD")
    one_group = trained(2, optimizer=torch.optim.AdamW)
    refuse(path, one_group, r"^optimizer should have the checkpoint's groups")
    model, optimizer = trained(2)
    model.extra = nn.Linear(1, 1)
    refuse(path, (model, optimizer), r"^the checkpoint lacks 2 of the model's tensors: \['extra")
    del model.extra, model.unused
    refuse(path, (model, optimizer), r"^the model lacks 2 of the checkpoint's tensors: \['unused")


@pytest.mark.plain
def test_what_cannot_be_kept_is_refused(tmp_path):
    model, optimizer = trained()
    optimizer.param_groups[0]["lr"] = torch.tensor(0.1)
    with pytest.raises(ValueError, match=r"^optimizer should have a number for lr, got a tensor"):
        save_checkpoint(tmp_path, Progress(step=1), model=model, optimizer=optimizer)
    with pytest.raises(ValueError, match=r"^optimizer should train parameters of the model"):
        save_checkpoint(tmp_path, Progress(step=1), model=nn.Linear(1, 1), optimizer=trained()[1])
    with pytest.raises(ValueError, match=r"^folder should hold at least one checkpoint, got none"):
        average_checkpoints(tmp_path, model=model)
    (tmp_path / "latest").write_text("../elsewhere\n")
    with pytest.raises(
        ValueError, match=r"latest should name a checkpoint beside it, got '../else"
    ):
        latest_checkpoint(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux says what is mapped")
def test_no_file_is_held_after_loading(tmp_path):
    path = save_checkpoint(tmp_path, Progress(step=3), **both(trained()))
    made = trained(2)
    load_checkpoint(path, **both(made))
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_what_was_never_finished_is_removed_be_it_a_file_or_a_folder(tmp_path):
    (tmp_path / ".writing-latest-1").touch()
    (tmp_path / ".writing-step-00000002-1").mkdir()
    save_checkpoint(tmp_path, Progress(step=3), **both(trained()))
    assert not list(tmp_path.glob(".writing*"))


def test_a_model_that_keeps_something_else_than_tensors_is_refused(tmp_path):
    class Diary(Tied):
        def get_extra_state(self):
            return "a word"

    model = Diary()
    with pytest.raises(ValueError, match=r"^model should keep tensors only, got str in _extra"):
        save_checkpoint(tmp_path, Progress(step=3), model=model, optimizer=adamw(model, 1e-3))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_file_that_may_not_grow_is_an_error_of_the_disk(tmp_path):
    made = trained()
    with room_for(16), pytest.raises(OSError, match=r"model\.safetensors cannot be written to"):
        save_checkpoint(tmp_path, Progress(step=1), **both(made))
    assert not list(tmp_path.iterdir())
