import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.models import Transformer, TransformerConfig
from txlite.nn import KVCache

check = checks.crop_after_draft


def run_of(draft, own):
    """Walk along both until they part."""
    n = 0
    for mine, theirs in zip(draft.tolist(), own.tolist(), strict=False):
        if mine != theirs:
            break
        n += 1
    return n


def matches(draft, own):
    return [a == b for a, b in zip(draft.tolist(), own.tolist(), strict=False)]


def back(draft, own):
    """Count the matches behind the last difference."""
    pairs = matches(draft, own)
    return len(pairs) if all(pairs) else pairs[::-1].index(False)


def late(draft, own):
    return run_of(draft, own[1:])


WRITTEN = {
    "agreement after a rejection": lambda n, d, o: n + 1 + matches(d, o).count(True),
    "nothing cropped": lambda n, d, o: n + len(o),
    "the rejected token kept": lambda n, d, o: min(n + run_of(d, o) + 2, n + len(o)),
    "the last written token forgotten": lambda n, d, o: n + run_of(d, o),
    "compared one position late": lambda n, d, o: n + late(d, o) + 1,
    "all or nothing": lambda n, d, o: n + (len(o) if d.tolist() == o.tolist()[:-1] else 1),
    "counted from the end": lambda n, d, o: n + 1 + back(d, o),
    "the differences counted": lambda n, d, o: n + 1 + matches(d, o).count(False),
    "only what is new": lambda n, d, o: run_of(d, o) + 1,
    "everything thrown away": lambda n, d, o: n,
    "how many to remove": lambda n, d, o: len(d) - run_of(d, o),
}


def test_right_answers_in_other_words_pass():
    check(lambda n, d, o: n + run_of(d, o) + 1).require()

    def by_difference(length, draft, own):
        differ = (draft != own[: len(draft)]).nonzero()
        return length + 1 + (int(differ[0]) if len(differ) else len(draft))

    check(by_difference).require()


def test_a_cropped_cache_goes_on_as_if_there_had_been_no_draft():
    torch.manual_seed(0)
    config = TransformerConfig(vocab_size=9, d_model=16, num_heads=2, d_ff=16, num_layers=2)
    model = Transformer(config).eval()
    source, written = torch.tensor([[3, 4, 5]]), torch.tensor([[1, 6, 2]])
    with torch.no_grad():
        cache = KVCache()
        first = model(source, written[:, :-1], cache=cache)  # all tokens but the last one
        assert len(cache) == 2 == first.shape[1]
        once = model(source, written)[0, -1].argmax()
        draft = torch.stack([once, (once + 1) % 9, torch.tensor(0)])  # its second token is wrong
        fed = torch.cat([written[0, -1:], draft])[None]
        own = model(None, fed, cache=cache)[0].argmax(-1)
        draft[1] = (own[1] + 1) % 9  # and stays wrong, whatever the model is
        cache.crop(check.reference(2, draft, own))
        assert len(cache) == 2 + 2
        text = torch.cat([written[0], draft[:1], own[1:2]])[None]
        next_one = model(None, text[:, -1:], cache=cache)[:, -1]
        torch.testing.assert_close(next_one, model(source, text)[:, -1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)
