"""``fit``: the same as a loop written by hand, and what it does that a loop forgets."""

import itertools
import json
import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from txlite.training import Batches, adamw, cross_entropy, fit, warmup_inverse_sqrt
from txlite.training.distributed import Team

CLASSES = 5


def example(n):
    """One row of 1 to 4 tokens, each with 3 numbers and a class."""
    draw = torch.Generator().manual_seed(n)
    length = 1 + n % 4
    x = torch.randn(length, 3, generator=draw, dtype=torch.float64)
    return x, torch.randint(CLASSES, (length,), generator=draw)


def collate(rows):
    return tuple(torch.cat(parts) for parts in zip(*map(example, rows), strict=True))


def loss(model, batch):
    x, y = batch
    return cross_entropy(model(x), y) * len(y), len(y)


def make(dropout=0.0):
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Linear(3, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, CLASSES)
    ).double()


def batches(size=6, **options):
    return Batches(range(36), collate, batch_size=size, **options)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def clipped(model, limit):
    """Shorten the gradient of a model, and return its length before."""
    length = torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
    for p in model.parameters():
        p.grad *= min(1.0, limit / length)
    return length


@pytest.mark.kills(
    "training: the rate a step late",
    "training/_run.py",
    "self.schedule(number))",
    "self.schedule(number + 1))",
)
def test_equals_a_loop_written_by_hand():
    ours, theirs = make(), make()
    rate = warmup_inverse_sqrt(8, 4)
    history = fit(
        ours, batches(), loss, steps=10, optimizer=adamw(ours, 1.0), schedule=rate, clip_norm=0.5
    )
    optimizer = torch.optim.Adam(theirs.parameters(), betas=(0.9, 0.98), eps=1e-9)
    source, losses, norms = batches(), [], []
    data = [b for _ in range(3) for b in source]
    for step, (x, y) in enumerate(data[:10], start=1):
        optimizer.param_groups[0]["lr"] = rate(step)
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(theirs(x), y)
        value.backward()
        norms.append(clipped(theirs, 0.5))
        optimizer.step()
        losses.append(value.item())
    assert history.losses == pytest.approx(losses, rel=1e-13)
    assert history.gradient_norms == pytest.approx(norms, rel=1e-13)
    assert history.learning_rates == [rate(step) for step in range(1, 11)]
    assert history.tokens == [len(y) for _, y in data[:10]]
    assert_close(weights(ours), weights(theirs), rtol=1e-10, atol=1e-12)
    assert max(norms) > 0.5  # it was clipped


@pytest.mark.kills(
    "training: mean of means",
    "training/_run.py",
    "p.grad.mul_(self.team.size / tokens)",
    "p.grad.mul_(self.team.size * self.accumulate / tokens)",
)
@pytest.mark.parametrize("parts", [2, 3])
def test_accumulated_batches_are_one_big_batch(parts):
    big, small = make(), make()
    whole = fit(big, batches(6 * parts, shuffle=False), loss, steps=5, optimizer=adamw(big, 0.05))
    pieces = fit(
        small, batches(6, shuffle=False), loss, steps=5, optimizer=adamw(small, 0.05),
        accumulate=parts,
    )  # fmt: skip
    assert whole.losses == pytest.approx(pieces.losses, abs=1e-12)
    assert whole.gradient_norms == pytest.approx(pieces.gradient_norms, abs=1e-12)
    assert whole.tokens == pieces.tokens
    assert_close(weights(big), weights(small), rtol=0, atol=1e-6)


def test_the_mean_of_means_would_be_something_else():
    model = make()
    means = [cross_entropy(model(x), y).item() for x, y in (collate([0, 4]), collate([3, 7]))]
    x, y = collate([0, 4, 3, 7])
    assert abs(sum(means) / 2 - cross_entropy(model(x), y).item()) > 1e-3


