r"""How many bytes a layout moves: of one collective, of a layer, of a step.

A message of b bytes on a ring of N processes travels in N pieces, one step at a time. To gather or
to scatter it, each process sends N − 1 pieces; to sum it everywhere is both, one after the other:

.. math:: \text{gather, scatter: } \tfrac{N - 1}{N}\, b \qquad
          \text{all-reduce: } 2\, \tfrac{N - 1}{N}\, b

b is the *whole* message, so that what a gather begins with, b/N, is not divided again.

Sources
    Patarasuk and Yuan (2009), "Bandwidth Optimal All-reduce Algorithms", section 3.
    Shoeybi et al. (2019), "Megatron-LM", section 3. Narayanan et al. (2021), "Efficient Large-Scale
    Language Model Training on GPU Clusters Using Megatron-LM", section 3.
    Rajbhandari et al. (2020), "ZeRO", section 7 (what shards of the weights cost).
"""

from txlite._checks import check_choice, check_divides, check_length, check_positive

__all__ = [
    "bytes_sent",
    "data_parallel_bytes",
    "pipeline_bytes",
    "sharded_bytes",
    "tensor_parallel_bytes",
    "vocabulary_bytes",
]

_ROUNDS = {
    "all_reduce": 2, "all_gather": 1, "reduce_scatter": 1, "all_to_all": 1, "broadcast": 1,
}  # fmt: skip


def bytes_sent(kind: str, message: int, ranks: int) -> float:
    """Return the bytes that each process sends, on a ring.

    Parameters
    ----------
    kind : str
        ``"all_reduce"``, ``"all_gather"``, ``"reduce_scatter"``, ``"all_to_all"``,
        ``"broadcast"`` (on average over the processes) or ``"send"``.
    message : int
        Bytes of the whole message.
    ranks : int
        How many processes take part.

    Returns
    -------
    float
        Bytes.

    Raises
    ------
    ValueError
        If there is no such kind, or a number is not whole or too small.

    References
    ----------
    Patarasuk and Yuan (2009), section 3: no algorithm sends fewer for an all-reduce.

    Examples
    --------
    >>> bytes_sent("all_gather", 1200, 4), bytes_sent("all_reduce", 1200, 4)
    (900.0, 1800.0)
    """
    check_choice("kind", kind, (*_ROUNDS, "send"))
    message, ranks = check_length("message", message), check_positive("ranks", ranks)
    if kind == "send":
        return float(message)
    return _ROUNDS[kind] * message * (ranks - 1) / ranks


def tensor_parallel_bytes(
    d_model: int, tokens: int, *, itemsize: int = 4, memory_tokens: int | None = None
) -> dict[str, int]:
    """Return the bytes of all messages of one layer that is cut by Megatron-LM's two cuts.

    Forward, the outputs of attention and feed-forward layer are summed, backward the gradients of
    what they read: all-reduces all four, of the hidden states.

    Parameters
    ----------
    d_model : int
        Width of the hidden states.
    tokens : int
        Positions in the batch, B · T.
    itemsize : int
        Bytes of a number.
    memory_tokens : int, optional
        Positions of an encoder's output that the layer attends to as well. By default it does not.

    Returns
    -------
    dict of str to int
        ``"forward"`` and ``"backward"``: to be halved, doubled and divided as
        :func:`bytes_sent` says.

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Shoeybi et al. (2019), section 3 and figure 4.
    """
    d_model, tokens = check_positive("d_model", d_model), check_positive("tokens", tokens)
    state = check_positive("itemsize", itemsize) * d_model
    both = 2 * tokens * state
    if memory_tokens is None:
        return {"forward": both, "backward": both}
    across = check_positive("memory_tokens", memory_tokens) * state
    third = tokens * state
    return {"forward": both + third, "backward": both + third + across}


def vocabulary_bytes(d_model: int, tokens: int, *, itemsize: int = 4) -> dict[str, int]:
    """Return the bytes of all messages of a vocabulary that is cut.

    Forward, the embedding's vectors are summed, and of the loss three numbers for each position;
    backward, the gradient of the last hidden states.

    Parameters
    ----------
    d_model : int
        Width of the hidden states.
    tokens : int
        Positions in the batch.
    itemsize : int
        Bytes of a number.

    Returns
    -------
    dict of str to int
        ``"forward"`` and ``"backward"``.

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Shoeybi et al. (2019), section 3.
    """
    d_model, tokens = check_positive("d_model", d_model), check_positive("tokens", tokens)
    itemsize = check_positive("itemsize", itemsize)
    states = tokens * d_model * itemsize
    return {"forward": states + 3 * tokens * itemsize, "backward": states}


def data_parallel_bytes(parameters: int, *, itemsize: int = 4) -> int:
    """Return the bytes of the messages of a step of data parallelism: all gradients, summed.

    Parameters
    ----------
    parameters : int
        Parameters of the model, or of a process's part of it.
    itemsize : int
        Bytes of a gradient.

    Returns
    -------
    int
        Of all-reduces.

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Li et al. (2020), "PyTorch Distributed", section 3.
    """
    return check_positive("parameters", parameters) * check_positive("itemsize", itemsize)


def sharded_bytes(parameters: int, *, outside: int = 0, itemsize: int = 4) -> dict[str, int]:
    """Return the bytes of the messages of a step whose weights lie in pieces (FSDP, ZeRO-3).

    Each layer is gathered before it is used, forward and once more backward, and its gradients are
    summed in pieces: one and a half times what :func:`data_parallel_bytes` sends.

    Parameters
    ----------
    parameters : int
        Parameters of the layers that are put together and let go.
    outside : int
        Parameters of the whole that are in no such layer: they stay from forward to backward.
    itemsize : int
        Bytes of a number.

    Returns
    -------
    dict of str to int
        ``"all_gather"`` and ``"reduce_scatter"``.

    Raises
    ------
    ValueError
        If a number is not whole, or too small.

    References
    ----------
    Rajbhandari et al. (2020), section 7.2.2. Zhao et al. (2023), "PyTorch FSDP", section 3.2.
    """
    parameters, outside = check_positive("parameters", parameters), check_length("outside", outside)
    itemsize = check_positive("itemsize", itemsize)
    return {
        "all_gather": (2 * parameters + outside) * itemsize,
        "reduce_scatter": (parameters + outside) * itemsize,
    }


def pipeline_bytes(
    d_model: int, tokens: int, micro_batches: int, *, itemsize: int = 4
) -> dict[str, int]:
    """Return the bytes that cross one border between two stages of a pipeline in a step.

    Parameters
    ----------
    d_model : int
        Width of the hidden states.
    tokens : int
        Positions in the whole batch.
    micro_batches : int
        In how many parts it goes through.
    itemsize : int
        Bytes of a number.

    Returns
    -------
    dict of str to int
        ``"forward"`` and ``"backward"``, and of ``"one"`` message: hidden states forward, their
        gradients backward.

    Raises
    ------
    ValueError
        If a number is not positive, or the positions do not divide.

    References
    ----------
    Narayanan et al. (2021), section 3.2.
    """
    d_model, tokens = check_positive("d_model", d_model), check_positive("tokens", tokens)
    micro_batches = check_positive("micro_batches", micro_batches)
    check_divides("micro_batches", micro_batches, "tokens", tokens)
    states = tokens * d_model * check_positive("itemsize", itemsize)
    return {"forward": states, "backward": states, "one": states // micro_batches}
