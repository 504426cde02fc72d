"""Nothing that is not finite is kept: neither weights nor moments, neither rates nor losses."""

import math
import re

import numpy as np
import pytest
import torch
from torch import nn

from txlite.training import Batches, adamw, constant, fit, latest_checkpoint
from txlite.training._finite import first_not_finite
from txlite.training.checkpoint import Progress, save_checkpoint
from txlite.training.distributed import Team

BAD = [math.inf, -math.inf, math.nan]


def model_of(*parts, seed=3):
    torch.manual_seed(seed)
    return nn.Sequential(*parts) if parts else nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def batches():
    return Batches(range(8), lambda rows: torch.tensor(rows, dtype=torch.float32), batch_size=2)


def loss(model, batch):
    x = torch.stack([batch, batch.cos(), batch.sin()], dim=1)
    return model(x).square().sum(), len(batch)


def everything(folder):
    """Return every number that the checkpoints of a folder hold."""
    from safetensors.torch import load_file

    for file in sorted(folder.rglob("*.safetensors")):
        for name, x in load_file(file).items():
            if x.is_floating_point():
                yield name, x


def sgd(model, lr=0.01, **options):
    return torch.optim.SGD(model.parameters(), lr=lr, **options)


# ------------------------------------------------------------------ refused at the beginning


def test_an_optimiser_of_another_model_is_refused():
    model, other = model_of(), model_of()
    with pytest.raises(ValueError, match=r"^optimizer should train parameters of the model"):
        fit(model, batches(), loss, steps=1, optimizer=sgd(other))
    some = torch.optim.SGD([*other.parameters(), model[1].bias], lr=0.01)
    assert fit(model, batches(), loss, steps=1, optimizer=some).gradient_norms[0] > 0


@pytest.mark.plain
def test_weights_in_float16_are_refused():
    model = model_of().half()
    with pytest.raises(ValueError, match=r"^model should be .* got float16 in 0\.weight"):
        fit(model, batches(), loss, steps=1, optimizer=sgd(model))
    half = model_of()
    half[1].half()
    with pytest.raises(ValueError, match=r"got float16 in 1\.weight"):
        fit(half, batches(), loss, steps=1, optimizer=sgd(half))
    half[1].float().requires_grad_(False).half()  # what is not trained may be


@pytest.mark.plain
@pytest.mark.parametrize(
    ("dtype", "eps"),
    [(torch.float16, 1e-9), (torch.float16, 2e-8), (torch.float32, 1e-50), (torch.float64, 5e-325)],
)
def test_an_eps_that_is_not_there_in_the_weights_dtype_is_refused(dtype, eps):
    model = model_of().to(dtype)
    with pytest.raises(ValueError, match=r"^eps should be .*positive"):
        adamw(model, 0.1, eps=eps)
    if dtype != torch.float16:
        foreign = torch.optim.Adam(model.parameters(), eps=eps)
        with pytest.raises(ValueError, match=r"^eps should be positive among numbers of"):
            fit(model, batches(), loss, steps=1, optimizer=foreign)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_default_eps_is_there_in_every_other_dtype(dtype):
    assert adamw(model_of().to(dtype), 0.1).defaults["eps"] == 1e-9


@pytest.mark.parametrize("bad", BAD)
def test_weights_that_are_spoilt_already_are_named(bad):
    model = model_of()
    with torch.no_grad():
        model[1].bias[1] = bad
    with pytest.raises(ValueError, match=r"finite weights to begin with, got others in 1\.bias$"):
        fit(model, batches(), loss, steps=1, optimizer=sgd(model))


@pytest.mark.plain
@pytest.mark.parametrize("rate", [*BAD, -0.1, "fast", None, True])
def test_a_rate_that_is_none_is_refused_before_the_step(rate, tmp_path):
    model = model_of()
    schedule = lambda step: rate if step == 4 else 0.01  # noqa: E731
    wanted = f"schedule(4) should be finite and at least zero, got {rate!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(wanted)}$"):
        fit(
            model, batches(), loss, steps=9, optimizer=sgd(model), schedule=schedule,
            checkpoint=tmp_path, checkpoint_every=1,
        )  # fmt: skip
    assert latest_checkpoint(tmp_path).name == "step-00000003"
    reference = model_of()
    fit(reference, batches(), loss, steps=3, optimizer=sgd(reference), schedule=constant(0.01))
    assert torch.equal(model[0].weight, reference[0].weight)