def test_the_gradient_of_a_part_that_others_train_is_forgotten_too(tmp_path):
    model = make()
    optimizer = adamw(model[0], 0.1)

    def nowhere(model, batch):
        total, count = loss(model, batch)
        return total * math.nan, count

    with pytest.raises(FloatingPointError, match=r"^the loss of step 1 is nan"):
        fit(model, batches(), nowhere, steps=2, optimizer=optimizer)
    assert [p.grad for p in model.parameters()] == [None] * 4


@pytest.mark.kills(
    "training: a loss that is no number is used",
    "training/_run.py",
    "        if not math.isfinite(loss):",
    "        if math.isinf(loss):",
)
def test_a_loss_that_is_no_number_names_the_step_and_saves_nothing(tmp_path):
    def spoilt(model, batch):
        total, count = loss(model, batch)
        spoilt.calls += 1
        return total * (math.nan if spoilt.calls == 7 else 1.0), count

    spoilt.calls = 0
    model, reference = make(), make()
    with pytest.raises(FloatingPointError, match=r"^the loss of step 7 is nan; .* after step 6"):
        fit(
            model, batches(), spoilt, steps=9, optimizer=adamw(model, 0.1),
            checkpoint=tmp_path, checkpoint_every=2,
        )  # fmt: skip
    assert (tmp_path / "latest").read_text() == "step-00000006\n"
    fit(reference, batches(), loss, steps=6, optimizer=adamw(reference, 0.1))
    assert torch.equal(weights(model), weights(reference))
    assert all(p.grad is None for p in model.parameters())


