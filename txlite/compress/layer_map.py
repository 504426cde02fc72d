"""Which of the teacher's layers a layer of the student learns from.

Sources
    Jiao et al. (2020), "TinyBERT", sections 3.2 and 4.6 (uniform, top and bottom strategies).
"""

from typing import Literal, get_args

from txlite._checks import check_choice, check_positive

__all__ = ["LayerMap", "layer_map"]

LayerMap = Literal["uniform", "last"]


def layer_map(student_layers: int, teacher_layers: int, how: LayerMap = "uniform") -> list[int]:
    """Return for each of the student's layers the number of its teacher's layer, from 0.

    Parameters
    ----------
    student_layers : int
        M, how many the student has.
    teacher_layers : int
        N, how many the teacher has; at least as many.
    how : str
        ``"uniform"``: layer m, counted from 1, learns from layer m · N / M, rounded up: the last
        from the last, and the rest at even distances. ``"last"``: from layer m + N − M, the top.

    Returns
    -------
    list of int
        Increasing.

    Raises
    ------
    ValueError
        If a number is not positive, the teacher has fewer layers, or there is no such way.

    References
    ----------
    Jiao et al. (2020), section 4.6.

    Examples
    --------
    >>> layer_map(4, 12), layer_map(4, 12, "last"), layer_map(4, 6)
    ([2, 5, 8, 11], [8, 9, 10, 11], [1, 2, 4, 5])
    """
    few, many = (
        check_positive("student_layers", student_layers),
        check_positive("teacher_layers", teacher_layers),
    )
    check_choice("how", how, get_args(LayerMap))
    if few > many:
        raise ValueError(
            f"student_layers should be at most the teacher's {many}, got {few}: a layer of the "
            "student has one of its own to learn from"
        )
    if how == "last":
        return list(range(many - few, many))
    return [-(-m * many // few) - 1 for m in range(1, few + 1)]
