"""Which layers learn from which."""

import pytest

from txlite.compress import layer_map


def test_tinyberts_own_map() -> None:
    assert [n + 1 for n in layer_map(4, 12)] == [3, 6, 9, 12]  # g(m) = 3m


@pytest.mark.parametrize("teacher", range(1, 9))
def test_every_layer_has_one_of_its_own_and_the_last_has_the_last(teacher: int) -> None:
    for student in range(1, teacher + 1):
        for how in ("uniform", "last"):
            found = layer_map(student, teacher, how)  # type: ignore[arg-type]
            assert found == sorted(set(found))
            assert len(found) == student
            assert found[0] >= 0
            assert found[-1] == teacher - 1
        assert layer_map(student, teacher, "last")[0] == teacher - student
    assert layer_map(teacher, teacher) == list(range(teacher))


@pytest.mark.plain
def test_a_larger_student_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"student_layers should be at most the teacher's 2, got 3"
    ):
        layer_map(3, 2)
    with pytest.raises(ValueError, match=r"how should be one of uniform, last, got 'first'"):
        layer_map(1, 2, "first")  # type: ignore[arg-type]
