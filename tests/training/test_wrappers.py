"""Whatever stands around a model: the same names, modes and numbers, whoever saves and reads."""

import json
from functools import partial
from unittest import mock

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from txlite.training import Batches, adamw, fit, latest_checkpoint, mean_loss
from txlite.training._modes import wake
from txlite.training._wrapped import unwrapped
from txlite.training.checkpoint import load_checkpoint


@pytest.fixture(scope="module", autouse=True)
def alone():
    """Be a team of one, for DDP and FSDP; compiled code runs as it is written."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")
    dist.destroy_process_group()


def built(seed=3):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)),
        nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 2)),
    ).double()


def compiled(model):
    return torch.compile(model, backend="eager")


def compiled_in_place(model):
    model.compile(backend="eager")
    return model


def compiled_inside(model):
    model[1] = torch.compile(model[1], backend="eager")
    return model


def data_parallel(model):
    """As on a machine without a GPU: where there is one, it would ask the model to be there."""
    with mock.patch("torch.cuda.is_available", return_value=False):
        return nn.DataParallel(model)


def sharded(model):
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    return fully_shard(model, mesh=init_device_mesh("cpu", (1,)))


def recomputed(model):
    from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper

    model[1] = checkpoint_wrapper(model[1])
    return model


def frozen(model):
    model[0].requires_grad_(False)
    return model


def moved(model):
    """Gone and come back: every parameter is another object."""
    for part in model.modules():
        for name, p in part.named_parameters(recurse=False):
            setattr(part, name, nn.Parameter(p.detach().clone()))
    return model


WRAPPERS = {
    "plain": lambda model: model,
    "compiled": compiled,
    "compiled in place": compiled_in_place,
    "a part compiled": compiled_inside,
    "DDP": lambda model: DistributedDataParallel(model),
    "DDP, compiled": lambda model: compiled(DistributedDataParallel(model)),
    "compiled, then DDP": lambda model: DistributedDataParallel(compiled(model)),
    "DataParallel": data_parallel,
    "FSDP2": sharded,
    "FSDP2, compiled": lambda model: compiled(sharded(model)),
    "a part recomputed": recomputed,
    "frozen": frozen,
    "moved": moved,
    "in evaluation mode": lambda model: model.eval(),
}


def optimizer_of(model):
    """Train the head only, so that a frozen body is the same training."""
    return adamw(unwrapped(model)[1], 0.05)


def batches():
    return Batches(range(12), lambda rows: torch.tensor(rows).double(), batch_size=4)


def loss(model, batch):
    x = torch.stack([batch, batch.cos(), batch.sin()], dim=1)
    return model(x).square().sum(), len(batch)


def train(model, steps, folder=None):
    torch.manual_seed(7)
    return fit(
        model, batches(), loss, steps=steps, optimizer=optimizer_of(model), checkpoint=folder
    )


def numbers(model):
    """Return a model's tensors by name, without what any wrapper adds to either."""
    state = {}
    for name, x in unwrapped(model).state_dict().items():
        whole = x.full_tensor() if hasattr(x, "full_tensor") else x
        plain = name.replace("_orig_mod.", "").replace("_checkpoint_wrapped_module.", "")
        state[plain] = whole.tolist()
    return state


def modes(model):
    return [part.training for part in unwrapped(model).modules()]


@pytest.fixture(scope="module")
def wanted():
    """What a plain model comes to."""
    model = built()
    history = train(model, 5)
    return history.losses, numbers(model)


@pytest.fixture(scope="module")
def saved(alone, tmp_path_factory):
    """Where each kind of model has left a checkpoint after two steps."""
    folders = {}
    for name, wrap in WRAPPERS.items():
        folders[name] = tmp_path_factory.mktemp("saved")
        train(wrap(built()), 2, folders[name])
    return folders


@pytest.mark.parametrize("name", WRAPPERS)
def test_training_comes_to_the_same_numbers(name, wanted):
    model = WRAPPERS[name](built())
    history = train(model, 5)
    assert (history.losses, numbers(model)) == wanted
    assert not any(modes(model))


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_checkpoint_has_the_names_of_the_plain_model(name, saved):
    from safetensors import safe_open

    def names(folder):
        path = latest_checkpoint(folder)
        for file in ("model", "optimizer"):
            with safe_open(path / f"{file}.safetensors", "pt") as opened:
                yield file, sorted(opened.keys())
        content = json.loads((path / "training.json").read_text())
        yield "groups", [group["params"] for group in content["optimizer"]["groups"]]

    assert dict(names(saved[name])) == dict(names(saved["plain"]))


