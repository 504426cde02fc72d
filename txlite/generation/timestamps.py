"""Whisper's rules for tokens that are times: they come in pairs, and never run backwards.

A vocabulary ends in the times, 0.00, 0.02, 0.04 seconds and on. A piece of text stands between the
time at which it begins and that at which it ends. The function is one for ``processors=`` of
:func:`txlite.generation.generate`::

    rules = partial(timestamp_rules, begin=prompt.shape[1], no_timestamps=50363, eos_id=50257)
    generate(model, prompt, source=sound, eos_id=50257, processors=[rules])

Source
    Radford et al. (2023), "Robust Speech Recognition via Large-Scale Weak Supervision", section 2.3
    and 4.5; the rules are those of the authors' code.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from txlite._checks import check_length, check_shape, check_whole
from txlite.generation.sampling import _check_logits, _check_seen

__all__ = ["timestamp_rules"]


def timestamp_rules(
    logits: Float[Tensor, "B V"],
    tokens: Int[Tensor, "B T"],
    *,
    begin: int,
    no_timestamps: int,
    eos_id: int,
    max_initial: int | None = None,
) -> Float[Tensor, "B V"]:
    """Rule out what would break the pairs of times.

    After one time that stands alone comes its text's end or the next piece's beginning, after two
    comes text; no time is before an earlier one; the first new token is a time. And where all
    times together are more probable than the most probable other token, a time comes.

    Parameters
    ----------
    logits : Tensor, shape (B, V)
        One score for each token of the vocabulary.
    tokens : Tensor of int, shape (B, T)
        What has been read and written so far.
    begin : int
        How many of them are the prompt.
    no_timestamps : int
        The token that says that there are no times, which never comes: all after it are times.
    eos_id : int
        The token that ends a text; all before it are text.
    max_initial : int, optional
        How many steps of 0.02 seconds the first time is at most. The default is any.

    Returns
    -------
    Tensor, shape (B, V)
        Minus infinity for what is ruled out.

    Raises
    ------
    ValueError
        If a shape is wrong, ``begin`` is more than T, or a token is outside [0, V).

    Notes
    -----
    The sum over times is taken in float32, as by Hugging Face, to whose processor it is equal.

    References
    ----------
    Radford et al. (2023), section 4.5.

    Examples
    --------
    >>> logits = torch.tensor([[0.3, 0.1, 0.0, 0.0, 0.5, 0.2]])  # 3 says no times, 4 and 5 are some
    >>> timestamp_rules(logits, torch.tensor([[2]]), begin=1, no_timestamps=3, eos_id=2)
    tensor([[  -inf,   -inf,   -inf,   -inf, 0.5000, 0.2000]])
    """
    _check_logits(logits)
    rows, vocabulary = check_shape("logits", logits, "B V").values()
    length = check_shape("tokens", tokens, "B T", B=rows)["T"]
    _check_seen(logits, tokens, None)
    wanted = f"a token of the vocabulary, in [0, V={vocabulary})"
    none = check_whole("no_timestamps", no_timestamps, wanted, lambda t: 0 <= t < vocabulary)
    end = check_whole("eos_id", eos_id, wanted, lambda t: 0 <= t < vocabulary)
    begin = check_whole("begin", begin, f"in [0, T={length}]", lambda t: 0 <= t <= length)
    max_initial = None if max_initial is None else check_length("max_initial", max_initial)
    ids = torch.arange(vocabulary, device=logits.device)
    is_time = ids > none
    new = tokens[:, begin:]
    times = new > none  # (B, new tokens)
    last = times[:, -1] if new.shape[1] else torch.zeros(rows, dtype=torch.bool, device=ids.device)
    before = times[:, -2] if new.shape[1] > 1 else torch.ones_like(last)
    latest = new.masked_fill(~times, 0)
    place = torch.arange(1, new.shape[1] + 1, device=ids.device) * times  # 0: no time
    open_pair = last & ~before
    gone = (ids == none).expand(rows, -1)
    gone = gone | ((last & before)[:, None] & is_time) | (open_pair[:, None] & (ids < end))
    if new.shape[1]:
        newest = latest.gather(1, place.argmax(1, keepdim=True))  # 0 where there is none
        first = newest + (times.any(1) & ~open_pair)[:, None].long()  # may come again if it is open
        gone = gone | (is_time & (ids < first))
    else:
        gone = gone | ~is_time
        if max_initial is not None:
            gone = gone | (ids > none + 1 + max_initial)
    scores = logits.masked_fill(gone, -math.inf)
    chances = scores.float().log_softmax(-1)
    other = chances[:, : none + 1].amax(-1)
    likely = chances[:, none + 1 :].logsumexp(-1) > other if none + 1 < vocabulary else last & ~last
    return scores.masked_fill(likely[:, None] & ~is_time, -math.inf)
