import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.nn import MixtureOfExperts, Router

check = checks.switch_output


def written(
    seen=lambda x, n: x * n, eats=lambda x, n: x, pick=max, gate=lambda p, s, i: p[i], early=False
):
    """Token by token, with the softmax by hand."""

    def answer(x, noise, router, weights, biases):
        rows = []
        for token, shake in zip(x, noise, strict=True):
            scores = router @ seen(token, shake)
            powers = (scores - scores.max()).exp()
            shares = powers / powers.sum()
            i = pick(range(len(scores)), key=lambda n, s=shares: float(s[n].detach()))
            factor, food = gate(shares, scores, i), eats(token, shake)
            if early:
                rows.append(weights[i] @ (factor * food) + biases[i])
            else:
                rows.append(factor * (weights[i] @ food + biases[i]))
        return torch.stack(rows)

    return answer


def test_right_answers_in_other_words_pass():
    check(written()).require()

    def by_dense_masks(x, noise, router, weights, biases):
        p = torch.softmax(x * noise @ router.T, 1)
        only = torch.where(p == p.amax(1, keepdim=True), p, torch.zeros_like(p))
        return torch.einsum("tn,nij,tj->ti", only, weights, x) + only @ biases

    check(by_dense_masks).require()


def test_the_package_computes_it():
    x, _, router, weights, biases = check.cases[-1]
    experts = []
    for weight, bias in zip(weights, biases, strict=True):
        experts.append(torch.nn.Linear(*weight.shape))
        experts[-1].weight.data, experts[-1].bias.data = weight, bias
    part = MixtureOfExperts(experts, Router(x.shape[1], len(router)))
    part.router.gate.weight.data = router
    got = part(x[None])[0]
    want = check.reference(x, torch.ones_like(x), router, weights, biases)
    torch.testing.assert_close(got, want)


def over_tokens(x, noise, router, weights, biases):
    columns = torch.stack([(x * noise @ row).softmax(0) for row in router], 1)
    rows = []
    for t, row in enumerate(columns):
        i = int(row.argmax())
        rows.append(row[i] * (weights[i] @ x[t] + biases[i]))
    return torch.stack(rows)


def quiet_gate(x, noise, router, weights, biases):
    rows = []
    for t in range(len(x)):
        i = int((router @ (noise[t] * x[t])).argmax())
        rows.append((router @ x[t]).softmax(0)[i] * (weights[i] @ x[t] + biases[i]))
    return torch.stack(rows)


def most_liked(x, noise, router, weights, biases):
    p = ((x * noise) @ router.T).softmax(1)
    i = int(p.sum(0).argmax())
    return p[:, i : i + 1] * (x @ weights[i].T + biases[i])


def everyone(x, noise, router, weights, biases):
    p = ((x * noise) @ router.T).softmax(1)
    parts = [p[:, [i]] * (x @ weights[i].T + biases[i]) for i in range(len(router))]
    return sum(parts)


WRITTEN = {
    "a gate of one": written(gate=lambda p, s, i: p[i] / p[i]),
    "the score as the gate": written(gate=lambda p, s, i: s[i]),
    "a gate by itself": written(gate=lambda p, s, i: 1 / (1 + (-s[i]).exp())),
    "softmax over the tokens": over_tokens,
    "the experts read the noise": written(eats=lambda x, n: n * x),
    "the noise is added": written(seen=lambda x, n: n + x),
    "without the noise": written(seen=lambda x, n: x),
    "an unshaken gate": quiet_gate,
    "the least likely expert": written(pick=min),
    "one expert for all": most_liked,
    "every expert for every token": everyone,
    "the gate before the expert": written(early=True),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_a_gate_that_is_cut_off_is_told():
    verdict = check(written(gate=lambda p, s, i: p[i].detach()))
    assert not verdict
    assert "not\nthe derivative" in str(verdict)
