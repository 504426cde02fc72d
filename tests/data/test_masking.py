"""BERT's recipe: what is chosen, what becomes of it, and what must never happen."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from txlite.data.masking import SentencePair, mask_tokens, pair_tokens, sentence_pairs
from txlite.training import cross_entropy

PAD, CLS, SEP, MASK, V = 0, 1, 2, 3, 23
RECIPE = {"vocab_size": V, "mask_id": MASK, "special_ids": (PAD, CLS, SEP)}
WORDS = V - 4


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(number: int, length: int, seed: int = 1) -> torch.Tensor:
    """Return rows [CLS] words [SEP] padding, of every length from one word up."""
    tokens = torch.randint(4, V, (number, length), generator=chance(seed))
    tokens[:, 0] = CLS
    for row in range(number):
        end = 2 + row % (length - 2)
        tokens[row, end] = SEP
        tokens[row, end + 1 :] = PAD
    return tokens


def chi_square(counts: list[int], shares: list[float]) -> float:
    total = sum(counts)
    return sum((c - total * p) ** 2 / (total * p) for c, p in zip(counts, shares, strict=True))


# ------------------------------------------------------------------ the recipe


@pytest.mark.kills(
    "masking: a tenth of what is left becomes random, and not of the chosen ones",
    "data/masking.py",
    "(kind < masked + random)",
    "(kind < masked + random * (1 - masked))",
)
def test_eighty_ten_ten_of_the_chosen_ones():
    """χ² with three degrees of freedom: 16.3 is passed once in a thousand times by chance."""
    tokens = torch.full((400, 500), 9)
    hidden = mask_tokens(tokens, generator=chance(), **RECIPE)
    read = hidden.tokens[hidden.chosen]
    same = int((read == 9).sum())  # kept, and one in 19 of the random ones
    masks = int((read == MASK).sum())
    other = len(read) - same - masks
    back = 0.1 / WORDS
    assert chi_square([masks, other, same], [0.8, 0.1 - back, 0.1 + back]) < 13.8  # two degrees
    assert chi_square([len(read), hidden.chosen.numel() - len(read)], [0.15, 0.85]) < 10.8
    # the test can see the mistakes of the field: half of the 20 % that are left; a tenth of it
    assert chi_square([masks, other, same], [0.8, 0.02, 0.18]) > 1_000
    assert chi_square([masks, other, same], [0.8, 0.18, 0.02]) > 1_000


def test_random_tokens_are_drawn_evenly_from_the_words():
    tokens = torch.full((200, 500), 9)
    hidden = mask_tokens(tokens, generator=chance(), share=1.0, masked=0.0, random=1.0, **RECIPE)
    counts = hidden.tokens.flatten().bincount(minlength=V).tolist()
    assert counts[:4] == [0, 0, 0, 0]
    assert chi_square(counts[4:], [1 / WORDS] * WORDS) < 42.3  # 18 degrees of freedom, 0.001


def test_random_words_are_not_overwritten_by_masks():
    """Both shares are there at once, and a share of one alone gives it alone."""
    tokens = rows(300, 11)
    kinds = {}
    for masked, random in ((1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.5, 0.5)):
        hidden = mask_tokens(
            tokens, generator=chance(), share=1.0, masked=masked, random=random, **RECIPE
        )
        changed = hidden.tokens[hidden.chosen]
        kinds[masked, random] = (changed == MASK).double().mean().item()
    assert kinds[1.0, 0.0] == 1
    assert kinds[0.0, 1.0] == kinds[0.0, 0.0] == 0
    assert kinds[0.5, 0.5] == pytest.approx(0.5, abs=0.05)


def test_what_is_asked_for_is_the_sentence_and_what_is_not_chosen_is_left():
    tokens = rows(97, 11)
    before = tokens.clone()
    hidden = mask_tokens(tokens, generator=chance(), share=0.4, **RECIPE)
    assert_close(tokens, before)
    assert_close(hidden.targets, before)
    assert_close(hidden.tokens[~hidden.chosen], before[~hidden.chosen])
    kept = hidden.chosen & (hidden.tokens == before)
    assert kept.any()  # a chosen token that stayed is asked for too


@pytest.mark.kills(
    "masking: padding is chosen",
    "data/masking.py",
    "free = ordinary[here.long()]",
    "free = ordinary[here.long()] | (here == 0)",
)
def test_marks_and_padding_are_never_chosen():
    tokens = rows(1_000, 9)
    special = tokens < 4
    for share in (0.15, 1.0):
        hidden = mask_tokens(tokens, generator=chance(), share=share, **RECIPE)
        assert not (hidden.chosen & special).any()
    assert (hidden.chosen == ~special).all()  # and with a share of one everything else is


def test_a_mask_in_the_text_is_special_whoever_names_it():
    tokens = torch.full((5, 7), MASK)
    assert not mask_tokens(tokens, generator=chance(), share=1.0, **RECIPE).chosen.any()


def test_a_row_without_a_choice_costs_nothing_and_moves_nothing():
    """transformers #16711: a mean over no token is 0 / 0; here the loss is 0, its gradient too."""
    tokens = torch.tensor([[CLS, 5, 6, 7, SEP, PAD]])
    hidden = mask_tokens(tokens, generator=chance(), share=0.0, **RECIPE)
    logits = torch.randn(1, 6, V, dtype=torch.double, requires_grad=True)
    loss = cross_entropy(logits, hidden.targets, hidden.chosen)
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.kills(
    "masking: the one token that is chosen all the same may be a mark",
    "data/masking.py",
    ".masked_fill(~free, 2.0)",
    ".masked_fill(~free, -0.0)",
)
def test_at_least_one_chooses_one_word_evenly_and_only_where_there_is_none():
    tokens = torch.tensor([CLS, 5, 6, 7, SEP, PAD]).expand(3_000, 6)
    hidden = mask_tokens(tokens, generator=chance(), share=0.0, at_least_one=True, **RECIPE)
    assert (hidden.chosen.sum(-1) == 1).all()
    counts = hidden.chosen.sum(0).tolist()
    assert counts[0] == counts[4] == counts[5] == 0
    assert chi_square(counts[1:4], [1 / 3] * 3) < 13.8
    # where chance has chosen something nothing is added
    plain = mask_tokens(tokens, generator=chance(2), **RECIPE).chosen
    more = mask_tokens(tokens, generator=chance(2), at_least_one=True, **RECIPE).chosen
    some = plain.any(-1)
    assert 0.3 < some.double().mean() < 0.5  # 1 - .85³ = .386
    assert (plain[some] == more[some]).all()
    assert (more.sum(-1) >= 1).all()