@pytest.mark.parametrize("reader", WRAPPERS)
@pytest.mark.parametrize("writer", WRAPPERS)
def test_what_one_has_saved_any_other_goes_on_with(writer, reader, saved, wanted, tmp_path):
    path = latest_checkpoint(saved[writer])
    (tmp_path / path.name).symlink_to(path)
    (tmp_path / "latest").write_text(path.name)
    model = WRAPPERS[reader](built(seed=8))
    history = train(model, 5, tmp_path)
    assert (history.losses, numbers(model)) == wanted


@pytest.mark.parametrize("name", WRAPPERS)
def test_evaluating_leaves_every_part_in_its_mode(name):
    model = WRAPPERS[name](built())
    unwrapped(model)[0].eval()
    before = modes(model)
    mean_loss(model, batches(), loss)
    assert modes(model) == before


# ------------------------------------------------------------------ other dtypes, other devices


@pytest.mark.parametrize("reader", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("writer", [torch.float32, torch.float64, torch.bfloat16])
def test_another_precision_is_refused_by_name_and_the_same_is_read(writer, reader, tmp_path):
    def of(dtype, model, batch):
        total, count = loss(lambda x: model(x.to(dtype)), batch)
        return total.float(), count

    def run(dtype, steps):
        model = built().to(dtype)
        options = {"optimizer": optimizer_of(model), "checkpoint": tmp_path}
        return fit(model, batches(), partial(of, dtype), steps=steps, **options)

    run(writer, 2)
    if writer == reader:
        assert len(run(reader, 3).losses) == 3
        return
    with pytest.raises(ValueError, match=rf"^0\.0\.weight should have .*{reader}, .*{writer}$"):
        run(reader, 3)


@pytest.mark.parametrize("name", ["plain", "compiled", "DDP"])
def test_a_model_without_numbers_is_refused_by_name(name, saved, tmp_path):
    model = built().to("meta")
    model = model if name == "DDP" else WRAPPERS[name](model)
    with pytest.raises(ValueError, match=r"^model should hold numbers, got 0\.0\.weight on meta"):
        train(model, 5, saved["plain"])
    with pytest.raises(ValueError, match=r"^model should hold numbers, got 0\.0\.weight on meta"):
        train(model, 5)
    path = latest_checkpoint(saved["plain"])
    with pytest.raises(ValueError, match=r"^model should hold numbers, got 0\.0\.weight on meta"):
        load_checkpoint(path, model=model, optimizer=optimizer_of(model))


# ------------------------------------------------------------------ the mode of each part


def test_what_sleeps_stays_asleep_while_the_rest_is_trained():
    model = built()
    model[0].requires_grad_(False).eval()
    seen = []
    body = {name: x.clone() for name, x in model[0].state_dict().items()}
    fit(
        model, batches(), loss, steps=3, optimizer=optimizer_of(model),
        on_step=lambda history: seen.append(modes(model)), evaluate=lambda m: {}, evaluate_every=1,
    )  # fmt: skip
    assert seen == [[True, False, False, False, True, True, True]] * 3
    assert {name: x.tolist() for name, x in model[0].state_dict().items()} == {
        name: x.tolist() for name, x in body.items()
    }  # the running means too


@pytest.mark.parametrize("asleep", [False, True])
def test_a_second_training_wakes_all_but_what_is_frozen(asleep):
    model = built()
    if asleep:
        model[0].requires_grad_(False)
    seen = []
    for _ in range(2):
        fit(
            model, batches(), loss, steps=1, optimizer=optimizer_of(model),
            on_step=lambda history: seen.append(modes(model)),
        )  # fmt: skip
        assert not any(modes(model))
    assert all(seen[0])
    assert seen[1] == ([True, False, False, False, True, True, True] if asleep else [True] * 7)


class Nested(nn.Module):
    """A model whose frozen part lies two floors down, and is no list."""

    def __init__(self):
        super().__init__()
        self.whole = nn.ModuleDict({"body": nn.Sequential(nn.Dropout(0.1), nn.Linear(2, 2))})
        self.head = nn.Linear(2, 2)


def test_a_frozen_part_is_found_wherever_it_lies():
    model = Nested().eval()
    model.whole["body"].requires_grad_(False)
    wake(model)
    assert model.head.training
    assert not any(part.training for part in model.whole["body"].modules())
    half = Nested().eval()
    half.whole["body"].requires_grad_(False).train()  # its owner wants its dropout
    wake(half)
    assert all(part.training for part in half.whole["body"].modules())
