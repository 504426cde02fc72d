import pytest

from tests.checks.written import earns
from txlite import checks

check = checks.training_bytes


def held(
    weight=(16, 32), gradient=(16,), moment=(32, 32), batch=None, scores=True, every=True,
    recomputed=True, inputs=True, saved=True,
):  # fmt: skip
    """Answer with a list of what is there at the worst moment."""

    def answer(parameters, batch_size, length, d_model, num_heads, num_layers, checkpointed):
        tokens = (batch or batch_size) * length
        inside = tokens * d_model * 34
        if scores:
            inside += tokens * length * 5 * (num_heads if scores is True else scores)
        there = []
        if checkpointed and saved:
            there += [2 * tokens * d_model] * (num_layers if inputs else 0)
            there += [inside] if recomputed else []
        else:
            there += [inside] * (num_layers if every else 1)
        numbers = [parameters * sum(bits) // 8 for bits in (weight, gradient, moment)]
        return [*numbers, sum(there)]

    return answer


def in_bits(*sizes):
    return [8 * size for size in held()(*sizes)]


def nothing_kept(*sizes):
    return [*held()(*sizes)[:3], 0]


WRITTEN = {
    "bits": in_bits,
    "gradients forgotten": held(gradient=()),
    "gradients in 32 bits": held(gradient=(32,)),
    "one moment": held(moment=(32,)),
    "no moments": held(moment=()),
    "no weights in 32 bits": held(weight=(16,)),
    "no weights in 16 bits": held(weight=(32,)),
    "activations forgotten": nothing_kept,
    "activations linear in the length": held(scores=False),
    "scores of one head": held(scores=1),
    "activations of one layer": held(every=False),
    "one sequence": held(batch=1),
    "the recomputed layer forgotten": held(recomputed=False),
    "checkpoints without effect": held(saved=False),
    "the inputs forgotten": held(inputs=False),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(held()).require()


def test_activations_are_those_of_the_paper():
    """Korthikanti et al. (2022), section 4.1: sbh(34 + 5as/h) bytes for a layer of GPT-3."""
    s, b, h, a, layers = 2048, 1, 12288, 96, 96
    want = layers * s * b * h * (34 + 5 * a * s / h)
    assert check.reference(0, b, s, h, a, layers, False) == [0, 0, 0, want]
    assert 5 * a * s / h == 80  # said there in section 5


def test_the_praise_is_gpt2_xl():
    assert round(sum(check.reference(1_557_611_200, 0, 0, 1600, 25, 48, False)) / 1e9) == 25
    assert "25 GB" in check.praise