def test_a_rate_of_zero_is_a_rate():
    model = model_of()
    before = model[0].weight.clone()
    history = fit(model, batches(), loss, steps=2, optimizer=sgd(model), schedule=lambda step: 0)
    assert history.learning_rates == [0.0, 0.0]
    assert torch.equal(model[0].weight, before)


@pytest.mark.parametrize("rate", [math.inf, math.nan, -1.0])
def test_the_optimisers_own_rate_is_looked_at_too(rate):
    model = model_of()
    optimizer = sgd(model)
    optimizer.param_groups[0]["lr"] = rate
    with pytest.raises(ValueError, match=r"^the optimizer's learning rate should be finite"):
        fit(model, batches(), loss, steps=1, optimizer=optimizer)
    optimizer.param_groups[0]["lr"] = 0.01

    def spoil(history):
        optimizer.param_groups[0]["lr"] = rate

    with pytest.raises(ValueError, match=r"^the optimizer's learning rate should be finite"):
        fit(model, batches(), loss, steps=2, optimizer=optimizer, on_step=spoil)


# ------------------------------------------------------------------ what becomes so on the way


def spoilt_by(optimizer, tmp_path, message, model=None, **options):
    """Train until something is not finite; return the checkpoints' newest step."""
    model = model or model_of()
    with pytest.raises(FloatingPointError, match=message):
        fit(
            model, batches(), loss, steps=9, optimizer=optimizer(model), checkpoint=tmp_path,
            checkpoint_every=1, **options,
        )  # fmt: skip
    for name, x in everything(tmp_path):
        assert x.isfinite().all(), name
    return latest_checkpoint(tmp_path)


def test_weights_that_overflow_stop_the_training_by_name(tmp_path):
    schedule = lambda step: 1e38 if step == 4 else 0.01  # noqa: E731
    folder = re.escape(str(tmp_path / "step-00000003"))
    message = rf"^0\.weight is not finite after step 4; .* the last whole checkpoint is {folder}$"
    newest = spoilt_by(lambda m: sgd(m, momentum=0.9), tmp_path, message, schedule=schedule)
    assert newest.name == "step-00000003"


def test_without_a_checkpoint_the_message_says_so():
    model = model_of()
    with pytest.raises(FloatingPointError, match=r"after step 1; .*, nothing was saved$"):
        fit(model, batches(), loss, steps=2, optimizer=sgd(model, lr=3e38))


@pytest.mark.parametrize("steps", [1, 3])
def test_moments_that_overflow_are_never_written(tmp_path, steps):
    """A gradient of 1e20 has a square that float32 does not hold: Adam would wait for ever."""

    def huge(model, batch):
        return model(torch.ones(1, 3)).sum() * 1e20, 1

    model = model_of()
    options = {"steps": steps, "optimizer": adamw(model, 0.01)}
    message = r"^1\.weight:exp_avg_sq is not finite after step 1; "
    with pytest.raises(FloatingPointError, match=message):
        fit(model, batches(), huge, checkpoint=tmp_path, checkpoint_every=1, **options)
    assert latest_checkpoint(tmp_path) is None
    model = model_of()
    with pytest.raises(FloatingPointError, match=r"exp_avg_sq is not finite after step"):
        fit(model, batches(), huge, steps=steps, optimizer=adamw(model, 0.01))


@pytest.mark.parametrize("bad", BAD)
def test_a_gradient_that_is_not_finite_is_named(tmp_path, bad):
    model = model_of()
    model[1].bias.register_hook(lambda g: g + bad)
    message = r"of step 1 is (inf|nan), because of the gradient of 1\.bias; .* step 0, nothing"
    assert spoilt_by(sgd, tmp_path, message, model) is None
    assert all(p.grad is None for p in model.parameters())


