import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.models import GPT, GPTConfig

check = checks.gpt_parameters


def built(v, t, d, heads, kv, f, n, tied):
    """Build the model on the meta device, and count."""
    config = GPTConfig(
        vocab_size=v, max_len=t, d_model=d, num_heads=heads, num_kv_heads=kv, d_ff=f,
        num_layers=n, tied_output=tied,
    )  # fmt: skip
    with torch.device("meta"):
        model = GPT(config)
    return model, sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("case", check.cases[1:], ids=str)
def test_the_reference_agrees_with_the_module_tree(case):
    assert check.reference(*case) == built(*case)[1]


def test_the_praise_is_gpt2():
    total = check.reference(50_257, 1024, 768, 12, 12, 3072, 12, True)
    assert f"{total:,}".replace(",", " ") in check.praise
    assert f"{(50_257 + 1024) * 768:,}".replace(",", " ") in check.praise
    assert total == built(50_257, 1024, 768, 12, 12, 3072, 12, True)[1]


def line(rows, columns, bias=True):
    return rows * columns + (columns if bias else 0)


def by_hand(
    v, t, d, heads, kv, f, n, tied, *, wide=None, bias=True, other=None, one=False, scales=2,
    ending=True, forms=4,
):  # fmt: skip
    inner = kv * (d // heads) if wide is None else wide
    attention = line(d, inner, bias) + line(d, inner, bias) + (forms - 2) * line(d, d, bias)
    block = attention + line(d, f, bias) + line(f, d, bias)
    norms = scales * d * (n + n + (1 if ending else 0))
    own = (0 if tied else d * v) if other is None else other
    return (v + t) * d + (block if one else sum(block for _ in range(n))) + norms + own


def sizes(**changes):
    """Answer with something changed; functions are given all sizes."""

    def answer(*given):
        found = {k: c(*given) if callable(c) else c for k, c in changes.items()}
        return by_hand(*given, **found)

    return answer


def heads_times(v, t, d, heads, kv, f, n, tied):
    inner = kv * (d // heads)
    more = (heads - 1) * (2 * line(d, d) + 2 * line(d, inner))
    return by_hand(v, t, d, heads, kv, f, n, tied) + n * more


def one_matrix(v, t, d, heads, kv, f, n, tied):
    return by_hand(v, t, d, heads, kv, f, n, tied) - n * line(f, d)


def test_right_answers_in_other_words_pass():
    check(sizes()).require()
    check(lambda *given: built(*given)[1] if given[2] > 1 else by_hand(*given)).require()


WRITTEN = {
    "multiplied by the heads": heads_times,
    "query heads for key heads": sizes(wide=lambda v, t, d, *_: d),
    "one head of keys": sizes(wide=lambda v, t, d, heads, *_: d // heads),
    "biases forgotten": sizes(bias=False),
    "tied output counted again": sizes(other=lambda v, t, d, *_: d * v),
    "own output forgotten": sizes(other=0),
    "a bias for every token": lambda v, *rest: by_hand(v, *rest) + v,
    "embeddings left out": lambda v, t, d, *rest: by_hand(v, t, d, *rest) - d * (t + v),
    "positions left out": lambda v, t, d, *rest: by_hand(v, 0, d, *rest),
    "positions in every layer": lambda v, t, d, h, kv, f, n, tied: by_hand(
        v, t * n, d, h, kv, f, n, tied
    ),
    "last norm forgotten": sizes(ending=False),
    "norms forgotten": sizes(scales=0),
    "shift of the norms forgotten": sizes(scales=1),
    "W^O forgotten": sizes(forms=3),
    "one matrix in the feed-forward layer": one_matrix,
    "one layer": sizes(one=True),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
