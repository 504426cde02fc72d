import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.nn import PatchEmbedding

check = checks.patch_vectors


def one_by_one(numbers, corners=None):
    """Build an answer of what the numbers of a patch are, and where the patches begin."""

    def answer(pictures, matrix, patch):
        height, width = pictures.shape[2:]
        begin = (corners or rows_of_corners)(height, width, patch)
        return torch.stack(
            [
                torch.stack([torch.stack(numbers(picture, y, x, patch)) @ matrix for y, x in begin])
                for picture in pictures
            ]
        )

    return answer


def rows_of_corners(height, width, patch):
    return [(y, x) for y in range(0, height, patch) for x in range(0, width, patch)]


def columns_of_corners(height, width, patch):
    return [(y, x) for x in range(0, width, patch) for y in range(0, height, patch)]


def every_corner(height, width, patch):
    return [(y, x) for y in range(height - patch + 1) for x in range(width - patch + 1)]


def as_read(picture, y, x, patch):
    pixels = [(y + i, x + j) for i in range(patch) for j in range(patch)]
    return [colour[i, j] for i, j in pixels for colour in picture]


def down_first(picture, y, x, patch):
    pixels = [(y + i, x + j) for j in range(patch) for i in range(patch)]
    return [colour[i, j] for i, j in pixels for colour in picture]


def by_colour(picture, y, x, patch):
    pixels = [(y + i, x + j) for i in range(patch) for j in range(patch)]
    return [colour[i, j] for colour in picture for i, j in pixels]


right = one_by_one(as_read)


def test_right_answers_in_other_words_pass():
    check(right).require()

    def by_convolution(pictures, matrix, patch):
        kernel = matrix.T.reshape(-1, patch, patch, pictures.shape[1]).permute(0, 3, 1, 2)
        return torch.nn.functional.conv2d(pictures, kernel, stride=patch).flatten(2).mT

    check(by_convolution).require()


def memory(pictures, matrix, patch):
    return torch.stack([x.flatten().view(-1, matrix.shape[0]) @ matrix for x in pictures])


def pixels_in_memory(pictures, matrix, patch):
    return memory(pictures.movedim(1, 3).contiguous(), matrix, patch)


def with_rows_and_columns(pictures, matrix, patch):
    return right(pictures, matrix, patch).unflatten(1, (pictures.shape[2] // patch, -1))


WRITTEN = {
    "height and width exchanged": one_by_one(down_first, columns_of_corners),
    "patches column by column": one_by_one(as_read, columns_of_corners),
    "pixels column by column": one_by_one(down_first),
    "colour by colour": one_by_one(by_colour),
    "reshaped, not cut": memory,
    "strips for squares": pixels_in_memory,
    "overlapping patches": one_by_one(as_read, every_corner),
    "still a grid": with_rows_and_columns,
    "width before patches": lambda x, m, p: right(x, m, p).transpose(1, 2),
    "matrix viewed, not turned": lambda x, m, p: right(x, m.view(m.shape[::-1]).T, p),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_convolutions_kernel_in_the_usual_way_is_the_mistake_of_colours():
    """The kernel of nn.PatchEmbedding, laid flat as it is, belongs to colour by colour."""
    embedding = PatchEmbedding(5, 2, num_channels=3, bias=False).double()
    pictures = torch.randn(2, 3, 4, 6, dtype=torch.double)
    flat = embedding.proj.weight.flatten(1).T
    assert_close(one_by_one(by_colour)(pictures, flat, 2), embedding(pictures))
    last = embedding.proj.weight.movedim(1, 3).flatten(1).T
    assert_close(check.reference(pictures, last, 2), embedding(pictures))