def test_a_row_of_marks_alone_is_left_alone_even_then():
    tokens = torch.tensor([[CLS, SEP, PAD]])
    hidden = mask_tokens(tokens, generator=chance(), share=1.0, at_least_one=True, **RECIPE)
    assert not hidden.chosen.any()
    assert mask_tokens(tokens[:, :0], generator=chance(), at_least_one=True, **RECIPE)


@pytest.mark.kills(
    "masking: a word is torn apart",
    "data/masking.py",
    "place = place.gather(-1, words)",
    "place = place",
)
def test_a_word_is_chosen_as_a_whole():
    tokens = torch.tensor([CLS, 5, 6, 7, 8, 9, SEP]).expand(2_000, 7)
    starts = torch.tensor([True, True, False, False, True, False, True]).expand(2_000, 7)
    hidden = mask_tokens(tokens, generator=chance(), word_starts=starts, **RECIPE)
    for first, *rest in ((1, 2, 3), (4, 5)):
        for other in rest:
            assert (hidden.chosen[:, first] == hidden.chosen[:, other]).all()
    assert (hidden.chosen[:, 1] != hidden.chosen[:, 4]).any()
    assert hidden.chosen.double().mean(0)[1:6].sub(0.15).abs().max() < 0.03
    pieces = hidden.tokens[hidden.chosen[:, 1]][:, 1:4]  # each token of a word is drawn alone
    assert not (pieces == pieces[:, :1]).all()
    one = mask_tokens(tokens, generator=chance(), share=0.0, at_least_one=True, word_starts=starts,
                      **RECIPE)  # fmt: skip
    assert set(one.chosen.sum(-1).tolist()) == {2, 3}


def test_every_token_a_word_is_no_words_at_all():
    tokens = rows(41, 9)
    plain = mask_tokens(tokens, generator=chance(), **RECIPE)
    starts = torch.ones_like(tokens, dtype=torch.bool)
    words = mask_tokens(tokens, generator=chance(), word_starts=starts, **RECIPE)
    assert all(torch.equal(a, b) for a, b in zip(plain, words, strict=True))


