"""Exercise: one vector for each patch, with a matrix from a library that stores colours last.

Sources
    Dosovitskiy et al. (2021), "An Image is Worth 16x16 Words", section 3.1, equation (1): patches
    are flattened with the colours of a pixel side by side.
"""

from torch import Tensor

from txlite.checks.framework import Exercise, Mistake, Step, as_given, counting, halves, swapped

__all__ = ["patch_vectors"]


def _squares(pictures: Tensor, patch: int) -> Tensor:
    """Cut pictures into patches without a gap: (B, rows, columns, C, y, x)."""
    batch, colours, height, width = pictures.shape
    cut = pictures.view(batch, colours, height // patch, patch, width // patch, patch)
    return cut.permute(0, 2, 4, 1, 3, 5)


def _in_a_row(grid: Tensor) -> Tensor:
    return grid.flatten(1, 2)


def _colours_last(patches: Tensor) -> Tensor:
    return patches.movedim(-3, -1)


def _times(flat: Tensor, matrix: Tensor) -> Tensor:
    return flat @ matrix


def _vectors_recipe(
    pictures: Tensor,
    matrix: Tensor,
    patch: int,
    cut: Step = _squares,
    order: Step = _in_a_row,
    turn: Step = as_given,
    colours: Step = _colours_last,
    times: Step = _times,
) -> Tensor:
    patches = turn(order(cut(pictures, patch)))  # (B, P, C, y, x)
    vectors: Tensor = times(colours(patches).flatten(-3), matrix)
    return vectors


def _overlapping(pictures: Tensor, patch: int) -> Tensor:
    windows = pictures.unfold(2, patch, 1).unfold(3, patch, 1)  # (B, C, rows, columns, y, x)
    return windows.permute(0, 2, 3, 1, 4, 5)


def _sides_exchanged(pictures: Tensor, matrix: Tensor, patch: int) -> Tensor:
    return _vectors_recipe(pictures.mT.contiguous(), matrix, patch)


def _reshaped(pictures: Tensor, matrix: Tensor, patch: int) -> Tensor:
    return pictures.reshape(len(pictures), -1, len(matrix)) @ matrix


def _strips(pictures: Tensor, matrix: Tensor, patch: int) -> Tensor:
    return pictures.permute(0, 2, 3, 1).reshape(len(pictures), -1, len(matrix)) @ matrix


def _width_first(pictures: Tensor, matrix: Tensor, patch: int) -> Tensor:
    return _vectors_recipe(pictures, matrix, patch).mT


def _viewed(flat: Tensor, matrix: Tensor) -> Tensor:
    return flat @ matrix.reshape(matrix.shape[1], matrix.shape[0]).mT


patch_vectors = Exercise(
    name="patch_vectors",
    signature="f(pictures: (B, C, Y, X), matrix: (N, D), patch: int) -> (B, P, D)",
    task=(
        "Cut pictures into squares of so many pixels, and map each of them. The patches come row "
        "by row, from the left. The N = patch * patch * C rows of the matrix belong to a patch's "
        "numbers as one reads them: pixel row by pixel row, in each row from the left, and of "
        "each pixel all colours one after the other."
    ),
    inputs=("pictures", "matrix", "patch"),
    reference=_vectors_recipe,
    cases=(
        (counting(1, 1, 2, 4), halves(1, 4, 1), 2),
        (counting(1, 2, 4, 2), halves(2, 8, 3), 2),
        (counting(1, 2, 4, 6), halves(3, 8, 3), 2),
        (halves(4, 2, 3, 6, 9), halves(5, 27, 5), 3),
    ),
    bank=(
        Mistake(
            "height and width exchanged",
            "The pictures are read as if their width came before their height: the patches come "
            "column by column, and so do the pixels in each of them.",
            _sides_exchanged,
        ),
        swapped(
            _vectors_recipe,
            "patches column by column",
            "The patches come column by column. A patch's position counts them row by row, so "
            "that each would get the position of another one.",
            order=lambda grid: grid.transpose(1, 2).flatten(1, 2),
        ),
        swapped(
            _vectors_recipe,
            "pixels column by column",
            "The pixels of a patch are read column by column: the matrix meets each patch "
            "mirrored at its diagonal.",
            turn=lambda patches: patches.mT,
        ),
        swapped(
            _vectors_recipe,
            "colour by colour",
            "A patch is flattened colour by colour, as the kernel of a torch convolution lies. "
            "Here all colours of a pixel stand side by side: they come last.",
            colours=as_given,
        ),
        Mistake(
            "reshaped, not cut",
            "To reshape moves no number: what it puts together are neighbours in memory, and not "
            "the pixels of a square. Split both sides, move the axes, and only then flatten.",
            _reshaped,
        ),
        Mistake(
            "strips for squares",
            "The colours come last, and then neighbours in memory are put together. That gives "
            "strips of pixel rows, as many numbers as in a patch, and not squares.",
            _strips,
        ),
        swapped(
            _vectors_recipe,
            "overlapping patches",
            "The square moves by one pixel each time, so that patches overlap. Patches are moved "
            "by their own side.",
            cut=_overlapping,
        ),
        swapped(
            _vectors_recipe,
            "still a grid",
            "The result is still a grid with rows and columns. A sequence has one axis for the "
            "patches.",
            order=as_given,
        ),
        Mistake(
            "width before patches",
            "The vectors' width comes before the patches, as a convolution leaves it. The width "
            "of a model is the last axis.",
            _width_first,
        ),
        swapped(
            _vectors_recipe,
            "matrix viewed, not turned",
            "The matrix (N, D) is reshaped to (D, N), which puts its numbers elsewhere. To "
            "exchange two axes, transpose.",
            times=_viewed,
        ),
    ),
    praise="Each number of a patch meets its own row of the matrix.",
    differentiable=True,
)
