"""What a student and its teacher have in common, against the definitions."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from txlite.compress import attention_losses, hidden_losses, soft_loss, soft_losses


def scores(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def by_loops(student: list[float], teacher: list[float], heat: float) -> float:
    def softened(x: list[float]) -> list[float]:
        powers = [math.exp(v / heat) for v in x]
        return [p / sum(powers) for p in powers]

    pairs = zip(softened(teacher), softened(student), strict=True)
    return heat**2 * sum(p * math.log(p / q) for p, q in pairs)


@pytest.mark.kills(
    "distillation: the square of the temperature is forgotten",
    "compress/losses.py",
    "return temperature**2 * parts",
    "return 1.0 * parts",
)
@pytest.mark.kills(
    "distillation: the divergence the wrong way round",
    "compress/losses.py",
    "parts = theirs.exp() * (theirs - mine)",
    "parts = mine.exp() * (mine - theirs)",
)
@pytest.mark.parametrize("heat", [0.5, 1.0, 4.0])
def test_the_soft_loss_is_its_definition(heat: float) -> None:
    student, teacher = scores(3, 5), scores(3, 5)
    found = soft_losses(student, teacher, temperature=heat)
    rows = zip(student.tolist(), teacher.tolist(), strict=True)
    assert found.tolist() == pytest.approx([by_loops(s, t, heat) for s, t in rows])
    assert (found > 0).all()


def test_the_slope_is_the_difference_of_the_distributions_times_the_temperature() -> None:
    # Hinton et al., equation (2): dC/ds = (q - p) / T for one factor of T, here T² · that.
    student, teacher, heat = scores(3, 5), scores(3, 5), 3.0
    soft_losses(student, teacher, temperature=heat).sum().backward()
    want = heat * ((student / heat).softmax(-1) - (teacher / heat).softmax(-1))
    assert_close(student.grad, want.detach())


def test_at_a_high_temperature_the_scores_themselves_are_matched() -> None:
    # Hinton et al., equation (4): (s - t) / V for scores of mean zero, whatever T is.
    student, teacher = (x - x.mean(-1, keepdim=True) for x in (scores(5), scores(5)))
    student = student.detach().requires_grad_()
    soft_losses(student, teacher, temperature=1e4).backward()
    assert_close(student.grad, (student - teacher).detach() / 5, rtol=1e-3, atol=1e-3)


@pytest.mark.kills(
    "distillation: the teacher is not detached",
    "compress/losses.py",
    "for x in (student, teacher.detach()))",
    "for x in (student, teacher))",
)
@pytest.mark.kills(
    "distillation: the teacher's states learn",
    "compress/losses.py",
    "(_exact(student) - _exact(teacher.detach())).square().mean(-1)",
    "(_exact(student) - _exact(teacher)).square().mean(-1)",
)
@pytest.mark.kills(
    "distillation: the teacher's maps learn",
    "compress/losses.py",
    "apart = (_exact(student) - _exact(teacher.detach())).square()",
    "apart = (_exact(student) - _exact(teacher)).square()",
)
@pytest.mark.parametrize("loss", [soft_losses, hidden_losses, attention_losses])
def test_a_teacher_does_not_learn(loss: object) -> None:
    student, teacher = scores(2, 3, 4, 4), scores(2, 3, 4, 4)
    loss(student, teacher).sum().backward()  # type: ignore[operator]
    assert teacher.grad is None
    assert student.grad is not None


def test_an_answer_that_the_teacher_excludes_costs_nothing_finite() -> None:
    teacher = torch.tensor([1.0, -math.inf, 0.0])
    student = torch.tensor([0.0, 1.0, 2.0], requires_grad=True)
    loss = soft_losses(student, teacher, temperature=2.0)
    loss.backward()
    assert loss.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()
    assert soft_losses(teacher, teacher) == 0


def test_half_precision_is_summed_in_float32() -> None:
    student, teacher = (torch.randn(2, 9).to(torch.bfloat16) for _ in range(2))
    found = soft_losses(student, teacher, temperature=2.0)
    assert found.dtype == torch.float32
    assert_close(
        found, soft_losses(student.float(), teacher.float(), temperature=2.0), rtol=0.02, atol=0.01
    )


@pytest.mark.kills(
    "distillation: padding is counted",
    "compress/losses.py",
    "losses.sum() / keep.sum().clamp(min=1)",
    "losses.sum() / keep.numel()",
)
def test_the_mean_is_over_real_tokens_whatever_stands_elsewhere() -> None:
    student, teacher = scores(2, 3, 5), scores(2, 3, 5).detach()
    keep = torch.tensor([[True, True, False], [True, False, False]])
    teacher[1, 2] = math.nan
    loss = soft_loss(student, teacher, keep, temperature=2.0)
    assert_close(loss, soft_losses(student[keep], teacher[keep], temperature=2.0).mean())
    loss.backward()
    assert student.grad is not None
    assert student.grad[~keep].eq(0).all()
    assert soft_loss(student, teacher, keep & False) == 0
    assert_close(soft_loss(student[:1], teacher[:1]), soft_losses(student[:1], teacher[:1]).mean())


def test_states_and_maps_are_compared_by_mean_squares() -> None:
    mine, theirs = scores(2, 3, 4), scores(2, 3, 4)
    assert_close(hidden_losses(mine, theirs)[1, 2], (mine - theirs)[1, 2].square().sum() / 4)
    maps, others = scores(2, 3, 4, 5), scores(2, 3, 4, 5)
    seen = torch.rand(2, 1, 4, 5) < 0.6
    seen[0, :, 1] = False
    found = attention_losses(maps, others, seen)
    for b in range(2):
        for t in range(4):
            parts = [
                (maps[b, h, t, s] - others[b, h, t, s]).item() ** 2
                for h in range(3) for s in range(5) if seen[b, 0, t, s]
            ]  # fmt: skip
            assert found[b, t].item() == pytest.approx(sum(parts) / max(len(parts), 1))
    assert_close(attention_losses(maps, others), (maps - others).square().mean((1, 3)))


@pytest.mark.plain
def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"teacher should have the student's shape \(2, 3\)"):
        soft_losses(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"teacher should have the student's shape"):
        attention_losses(torch.zeros(1, 2, 3, 3), torch.zeros(1, 4, 3, 3))
    with pytest.raises(ValueError, match=r"keep should have the student's axes"):
        soft_loss(torch.zeros(2, 3), torch.zeros(2, 3), torch.ones(3, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"temperature should be a positive number, got 0"):
        soft_losses(torch.zeros(2, 3), torch.zeros(2, 3), temperature=0.0)
