import math
from functools import partial

import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.models import CLIP, CLIPConfig, CLIPTextConfig, ViTConfig
from txlite.training import contrastive_loss

check = checks.contrastive_loss


def length(row):
    return math.hypot(*row)


def one(row):
    return 1.0


def factor(log_scale):
    return min(math.exp(log_scale), 100.0)


def dot(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


def table(p, t, log_scale, of_p=length, of_t=length, factor=factor):
    """Every score by itself."""
    p, t = p.tolist(), t.tolist()
    return [[factor(log_scale) * dot(x, y) / of_p(x) / of_t(y) for y in t] for x in p]


def cost(row, i):
    most = max(row)
    return math.log(sum(math.exp(x - most) for x in row)) + most - row[i]


def costs(rows, target=lambda i, n: i, cost=cost):
    return [cost(row, target(i, len(rows))) for i, row in enumerate(rows)]


def columns(rows):
    return [list(column) for column in zip(*rows, strict=True)]


def mean(numbers):
    return sum(numbers) / len(numbers)


def loss(p, t, log_scale, **how):
    choice = {name: how.pop(name) for name in ("target", "cost") if name in how}
    rows = table(p, t, log_scale, **how)
    return mean(costs(rows, **choice) + costs(columns(rows), **choice))


def test_right_answers_in_other_words_pass():
    check(loss).require()

    def by_einsum(pictures, texts, log_scale):
        p, t = (x.double() / x.square().sum(1, keepdim=True).sqrt() for x in (pictures, texts))
        scores = torch.einsum("ie,je->ij", p, t) * min(math.exp(log_scale), 100)
        right = scores.diag()
        rows, cols = (scores.exp().sum(d).log() - right for d in (1, 0))
        return (rows.mean() + cols.mean()) / 2

    check(by_einsum).require()


def over_the_batch(p, t, log_scale):
    p, t = (
        torch.tensor(columns([[x / length(c) for x in c] for c in columns(v.tolist())]))
        for v in (p, t)
    )
    return loss(p, t, log_scale, of_p=one, of_t=one)


def of_pictures(p, t, log_scale):
    return mean(costs(table(p, t, log_scale)))


def of_texts(p, t, log_scale):
    return mean(costs(columns(table(p, t, log_scale))))


def whole(p, t, log_scale):
    rows = table(p, t, log_scale)
    return mean(
        [cost([x for row in rows for x in row], i * len(rows) + i) for i in range(len(rows))]
    )


def sigmoids(p, t, log_scale):
    rows = table(p, t, log_scale)
    signed = [(x if i == j else -x) for i, row in enumerate(rows) for j, x in enumerate(row)]
    return mean([math.log(1 + math.exp(-x)) for x in signed])


def others_only(row, i):
    rest = row[:i] + row[i + 1 :]
    return cost(rest, 0) + rest[0] - row[i]


def of_shares(row, i):
    shares = [math.exp(x - max(row)) for x in row]
    return cost([x / sum(shares) for x in shares], i)


def attraction(p, t, log_scale):
    rows = table(p, t, log_scale)
    return -mean([rows[i][i] for i in range(len(rows))])


WRITTEN = {
    "towers not normalised": partial(loss, of_p=one, of_t=one),
    "texts not normalised": partial(loss, of_t=one),
    "pictures not normalised": partial(loss, of_p=one),
    "normalised over the batch": over_the_batch,
    "temperature unclamped": partial(loss, factor=lambda x: math.e**x),
    "divided by the scale": partial(loss, factor=lambda x: max(math.e**-x, 0.01)),
    "the logarithm for the scale": partial(loss, factor=lambda x: math.log(factor(x))),
    "a scale of 1": partial(loss, factor=lambda x: 1),
    "a scale that cannot learn": partial(loss, factor=lambda x: 14.285714),
    "one direction only: pictures": of_pictures,
    "one direction only: texts": of_texts,
    "both directions added": lambda p, t, x: of_pictures(p, t, x) + of_texts(p, t, x),
    "one softmax over the whole table": whole,
    "a yes or no for each pair": sigmoids,
    "the right pair left out": partial(loss, cost=others_only),
    "softmax twice": partial(loss, cost=of_shares),
    "summed over the batch": lambda p, t, x: len(p) * loss(p, t, x),
    "the neighbour's text": partial(loss, target=lambda i, n: i + 1 if i + 1 < n else 0),
    "targets in reverse": partial(loss, target=lambda i, n: n - 1 - i),
    "all to the first": partial(loss, target=lambda i, n: 0),
    "only the right pairs": attraction,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_the_two_directions_are_two_numbers():
    """Scores [[2, 2], [0, 0]] cost log 2 from the pictures and 1.1269 from the texts."""
    pictures = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    texts = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    log_scale = math.log(2)
    assert of_pictures(pictures, texts, log_scale) == pytest.approx(math.log(2))
    assert of_texts(pictures, texts, log_scale) == pytest.approx(1.1269, abs=5e-5)
    assert check.reference(pictures, texts, log_scale).item() == pytest.approx(0.9100, abs=5e-5)


@pytest.mark.parametrize("log_scale", [math.log(1 / 0.07), 5.5])
def test_it_is_the_loss_of_the_packages_clip(log_scale):
    torch.manual_seed(0)
    sizes = {"d_model": 16, "num_heads": 2, "d_ff": 32, "num_layers": 1}
    config = CLIPConfig(
        vision=ViTConfig(image_size=8, patch_size=4, embedding_norm=True, **sizes),
        text=CLIPTextConfig(vocab_size=50, end_id=49, **sizes),
        log_scale=log_scale,
    )
    model = CLIP(config).double().eval()
    pictures = torch.randn(3, 3, 8, 8).double()
    tokens = torch.tensor([[1, 7, 49], [2, 3, 49], [5, 5, 49]])
    with torch.no_grad():
        units = model.encode_pictures(pictures), model.encode_texts(tokens)
        wanted = contrastive_loss(*units, model.scale()).item()
    found = check.reference(3 * units[0], units[1] / 2, log_scale)
    assert found.item() == pytest.approx(wanted)