@pytest.mark.parametrize("shape", [(9,), (4, 9), (2, 3, 9)])
def test_rows_may_have_any_leading_axes(shape: tuple[int, ...]):
    tokens = torch.randint(4, V, shape, generator=chance())
    starts = torch.arange(9).remainder(3).eq(0).expand(shape)
    hidden = mask_tokens(tokens, generator=chance(), share=0.4, word_starts=starts, **RECIPE)
    assert hidden.tokens.shape == hidden.chosen.shape == shape
    words = hidden.chosen.view(*shape[:-1], 3, 3)
    assert (words == words[..., :1]).all()
    assert not words.all()
    assert words.any() or len(shape) == 1  # of three words chance may take none


def test_static_and_dynamic_are_the_callers():
    tokens, generator = rows(41, 9), chance()
    first = mask_tokens(tokens, generator=generator, **RECIPE)
    second = mask_tokens(tokens, generator=generator, **RECIPE)
    again = mask_tokens(tokens, generator=chance(), **RECIPE)
    assert (first.chosen != second.chosen).any()
    assert torch.equal(first.chosen, again.chosen)
    assert torch.equal(first.tokens, again.tokens)


@given(
    st.lists(st.integers(0, V - 1), min_size=0, max_size=12),
    st.floats(0, 1),
    st.floats(0, 1),
    st.booleans(),
    st.integers(0, 9),
)
def test_whatever_the_shares_the_three_agree(row, share, masked, one, seed):
    tokens = torch.tensor(row, dtype=torch.int32)
    random = (1 - masked) / 3
    hidden = mask_tokens(
        tokens, generator=chance(seed), share=share, masked=masked, random=random,
        at_least_one=one, **RECIPE,
    )  # fmt: skip
    assert hidden.tokens.dtype == torch.int32
    assert torch.equal(hidden.targets, tokens)
    assert not (hidden.chosen & (tokens < 4)).any()
    assert (hidden.tokens != tokens).logical_and(~hidden.chosen).sum() == 0
    if one and (tokens >= 4).any():
        assert hidden.chosen.any()


@pytest.mark.plain
def test_wrong_arguments_are_named():
    tokens = rows(3, 9)
    wrong = [
        ({"share": 1.5}, r"share should be a number in \[0, 1\], got 1.5"),
        ({"share": 15}, "share should be a number"),
        ({"masked": -0.1}, "masked should be a number"),
        ({"random": math.nan}, "random should be a number"),
        ({"masked": 0.8, "random": 0.5}, "masked and random should have a sum of at most 1"),
        ({"generator": 0}, "generator should be a generator"),
        ({"vocab_size": 0}, "vocab_size should be a positive whole number"),
        ({"vocab_size": 5}, r"tokens should lie in \[0, vocab_size=5\), got 0 to"),
        ({"mask_id": V}, r"mask_id and special_ids should be numbers in \[0, vocab_size=23\)"),
        ({"special_ids": (0, -1)}, "mask_id and special_ids should be numbers"),
        ({"special_ids": range(V)}, "special_ids should leave some of vocab_size=23, got all"),
        ({"word_starts": torch.ones(3, 8, dtype=torch.bool)}, r"word_starts .* \(3, 9\), got bool"),
        ({"word_starts": torch.ones(3, 9)}, "word_starts should hold bool .* got float32"),
    ]
    for change, message in wrong:
        with pytest.raises(ValueError, match=f"^{message}"):
            mask_tokens(tokens, **{**RECIPE, "generator": chance(), **change})
    for bad in (tokens.float(), tokens > 3, torch.tensor(5)):
        with pytest.raises(ValueError, match=r"^tokens should hold whole numbers and have"):
            mask_tokens(bad, generator=chance(), **RECIPE)


# ------------------------------------------------------------------ pairs of sentences

DOCUMENTS = [[[10 * d + s] for s in range(2 + d)] for d in range(4)] + [[[99]], []]


def test_every_sentence_with_a_next_one_is_a_first_one():
    pairs = sentence_pairs(DOCUMENTS, chance())
    assert [p.first for p in pairs] == [s for d in DOCUMENTS for s in d[:-1]]


