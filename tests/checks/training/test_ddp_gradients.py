import torch
from torch.testing import assert_close

from txlite import checks

check = checks.ddp_gradients


def test_other_words_pass():
    check(lambda g, c: g / c.mean()).require()

    def loop(gradients, counts):
        share = len(counts) / sum(counts.tolist())
        return torch.stack([row * share for row in gradients])

    check(loop).require()


def test_the_average_of_a_right_answer_is_the_gradient_of_the_mean_over_tokens():
    losses, weight = torch.arange(1.0, 8.0), torch.tensor(2.0, requires_grad=True)
    (whole,) = torch.autograd.grad((weight * losses).mean(), weight)
    parts = torch.stack([losses[:2].sum(), losses[2:].sum()])[:, None]  # of sums, by process
    handed = check.reference(parts, torch.tensor([2.0, 5.0]))
    assert_close(handed.mean(), whole)


def test_natural_mistakes_are_named():
    assert check(lambda g, c: g / c[:, None]).mistake == "mean of the means"
    assert check(lambda g, c: g / c.sum()).mistake == "the averaging is forgotten"
