import pytest

from txlite import checks


def gap(layer, x, order):
    return (layer(x[order]) - layer(x)[order]).abs().max()


@pytest.mark.parametrize(
    "answer",
    [
        gap,
        lambda layer, x, order: gap(layer, x, order).item(),
        lambda layer, x, order: (layer(x[order])[order.argsort()] - layer(x)).abs().max(),
        lambda layer, x, order: max(
            abs(layer(x[order])[t, j].item() - layer(x)[k, j].item())
            for t, k in enumerate(order.tolist())
            for j in range(x.shape[1])
        ),
    ],
    ids=["tensor", "float", "put back", "loops"],
)
def test_right_answers_in_other_words_pass(answer):
    checks.order_gap(answer).require()


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda f, x, order: (f(x[order]) - f(x)).abs().max(), "outputs not reordered"),
        (
            lambda f, x, order: (f(x[order]) - f(x)[order.argsort()]).abs().max(),
            "order undone instead of done",
        ),
        (lambda f, x, order: (f(x[order]) - f(x)[order]).max(), "the sign counts"),
        (
            lambda f, x, order: (f(x[order]) - f(x)).norm(),
            "outputs not reordered + norm instead of largest",
        ),
        (lambda f, x, order: 0.0, "outputs not reordered + words not reordered"),
        (lambda f, x, order: 7.0, None),
    ],
)
def test_natural_mistakes_are_named(answer, name):
    verdict = checks.order_gap(answer)
    assert not verdict
    assert verdict.mistake == name


def test_among_the_layers_one_is_blind_to_order_and_others_are_not():
    gaps = [float(gap(*case)) for case in checks.order_gap.cases]
    assert min(gaps) < 1e-6 < 0.5 < sorted(gaps)[1]


def test_a_layer_shows_itself_as_code():
    assert "lambda x: x.cumsum(0)" in checks.order_gap(lambda f, x, order: 7.0).message