def test_a_gradient_that_is_no_number_stops_too():
    class Kink(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * math.inf

    model = make()
    with pytest.raises(
        FloatingPointError, match=r"^the length of the gradient of step 1 is (inf|nan)"
    ):
        fit(
            model, batches(), lambda m, b: (Kink.apply(loss(m, b)[0]), 3),
            steps=2, optimizer=adamw(model, 0.1),
        )  # fmt: skip


def test_evaluates_in_time_in_evaluation_mode_without_gradients():
    modes = []

    def evaluate(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return {"calls": float(len(modes))}

    model = make(0.5)
    history = fit(
        model, batches(), loss, steps=7, optimizer=adamw(model, 0.1),
        evaluate=evaluate, evaluate_every=3,
    )  # fmt: skip
    assert history.scores == {"calls": [(3, 1.0), (6, 2.0), (7, 3.0)]}
    assert modes == [(False, False)] * 3
    assert not model.training


def test_trains_in_training_mode():
    seen = []
    model = make(0.5).eval()

    def spy(m, batch):
        seen.append(m.training)
        return loss(m, batch)

    fit(model, batches(), spy, steps=3, optimizer=adamw(model, 0.1), evaluate=lambda m: {},
        evaluate_every=1)  # fmt: skip
    assert seen == [True] * 3


def test_bfloat16_where_the_device_has_it(device):
    model = make().float().to(device)
    kinds = []

    def spy(m, batch):
        scores = m(batch[0].float())
        kinds.append(scores.dtype)
        return cross_entropy(scores, batch[1]) * len(batch[1]), len(batch[1])

    history = fit(model, batches(), spy, steps=30, optimizer=adamw(model, 0.05), amp=True)
    assert history.precision == "bfloat16"
    assert set(kinds) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert history.losses[-1] < history.losses[0]
    plain = fit(model, batches(), spy, steps=1, optimizer=adamw(model, 0.05))
    assert plain.precision == "float32"
    assert kinds[-1] == torch.float32


def test_any_list_of_batches_will_do_and_silence_is_the_default(capfd):
    model = make()
    data = [collate([1, 2]), collate([3])]
    assert len(fit(model, data, loss, steps=5, optimizer=adamw(model, 0.1)).losses) == 5
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_the_bar_goes_to_the_standard_output(capfd):
    model = make()
    fit(model, batches(), loss, steps=5, optimizer=adamw(model, 0.1), progress=True)
    out, err = capfd.readouterr()
    assert "5/5" in out
    assert "loss" in out
    assert err == ""


def test_a_callback_sees_every_step_when_it_is_scored_and_saved(tmp_path):
    seen = []

    def on_step(history):
        newest = (tmp_path / "latest").read_text().strip() if (tmp_path / "latest").exists() else ""
        scores = history.scores.get("one", [(0, 0.0)])[-1][0]
        seen.append((len(history.losses), history.losses[-1], scores, newest[-1:]))

    def train(steps, **options):
        model = make(0.3)
        torch.manual_seed(8)
        history = fit(
            model, batches(), loss, steps=steps, optimizer=adamw(model, 0.1), checkpoint=tmp_path,
            checkpoint_every=2, evaluate=lambda m: {"one": 1.0}, evaluate_every=3, **options,
        )  # fmt: skip
        return history, weights(model)

    history, _ = train(4, on_step=on_step)
    assert [step for step, *_ in seen] == [1, 2, 3, 4]
    assert [value for _, value, *_ in seen] == history.losses
    assert [step for *_, step, _ in seen] == [0, 0, 3, 4]
    assert [newest for *_, newest in seen] == ["", "2", "2", "4"]
    train(6, on_step=on_step)  # goes on, and tells of the new steps alone
    assert [step for step, *_ in seen] == [1, 2, 3, 4, 5, 6]


def test_a_callback_changes_nothing():
    quiet, told = make(0.3), make(0.3)
    histories = []
    for model, on_step in ((quiet, None), (told, lambda history: None)):
        torch.manual_seed(8)
        options = {"steps": 5, "optimizer": adamw(model, 0.1), "on_step": on_step}
        histories.append(fit(model, batches(), loss, **options))
    assert histories[0] == histories[1]
    assert torch.equal(weights(quiet), weights(told))


def test_goes_on_to_more_steps(tmp_path):
    whole, parts = make(0.3), make(0.3)
    torch.manual_seed(8)
    wanted = fit(whole, batches(), loss, steps=9, optimizer=adamw(whole, 0.1))
    torch.manual_seed(8)
    fit(parts, batches(), loss, steps=4, optimizer=adamw(parts, 0.1), checkpoint=tmp_path)
    torch.manual_seed(99)
    other = make(0.3)
    got = fit(other, batches(), loss, steps=9, optimizer=adamw(other, 0.1), checkpoint=tmp_path)
    assert got == wanted
    assert torch.equal(weights(other), weights(whole))
    assert (
        fit(other, batches(), loss, steps=9, optimizer=adamw(other, 9.0), checkpoint=tmp_path)
        == got
    )
    assert json.loads((tmp_path / "step-00000009" / "training.json").read_text())["step"] == 9


def test_alone_a_team_is_one():
    assert Team().total([1, 2.5], torch.device("cpu")) == [1.0, 2.5]
    assert Team().gathered("x") == ["x"]


@pytest.mark.kills(
    "training: more steps than were asked for",
    "training/_run.py",
    "if progress.step > self.steps:",
    "if progress.step > self.steps + 1:",
)
@pytest.mark.plain
def test_fewer_steps_than_the_checkpoint_has_are_refused(tmp_path):
    model = make()
    fit(model, batches(), loss, steps=4, optimizer=adamw(model, 0.1), checkpoint=tmp_path)
    fresh = make()
    before = weights(fresh)
    wanted = r"^steps should be at least 4, which step-00000004 in .* has done, got 3; .* folder$"
    with pytest.raises(ValueError, match=wanted):
        fit(fresh, batches(), loss, steps=3, optimizer=adamw(fresh, 0.1), checkpoint=tmp_path)
    assert torch.equal(weights(fresh), before)
    fit(fresh, batches(), loss, steps=4, optimizer=adamw(fresh, 0.1), checkpoint=tmp_path)
    assert torch.equal(weights(fresh), weights(model))


@pytest.mark.plain
def test_errors_name_the_argument(tmp_path):
    model = make()

    def ask(data=None, **options):
        options = {"steps": 2, "optimizer": adamw(model, 0.1), **options}
        return fit(model, batches() if data is None else data, loss, **options)

    with pytest.raises(ValueError, match=r"^steps should be a positive whole number, got 0"):
        ask(steps=0)
    with pytest.raises(ValueError, match=r"^accumulate should be a positive .* got -1"):
        ask(accumulate=-1)
    with pytest.raises(ValueError, match=r"^checkpoint_every should be .* got -5"):
        ask(checkpoint_every=-5)
    with pytest.raises(ValueError, match=r"^evaluate_every should be .* got 0"):
        ask(evaluate_every=0)
    with pytest.raises(ValueError, match=r"^checkpoint_every should come with a checkpoint, a fol"):
        ask(checkpoint_every=5)
    with pytest.raises(ValueError, match=r"^clip_norm should be positive, got 0"):
        ask(clip_norm=0)
    with pytest.raises(ValueError, match=r"^batches should have state_dict .* got list"):
        ask([collate([1])], checkpoint=tmp_path)
    with pytest.raises(ValueError, match=r"^batches should hold enough for all steps"):
        ask(collate([n]) for n in range(1))
    empty = [(torch.zeros(0, 3, dtype=torch.float64), torch.zeros(0, dtype=torch.long))]
    with pytest.raises(ValueError, match=r"^batches should hold tokens .* none in step 1"):
        ask(empty)


def test_the_history_says_the_precision_of_the_run_that_ended(tmp_path):
    model = make()
    fit(model, batches(), loss, steps=2, optimizer=adamw(model, 0.1), checkpoint=tmp_path)
    model = make()
    options = {"optimizer": adamw(model, 0.1), "checkpoint": tmp_path}
    assert fit(model, batches(), loss, steps=3, amp=True, **options).precision == "bfloat16"


@pytest.mark.kills(
    "training: a checkpoint half put back",
    "training/_run.py",
    "        self.batches.load_state_dict(progress.batches)  # the last that may refuse\n"
    "        put_back()\n",
    "        put_back()\n        self.batches.load_state_dict(progress.batches)\n",
)
@pytest.mark.plain
def test_a_checkpoint_that_does_not_fit_changes_nothing(tmp_path):
    """Whatever refuses it, the model, the optimiser, the batches and chance stay as they were."""
    saved = make()
    fit(saved, batches(), loss, steps=4, optimizer=adamw(saved, 0.1), checkpoint=tmp_path)

    def refuse(message, optimizer=adamw, data=None):
        model, data = make(), data or batches()
        trainer = optimizer(model, 0.1)
        before, chance = weights(model), torch.get_rng_state()
        place = data.state_dict()
        with pytest.raises(ValueError, match=message):
            fit(model, data, loss, steps=9, optimizer=trainer, checkpoint=tmp_path)
        assert torch.equal(weights(model), before)
        assert trainer.state_dict()["state"] == {}
        assert data.state_dict() == place
        assert torch.equal(torch.get_rng_state(), chance)

    refuse(r"^batches should have batch_size 6, got 4", data=batches(4))
    refuse(r"^batches should have seed 0, got 3", data=batches(seed=3))
    refuse(r"^optimizer should be AdamW, got SGD", lambda m, r: torch.optim.SGD(m.parameters(), r))
    file = tmp_path / "step-00000004" / "training.json"
    content = json.loads(file.read_text())
    for spoilt, message in [
        ({"batches": {**content["batches"], "position": None}}, r"^position should be .* got None"),
        ({"history": {}}, r"^history should have the entries losses, .* got none"),
        ({"history": {**content["history"], "losses": [1.0]}}, r"^history should have 4 .* got 1$"),
    ]:
        file.write_text(json.dumps({**content, **spoilt}))
        refuse(message)


def test_what_another_optimiser_trains_does_not_count_in_the_length():
    model, alone = make(), make()
    for p in alone[0].parameters():
        p.requires_grad_(False)
    options = {"steps": 6, "clip_norm": 0.1}
    history = fit(model, batches(), loss, optimizer=adamw(model[3], 0.1), **options)
    wanted = fit(alone, batches(), loss, optimizer=adamw(alone[3], 0.1), **options)
    assert history.gradient_norms == wanted.gradient_norms
    assert_close(weights(model), weights(alone), rtol=0, atol=0)


def test_gradients_of_what_is_not_trained_are_forgotten_too():
    """One batch again and again, and a rate of zero: the gradients are those of the first step."""
    model, lengths = make(), []
    fit(
        model, [collate(range(6))], loss, steps=4,
        optimizer=torch.optim.SGD(model[3].parameters(), lr=0.0),
        on_step=lambda history: lengths.append([p.grad.norm().item() for p in model.parameters()]),
    )  # fmt: skip
    assert lengths == [lengths[0]] * 4
    assert min(lengths[0]) > 0


@pytest.mark.plain
def test_numbers_of_others_are_numbers(tmp_path):
    import numpy as np

    numbers = {
        "steps": 4, "accumulate": 2, "evaluate_every": 2, "checkpoint_every": 3,
        "keep_checkpoints": 1, "clip_norm": 0.5,
    }  # fmt: skip
    runs = []
    for kind in (lambda x: x, np.asarray, torch.tensor):
        model = make()
        given = {name: kind(x) for name, x in numbers.items()}
        folder = tmp_path / str(len(runs))
        history = fit(
            model, batches(seed=kind(3)), loss, optimizer=adamw(model, kind(0.5)),
            evaluate=lambda m: {"score": torch.tensor(2.0)}, checkpoint=folder, **given,
        )  # fmt: skip
        runs.append((history.losses, history.scores, [p.name for p in sorted(folder.iterdir())]))
    assert runs[1] == runs[2] == runs[0]


def test_one_wait_for_the_device_a_step(monkeypatch):
    """Losses and counts of micro-batches are collected, and read together."""
    from txlite.training._tensors import numbers_in

    seen = []
    real = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda x: (seen.append(x.shape), real(x))[1])
    assert numbers_in([torch.tensor(1.5), torch.tensor([2.5])]) == [1.5, 2.5]
    assert seen == [(2,)]
    assert numbers_in([1, torch.tensor(2.0)]) == [1.0, 2.0]
    assert numbers_in([]) == []


def test_two_trainings_do_not_write_to_one_folder(tmp_path):
    def another(history):
        model = make()
        before = weights(model)
        with pytest.raises(ValueError, match="is in use: another process writes to it"):
            fit(model, batches(), loss, steps=1, optimizer=adamw(model, 1.0), checkpoint=tmp_path)
        assert torch.equal(weights(model), before)

    for steps, on_step in [(1, another), (2, None)]:  # the second shows that it was let go
        model = make()
        optimizer = adamw(model, 0.1)
        history = fit(
            model,
            batches(),
            loss,
            steps=steps,
            optimizer=optimizer,
            checkpoint=tmp_path,
            on_step=on_step,
        )
        assert len(history.losses) == steps
    assert {p.name for p in tmp_path.iterdir()} == {
        "latest",
        "step-00000001",
        "step-00000002",
    }


@pytest.mark.parametrize("keep", [1, 2])
def test_so_many_checkpoints_are_kept(tmp_path, keep):
    model = make()
    fit(
        model,
        batches(),
        loss,
        steps=4,
        optimizer=adamw(model, 0.1),
        checkpoint=tmp_path,
        checkpoint_every=1,
        keep_checkpoints=keep,
    )
    want = ["step-00000003", "step-00000004"][-keep:]
    assert sorted(p.name for p in tmp_path.glob("step-*")) == want


def test_a_row_that_stands_in_for_none_does_not_count(monkeypatch):
    """As in the process that gets no row of a batch: its copy of the first must add nothing."""

    def trained(data, parts):
        model = make()
        fit(model, data, loss, steps=3, optimizer=adamw(model, 0.1), accumulate=parts)
        return weights(model)

    alone = trained([collate([n]) for n in range(3)], 1)
    real = itertools.cycle([True, False])
    monkeypatch.setattr("txlite.training._run.local_rows", lambda b, _: (b, next(real)))
    doubled = trained([collate([n // 2]) for n in range(6)], 2)
    assert torch.equal(doubled, alone)
