"""Exercise: how many bytes the keys and values of a running generation take.

Sources
    Shazeer (2019), "Fast Transformer Decoding: One Write-Head is All You Need", section 2.4.
    Ainslie et al. (2023), "GQA", section 2.2.
"""

from txlite.checks.framework import Exercise, Step, swapped

__all__ = ["cache_bytes"]


def _width(d_model: int, num_heads: int, num_kv_heads: int) -> int:
    return d_model // num_heads * num_kv_heads


def _rows(batch_size: int, length: int, num_layers: int) -> int:
    return batch_size * length * num_layers


def _bytes(numbers: int, bits: int) -> int:
    return numbers * bits // 8


def _cache_recipe(
    batch_size: int,
    length: int,
    d_model: int,
    num_heads: int,
    num_kv_heads: int,
    num_layers: int,
    bits: int,
    width: Step = _width,
    rows: Step = _rows,
    size: Step = _bytes,
    kinds: int = 2,
) -> int:
    numbers = rows(batch_size, length, num_layers) * width(d_model, num_heads, num_kv_heads)
    found: int = size(kinds * numbers, bits)
    return found


cache_bytes = Exercise(
    name="cache_bytes",
    signature=(
        "f(batch_size: int, length: int, d_model: int, num_heads: int, num_kv_heads: int, "
        "num_layers: int, bits: int) -> int"
    ),
    task=(
        "How many bytes a cache of keys and values takes when batch_size sequences have length "
        "tokens each. A head is d_model / num_heads wide, there are num_kv_heads heads of keys "
        "and of values in each of num_layers layers, and every number has so many bits."
    ),
    inputs=(
        "batch_size",
        "length",
        "d_model",
        "num_heads",
        "num_kv_heads",
        "num_layers",
        "bits",
    ),
    reference=_cache_recipe,
    cases=(
        (1, 1, 2, 1, 1, 1, 8),
        (1, 2, 8, 4, 1, 3, 32),
        (2, 5, 12, 6, 3, 2, 16),
        (3, 7, 24, 6, 2, 4, 8),
        (5, 3, 24, 4, 4, 3, 4),
    ),
    bank=(
        swapped(
            _cache_recipe,
            "query heads for key heads",
            "A head of keys is counted for every head of queries. Where heads are grouped there "
            "are only num_kv_heads: that is why they are grouped.",
            width=lambda d, heads, kv: d,
        ),
        swapped(
            _cache_recipe,
            "one head of keys",
            "One head is counted. There are num_kv_heads of them.",
            width=lambda d, heads, kv: d // heads,
        ),
        swapped(
            _cache_recipe,
            "d_model for each head",
            "Every head is counted with the width d_model. The heads share it among them.",
            width=lambda d, heads, kv: d * kv,
        ),
        swapped(
            _cache_recipe,
            "as wide as if there were fewer heads",
            "The width of the model is divided among the heads of keys. It is divided among "
            "those of the queries, and a key is as wide as a query, or no product would exist.",
            width=lambda d, heads, kv: d // kv * heads,
        ),
        swapped(
            _cache_recipe,
            "one of keys and values",
            "Only one of the two is counted. Both are kept.",
            kinds=1,
        ),
        swapped(
            _cache_recipe,
            "the queries too",
            "Three vectors are counted for each token. No later token asks with an earlier "
            "query: keys and values are kept alone.",
            kinds=3,
        ),
        swapped(
            _cache_recipe,
            "bits",
            "These are bits. A byte has eight.",
            size=lambda numbers, bits: numbers * bits,
        ),
        swapped(
            _cache_recipe,
            "times eight",
            "The bits are multiplied by eight to have bytes. They are divided.",
            size=lambda numbers, bits: numbers * bits * 8,
        ),
        swapped(
            _cache_recipe,
            "two bytes for every number",
            "Every number has 16 bits here, whatever is asked.",
            size=lambda numbers, bits: 2 * numbers,
        ),
        swapped(
            _cache_recipe,
            "numbers, not bytes",
            "This is how many numbers are kept. Asked was how many bytes they take.",
            size=lambda numbers, bits: numbers,
        ),
        swapped(
            _cache_recipe,
            "one layer",
            "One layer is counted. Each has keys and values of its own.",
            rows=lambda b, t, n: b * t,
        ),
        swapped(
            _cache_recipe,
            "one sequence",
            "One sequence is counted. Every one of the batch has its own past.",
            rows=lambda b, t, n: t * n,
        ),
        swapped(
            _cache_recipe,
            "the length squared",
            "A key is counted for every pair of positions, as if scores were kept. Of each "
            "position one key and one value are kept.",
            rows=lambda b, t, n: b * t * t * n,
        ),
        swapped(
            _cache_recipe,
            "the newest token alone",
            "One token is counted. The cache holds all that came before it.",
            rows=lambda b, t, n: b * n,
        ),
    ),
    praise="It grows with the length and the batch, and no parameter does.",
)
