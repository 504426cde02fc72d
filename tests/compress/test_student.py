"""A student is its model, and two maps beside it."""

import torch

from tests.compress import small
from txlite.compress import Student


def test_a_student_answers_as_its_model_and_holds_no_teacher() -> None:
    teacher, model = small.bert(d_model=28), small.bert()
    student = Student(model, teacher)
    tokens = small.tokens()
    assert torch.equal(student(tokens, keep=small.kept()), model(tokens, keep=small.kept()))
    extra = sum(p.numel() for p in student.parameters()) - sum(
        p.numel() for p in model.parameters()
    )
    assert extra == 2 * 28 * small.D
    assert student.states_proj(torch.zeros(1, small.D)).shape == (1, 28)
