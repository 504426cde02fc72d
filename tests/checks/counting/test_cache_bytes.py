import pytest
import torch

from tests.checks.written import earns
from txlite import checks
from txlite.models import GPT, GPTConfig
from txlite.nn import KVCache

check = checks.cache_bytes


def kept(kinds=2, heads=None, wide=None, layers=None, sequences=None, tokens=None, size=None):
    """Answer with the shapes of what is kept, layer by layer."""

    def answer(batch_size, length, d_model, num_heads, num_kv_heads, num_layers, bits):
        shape = (
            sequences or batch_size,
            heads(num_heads) if heads else num_kv_heads,
            tokens(length) if tokens else length,
            wide(d_model, num_kv_heads, num_heads) if wide else d_model // num_heads,
        )
        numbers = torch.Size(shape).numel() * kinds * (layers or num_layers)
        return size(numbers, bits) if size else numbers * bits // 8

    return answer


WRITTEN = {
    "query heads for key heads": kept(heads=lambda many: many),
    "one head of keys": kept(heads=lambda many: 1),
    "d_model for each head": kept(wide=lambda d, kv, heads: d),
    "as wide as if there were fewer heads": kept(
        heads=lambda many: many, wide=lambda d, kv, heads: d // kv
    ),
    "one of keys and values": kept(kinds=1),
    "the queries too": kept(kinds=3),
    "bits": kept(size=lambda numbers, bits: bits * numbers),
    "times eight": kept(size=lambda numbers, bits: 8 * bits * numbers),
    "two bytes for every number": kept(size=lambda numbers, bits: numbers + numbers),
    "numbers, not bytes": kept(size=lambda numbers, bits: numbers),
    "one layer": kept(layers=1),
    "one sequence": kept(sequences=1),
    "the length squared": kept(tokens=lambda length: length**2),
    "the newest token alone": kept(tokens=lambda length: 1),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_right_answers_in_other_words_pass():
    check(kept()).require()


@pytest.mark.parametrize("kv", [1, 2, 6])
def test_the_reference_is_what_a_cache_holds(kv):
    config = GPTConfig(
        vocab_size=9, d_model=12, num_heads=6, num_kv_heads=kv, d_ff=8, num_layers=3, max_len=16
    )
    cache = KVCache()
    GPT(config).eval()(torch.ones(2, 7, dtype=torch.long), cache=cache)
    held = sum(x.numel() * x.element_size() for x in tensors(cache))
    assert check.reference(2, 7, 12, 6, kv, 3, 32) == held


def tensors(cache):
    """Return the keys and values of a cache and of its children."""
    own = [] if cache.keys is None else [cache.keys, cache.values]
    return own + [x for child in cache.children.values() for x in tensors(child)]