@pytest.mark.kills(
    "pairs: a sentence that does not belong is of the same document",
    "data/masking.py",
    "strange = told[other + (other >= number)]",
    "strange = told[other]",
)
def test_the_second_is_the_next_or_of_another_document():
    kinds = []
    for seed in range(300):
        for pair in sentence_pairs(DOCUMENTS, chance(seed)):
            here = pair.first[0] // 10
            kinds.append(pair.is_next)
            if pair.is_next:
                assert pair.second == [pair.first[0] + 1]
            else:
                assert pair.second[0] // 10 != here
    assert chi_square([sum(kinds), len(kinds) - sum(kinds)], [0.5, 0.5]) < 10.8


def test_every_other_document_and_sentence_may_come():
    documents = [[[1], [2]], [[3]], [[4], [5], [6]]]
    found = [
        pair.second[0]
        for seed in range(900)
        for pair in sentence_pairs(documents, chance(seed), share_next=0.0)[:1]
    ]
    counts = [found.count(n) for n in range(1, 7)]
    assert counts[:2] == [0, 0]
    # a document first, then one of its sentences, as in the released code
    assert chi_square(counts[2:], [1 / 2, 1 / 6, 1 / 6, 1 / 6]) < 16.3


def test_the_shares_of_pairs_can_be_set():
    assert all(p.is_next for p in sentence_pairs(DOCUMENTS, chance(), share_next=1.0))
    assert not any(p.is_next for p in sentence_pairs(DOCUMENTS, chance(), share_next=0.0))
    assert isinstance(sentence_pairs(DOCUMENTS, chance())[0], SentencePair)


@pytest.mark.plain
def test_documents_without_pairs_are_refused():
    for documents in ([], [[[1], [2]]], [[[1]], [[2]]], [[[1], [2]], []]):
        with pytest.raises(ValueError, match=r"^documents should be at least two"):
            sentence_pairs(documents, chance())
    with pytest.raises(ValueError, match=r"^share_next should be a number"):
        sentence_pairs(DOCUMENTS, chance(), share_next=2)
    with pytest.raises(ValueError, match=r"^generator should be a generator"):
        sentence_pairs(DOCUMENTS, 0)


# ------------------------------------------------------------------ what BERT reads


def test_marks_and_segments():
    both = pair_tokens([5, 6], [7, 8, 9], cls_id=CLS, sep_id=SEP, max_len=8)
    assert both.tokens == [CLS, 5, 6, SEP, 7, 8, 9, SEP]
    assert both.segments == [0, 0, 0, 0, 1, 1, 1, 1]
    alone = pair_tokens([5, 6], cls_id=CLS, sep_id=SEP, max_len=8)
    assert alone.tokens == [CLS, 5, 6, SEP]
    assert alone.segments == [0] * 4
    empty = pair_tokens([5], [], cls_id=CLS, sep_id=SEP, max_len=8)
    assert empty == ([CLS, 5, SEP, SEP], [0, 0, 0, 1])


@pytest.mark.kills(
    "pairs: the shorter sentence is cut",
    "data/masking.py",
    "(a if len(a) > len(b) else b).pop()",
    "(a if len(a) < len(b) else b).pop()",
)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(5, 40))
def test_the_longer_one_is_cut(first, second, max_len):
    a, b = list(range(100, 100 + first)), list(range(200, 200 + second))
    tokens, segments = pair_tokens(a, b, cls_id=CLS, sep_id=SEP, max_len=max_len)
    assert len(tokens) == len(segments) == min(max_len, first + second + 3)
    end = tokens.index(SEP)
    left, right = tokens[1:end], tokens[end + 1 : -1]
    assert left == a[: len(left)]
    assert right == b[: len(right)]
    assert segments == [0] * (end + 1) + [1] * (len(right) + 1)
    assert left
    assert right
    if len(left) < first and len(right) < second:  # both were cut: to the same length
        assert 0 <= len(left) - len(right) <= 1
    elif len(left) < first:
        assert len(left) >= len(right)


@pytest.mark.plain
def test_marks_need_room():
    with pytest.raises(ValueError, match=r"^max_len should be at least 5, 3 marks .* got 4"):
        pair_tokens([5], [6], cls_id=CLS, sep_id=SEP, max_len=4)
    with pytest.raises(ValueError, match=r"^max_len should be at least 3, 2 marks .* got 2"):
        pair_tokens([5], cls_id=CLS, sep_id=SEP, max_len=2)
    with pytest.raises(ValueError, match=r"^max_len should be a positive whole number"):
        pair_tokens([5], cls_id=CLS, sep_id=SEP, max_len=0)
