import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.models import ViT, ViTConfig

check = checks.picture_input


def vector_by_vector(tell):
    """Build an answer of what one picture's sequence is, a list of vectors."""

    def answer(patches, token, positions):
        pictures = [tell(list(x), token, list(positions), b) for b, x in enumerate(patches)]
        return torch.stack([torch.stack(vectors) for vectors in pictures])

    return answer


def right(patches, token, positions, b):
    return [a + b for a, b in zip([token, *patches], positions, strict=True)]


def test_right_answers_in_other_words_pass():
    check(vector_by_vector(right)).require()

    def filled(patches, token, positions):
        x = positions.repeat(len(patches), 1, 1)
        return x + torch.cat([token.repeat(len(patches), 1, 1), patches], 1)

    check(filled).require()


def moved(patches, token, positions, b):
    return [token, *(a + p for a, p in zip(patches, positions, strict=False))]


def twice(patches, token, positions, b):
    return right(right(patches, token, positions, b)[1:], token + positions[0], positions, b)


def patches_twice(patches, token, positions, b):
    once = [a + p for a, p in zip(patches, positions[1:], strict=True)]
    return right(once, token, positions, b)


def at_the_end(patches, token, positions, b):
    first, *rest = right(patches, token, positions, b)
    return [*rest, first]


def over(patches, token, positions, b):
    return [token, *patches[1:]]


WRITTEN = {
    "class token without a position": vector_by_vector(
        lambda x, t, p, b: [t, *right(x, t, p, b)[1:]]
    ),
    "each patch has the position before its own": vector_by_vector(moved),
    "positions added twice": vector_by_vector(twice),
    "patches' positions added twice": vector_by_vector(patches_twice),
    "a position for each picture": vector_by_vector(lambda x, t, p, b: [a + p[b] for a in [t, *x]]),
    "one position for all": vector_by_vector(lambda x, t, p, b: [a + p[0] for a in [t, *x]]),
    "no positions": vector_by_vector(lambda x, t, p, b: [t, *x]),
    "multiplied by positions": vector_by_vector(
        lambda x, t, p, b: [a * q for a, q in zip([t, *x], p, strict=True)]
    ),
    "class token last": vector_by_vector(
        lambda x, t, p, b: [a + q for a, q in zip([*x, t], p, strict=True)]
    ),
    "all right, in another order": vector_by_vector(at_the_end),
    "over the first patch": lambda x, t, p: vector_by_vector(over)(x, t, p) + p,
    "no class token": vector_by_vector(lambda x, t, p, b: right(x, t, p, b)[1:]),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_it_is_what_the_packages_vit_gives_its_encoder():
    torch.manual_seed(0)
    sizes = {"d_model": 8, "num_heads": 2, "d_ff": 16, "num_layers": 1}
    model = ViT(ViTConfig(image_size=(4, 6), patch_size=2, **sizes)).double().eval()
    torch.nn.init.normal_(model.class_token)
    pictures = torch.randn(2, 3, 4, 6, dtype=torch.double)
    read = []
    model.encoder.register_forward_pre_hook(lambda module, given: read.append(given[0]))
    model(pictures)
    wanted = check.reference(model.patches(pictures), model.class_token, model.positions.table)
    assert_close(read[0], wanted)
