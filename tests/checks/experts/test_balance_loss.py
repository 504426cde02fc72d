import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.nn import balance_loss

check = checks.balance_loss


def one_layer(p, chosen, f, big_p, product=lambda f, p, n: n * f * p):
    """Expert by expert."""
    total = 0.0
    for i in range(p.shape[1]):
        total = total + product(f(p, chosen, i), big_p(p, chosen, i), p.shape[1])
    return total


def share(p, chosen, i):
    return chosen.tolist().count(i) / len(chosen)


def count(p, chosen, i):
    return chosen.tolist().count(i)


def mean(p, chosen, i):
    return sum(p[:, i]) / len(p)


def written(f=share, big_p=mean, product=lambda f, p, n: n * f * p, end=sum):
    def answer(probabilities, experts):
        pairs = zip(probabilities, experts, strict=True)
        return end([one_layer(p, chosen, f, big_p, product) for p, chosen in pairs])

    return answer


def test_right_answers_in_other_words_pass():
    check(written()).require()
    check(
        lambda probabilities, experts: sum(
            balance_loss(p[None], e[None, :, None])
            for p, e in zip(probabilities, experts, strict=True)
        )
    ).require()


def of_choosers(p, chosen, i):
    return sum((p[t, i] for t in range(len(p)) if chosen[t] == i), p.sum() * 0) / len(p)


def among_choosers(p, chosen, i):
    return of_choosers(p, chosen, i) * len(p) / max(1, count(p, chosen, i))


def in_one_heap(probabilities, experts):
    return one_layer(torch.cat([*probabilities]), torch.cat([*experts]), share, mean)


def variation(probabilities, experts):
    total = 0.0
    for p in probabilities:
        load = [float(mean(p, None, i)) for i in range(p.shape[1])]
        middle = sum(load) / len(load)
        total += sum((x - middle) ** 2 for x in load) / len(load) / middle**2
    return total


def busiest(probabilities, experts):
    total = 0.0
    for p, chosen in zip(probabilities, experts, strict=True):
        total += max(
            p.shape[1] * share(p, chosen, i) * mean(p, chosen, i) for i in range(p.shape[1])
        )
    return total


WRITTEN = {
    "layers pooled": in_one_heap,
    "the mean over the layers": written(end=lambda losses: sum(losses) / len(losses)),
    "without the number of experts": written(product=lambda f, p, n: f * p),
    "P of the chosen alone": written(big_p=of_choosers),
    "P among those who chose": written(big_p=among_choosers),
    "f from probabilities": written(f=mean),
    "P from counts": lambda p, e: torch.as_tensor(written(big_p=share)(p, e)),
    "summed, not averaged": written(f=count),
    "both summed": written(f=count, big_p=lambda p, chosen, i: p[:, i].sum()),
    "the busiest expert alone": busiest,
    "the probability of the others": written(product=lambda f, p, n: n * f * (1 - p)),
    "one is taken off": written(end=lambda losses: sum(losses) - len(losses)),
    "the coefficient of variation": variation,
    "the sign": lambda *given: -written()(*given),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_two_layers_that_cancel_are_not_even():
    """All to expert 0 in one layer, all to expert 1 in the next (transformers #28255)."""
    sure = torch.tensor([[[1.0, 0.0]] * 3, [[0.0, 1.0]] * 3])
    chosen = torch.tensor([[0, 0, 0], [1, 1, 1]])
    assert check.reference(sure, chosen) == 4.0  # 2 in each layer
    pooled = next(m for m in check.bank if m.name == "layers pooled")
    assert pooled.wrong(sure, chosen) == 1.0
