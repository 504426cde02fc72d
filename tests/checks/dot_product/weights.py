"""Attention weights as a reader would write them, each wrong in one way."""

import torch


def scores(q, k):
    return torch.einsum("...te,...se->...ts", q, k)


def scaled(q, k):
    return scores(q, k) / q.shape[-1] ** 0.5


def shares(s, *axes):
    """Make the entries along some axes shares of one, by logarithms."""
    return (s - s.logsumexp(axes, keepdim=True)).exp()


def best(s):
    winners = torch.zeros_like(s)
    winners.scatter_(-1, s.argmax(-1)[..., None], 1.0)
    return winners


def exponentials(s):
    e = s.exp()
    return e / torch.einsum("...ts->...t", e).unsqueeze(-1)


WEIGHTS = {
    "no scale": lambda q, k: shares(scores(q, k), -1),
    "divides by d_k": lambda q, k: shares(scores(q / q.shape[-1], k), -1),
    "multiplies by √d_k": lambda q, k: shares(scores(q.shape[-1] ** 0.5 * q, k), -1),
    "divides by √(number of keys)": lambda q, k: shares(scores(q, k) / k.size(-2) ** 0.5, -1),
    "reads d_k from axis 1": lambda q, k: shares(scores(q / q.size(1) ** 0.5, k), -1),
    "scale after the softmax": lambda q, k: shares(scores(q, k), -1) / k.size(-1) ** 0.5,
    "softmax over the queries": lambda q, k: shares(scaled(q, k), -2),
    "softmax over axis 0": lambda q, k: shares(scaled(q, k), 0),
    "softmax over axis 1": lambda q, k: shares(scaled(q, k), 1),
    "softmax over everything": lambda q, k: shares(scaled(q, k), -2, -1),
    "sigmoid": lambda q, k: 1 / (1 + (-scaled(q, k)).exp()),
    "no softmax": lambda q, k: scaled(q, k),
    "no exponential": lambda q, k: (
        scaled(q, k) / torch.einsum("...ts->...t", scaled(q, k)).unsqueeze(-1)
    ),
    "the exponential overflows": lambda q, k: exponentials(scaled(q, k)),
    "softmax twice": lambda q, k: shares(shares(scaled(q, k), -1), -1),
    "log-softmax": lambda q, k: scaled(q, k) - scaled(q, k).logsumexp(-1, keepdim=True),
    "only the best key": lambda q, k: best(scaled(q, k)),
    "query and key swapped": lambda q, k: shares(scaled(k, q), -1),
    "key reshaped, not transposed": lambda q, k: shares(
        q @ k.flatten(-2).unflatten(-1, (k.size(-1), k.size(-2))) / q.size(-1) ** 0.5, -1
    ),
    "key not transposed": lambda q, k: shares(
        torch.einsum("...te,...es->...ts", q, k) / q.size(-1) ** 0.5, -1
    ),
    "transposes axes 0 and 1": lambda q, k: shares(
        q.matmul(k.swapaxes(0, 1)) / q.size(-1) ** 0.5, -1
    ),
    "transposes axes 1 and 2": lambda q, k: shares(
        q.matmul(k.swapaxes(1, 2)) / q.size(-1) ** 0.5, -1
    ),
}