class Running(nn.Module):
    """A buffer that is counted up, and the table of a mask, which is infinite by design."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("table", torch.full((2, 2), -math.inf).triu(1))

    def forward(self, x):
        if self.training:
            self.mean += self.step
        return x


def test_buffers_are_looked_at_but_for_what_is_infinite_by_design(tmp_path):
    model = model_of(nn.Linear(3, 2), Running(1e38))
    message = r"^1\.mean is not finite after step 4; .* checkpoint is .*step-00000003$"
    with pytest.raises(FloatingPointError, match=message):
        fit(
            model, batches(), loss, steps=9, optimizer=sgd(model),
            checkpoint=tmp_path, checkpoint_every=1,
        )  # fmt: skip
    spared = model_of(nn.Linear(3, 2), Running(1.0))
    fit(spared, batches(), loss, steps=2, optimizer=sgd(spared), checkpoint=tmp_path / "spared")
    written = dict(everything(tmp_path / "spared"))
    assert written["1.table"].tolist() == [[0.0, -math.inf], [0.0, 0.0]]


@pytest.mark.parametrize("place", ["weight", "moment", "buffer"])
@pytest.mark.parametrize("bad", BAD)
def test_nothing_of_that_is_written_by_anybody(tmp_path, place, bad):
    model = model_of(nn.Linear(3, 2), Running(1.0))
    optimizer = sgd(model, momentum=0.5)
    fit(model, batches(), loss, steps=1, optimizer=optimizer)
    where = {
        "weight": model[0].weight,
        "moment": optimizer.state[model[0].bias]["momentum_buffer"],
        "buffer": model[1].mean,
    }[place]
    where.data.flatten()[0] = bad
    if place == "buffer" and math.isinf(bad):
        save_checkpoint(tmp_path, Progress(step=1), model=model, optimizer=optimizer)
        return
    name = {"weight": "0.weight", "moment": "0.bias:momentum_buffer", "buffer": "1.mean"}[place]
    with pytest.raises(FloatingPointError, match=f"^{re.escape(name)} is not finite; nothing was"):
        save_checkpoint(tmp_path, Progress(step=1), model=model, optimizer=optimizer)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.plain
@pytest.mark.parametrize("rate", [np.float32(1e-3), torch.tensor(1e-3), np.array(1e-3)])
def test_rates_of_others_are_written_and_read_as_pythons(tmp_path, rate):
    model = model_of()
    options = {"schedule": lambda step: rate, "checkpoint": tmp_path}
    history = fit(model, batches(), loss, steps=np.int64(2), optimizer=sgd(model), **options)
    assert [type(x) for x in history.learning_rates] == [float, float]
    again = model_of()
    more = fit(again, batches(), loss, steps=torch.tensor(3), optimizer=sgd(again), **options)
    assert more.learning_rates == [float(rate)] * 3


@pytest.mark.plain
def test_settings_of_others_are_written_as_pythons(tmp_path):
    model = model_of()
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=np.float32(0.01),
        betas=(np.float64(0.9), np.float64(0.5)),
        weight_decay=np.float32(0.5),
    )
    fit(model, batches(), loss, steps=2, optimizer=optimizer, checkpoint=tmp_path)
    again = model_of()
    same = torch.optim.Adam(again.parameters(), lr=0.3, betas=(0.1, 0.1))
    fit(again, batches(), loss, steps=3, optimizer=same, checkpoint=tmp_path)
    assert same.param_groups[0]["betas"] == (0.9, 0.5)
    assert same.param_groups[0]["lr"] == float(np.float32(0.01))


@pytest.mark.plain
def test_what_cannot_be_saved_is_refused_before_the_first_step(tmp_path):
    steps = []
    model = model_of()
    for optimizer, message in (
        (
            torch.optim.Adam(model.parameters(), lr=torch.tensor(0.1)),
            r"^optimizer should have a nu",
        ),
        (sgd(model_of()), r"^optimizer should train parameters of the model"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(
                model, batches(), loss, steps=3, optimizer=optimizer, checkpoint=tmp_path,
                on_step=steps.append,
            )  # fmt: skip
    assert steps == []


@pytest.mark.parametrize(("mine", "theirs"), [(False, True), (True, False), (True, True)])
def test_processes_stop_together_and_name_the_same_tensor(mine, theirs):
    """Each process holds its own pieces; what one finds, all hear of."""

    class Two(Team):
        def total(self, numbers, device):
            (found,) = numbers
            return [float(found) + float(theirs)]

        def gathered(self, thing):
            return [thing, ["theirs"] if theirs else []]

    pieces = [("first", torch.ones(2)), ("second", torch.tensor([math.nan if mine else 0.0]))]
    assert first_not_finite(pieces, Two(0, 2)) == ("second" if mine else "theirs")


def test_processes_whose_pieces_are_sound_go_on():
    class Two(Team):
        def total(self, numbers, device):
            return [float(x) for x in numbers]

    assert first_not_finite([("first", torch.ones(2))], Two(0, 2)) is None
    assert first_not_finite([], Two(0, 2)) is None
    assert (
        first_not_finite([("none", torch.ones(0)), ("whole", torch.ones(2).int())], Team()) is None
    )
