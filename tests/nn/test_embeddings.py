"""Token embeddings: one matrix that looks up on the way in and scores on the way out."""

import copy

import pytest
import torch
from torch.nn.functional import one_hot
from torch.testing import assert_close

from txlite.nn import TokenEmbedding

B, T, D, V = 2, 5, 12, 23
CLOSE = {"rtol": 0.0, "atol": 1e-12}


def embedding(scale: bool = True) -> TokenEmbedding:
    return TokenEmbedding(V, D, scale=scale).double()


@pytest.mark.parametrize("scale", [True, False])
def test_looking_up_is_a_product_with_one_hot_rows(scale: bool) -> None:
    module, tokens = embedding(scale), torch.randint(V, (B, T))
    want = one_hot(tokens, V).double() @ module.weight * (D**0.5 if scale else 1.0)
    assert_close(module(tokens), want, **CLOSE)


@pytest.mark.kills(
    "embedding scaled at the exit too",
    "nn/embeddings.py",
    "return functional.linear(x, self.weight)",
    "return functional.linear(x, self.weight) * self.d_model**0.5",
)
def test_logits_are_the_transposed_product_and_never_scaled() -> None:
    x = torch.randn(B, T, D, dtype=torch.float64)
    for scale in (True, False):
        module = embedding(scale)
        assert_close(module.logits(x), x @ module.weight.T, **CLOSE)


def test_words_enter_and_leave_with_variance_one() -> None:
    module = TokenEmbedding(4_000, 64)
    x = module(torch.arange(4_000))
    assert x.var().item() == pytest.approx(1.0, rel=0.02)
    y = torch.nn.functional.layer_norm(torch.randn(50, 64), (64,))
    assert module.logits(y).var().item() == pytest.approx(1.0, rel=0.05)
    before = module.weight.clone()
    module.reset_parameters()
    assert not torch.equal(module.weight, before)


def test_both_ends_pull_at_the_same_weights() -> None:
    """The gradient is the sum of the two ends': that is what tied means."""
    module, tokens = embedding(), torch.randint(V, (B, T))
    module.logits(module(tokens)).sin().sum().backward()
    first, last = (module.weight.detach().clone().requires_grad_() for _ in range(2))
    (first[tokens] * D**0.5 @ last.T).sin().sum().backward()
    assert first.grad.abs().max() > 0
    assert last.grad.abs().max() > 0
    assert_close(module.weight.grad, first.grad + last.grad, **CLOSE)


def test_a_token_that_is_not_there_is_not_changed_by_looking_up() -> None:
    module, tokens = embedding(), torch.randint(V - 3, (B, T))
    module(tokens).sin().sum().backward()
    used = torch.zeros(V, dtype=torch.bool).index_fill(0, tokens.flatten(), True)
    assert module.weight.grad[~used].eq(0).all()
    assert module.weight.grad[used].abs().amax(-1).gt(0).all()


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64])
@pytest.mark.parametrize("shape", [(T,), (B, T), (3, B, T), (B, 0)])
def test_any_number_of_axes_and_both_whole_numbers(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    module = embedding()
    tokens = torch.randint(V, shape).to(dtype)
    assert module(tokens).shape == (*shape, D)
    assert module.logits(module(tokens)).shape == (*shape, V)


def test_it_follows_the_dtype_and_the_device() -> None:
    module = copy.deepcopy(embedding()).bfloat16()
    x = module(torch.randint(V, (B, T)))
    assert x.dtype == module.logits(x).dtype == torch.bfloat16
    with torch.device("meta"):
        assert TokenEmbedding(V, D)(torch.zeros(B, T, dtype=torch.int64)).shape == (B, T, D)


def test_its_only_weight_has_a_plain_name() -> None:
    assert list(embedding().state_dict()) == ["weight"]
    assert repr(embedding()) == "TokenEmbedding(vocab_size=23, d_model=12, scale=True)"


@pytest.mark.plain
def test_errors_name_the_argument() -> None:
    for sizes, name in (((0, D), "vocab_size"), ((V, 0), "d_model")):
        with pytest.raises(ValueError, match=f"{name} should be a positive whole number, got 0"):
            TokenEmbedding(*sizes)
    with pytest.raises(ValueError, match="tokens should hold int32 or int64 numbers, got float32"):
        embedding()(torch.zeros(B, T))
    with pytest.raises(ValueError, match="tokens should hold int32 or int64 numbers, got bool"):
        embedding()(torch.zeros(B, T, dtype=torch.bool))
    for stranger in (-1, V):
        tokens = torch.tensor([[0, stranger]])
        with pytest.raises(ValueError, match=rf"tokens should lie in \[0, vocab_size={V}\), got"):
            embedding()(tokens)
    with pytest.raises(ValueError, match="tokens should be a tensor of shape"):
        embedding()([[1, 2]])
    with pytest.raises(ValueError, match=r"x should have shape \(\*B, D=12\), got \(2, 5, 11\)"):
        embedding().logits(torch.zeros(B, T, 11, dtype=torch.float64))


@pytest.mark.parametrize("wrong", [-1, 7])
def test_where_the_lookup_would_end_the_process_it_is_not_asked(
    wrong: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: the tokens are looked at before they are looked up."""
    from txlite.nn import embeddings

    monkeypatch.setattr(embeddings, "_is_asked_by_the_lookup", lambda tokens: False)
    embedding, tokens = embeddings.TokenEmbedding(7, 4), torch.tensor([[6, 0]])
    want = embedding(tokens)
    asked: list[Tensor] = []
    real = torch.nn.functional.embedding
    monkeypatch.setattr(
        embeddings.functional, "embedding", lambda *a: (asked.append(a[0]), real(*a))[1]
    )
    assert torch.equal(embedding(tokens), want)
    assert len(asked) == 1
    with pytest.raises(ValueError, match=rf"^tokens should lie in \[0, vocab_size=7\), .*{wrong}"):
        embedding(torch.tensor([[wrong, 3]]))
    assert len(asked) == 1


def test_only_a_cpu_answers_for_its_tokens() -> None:
    from txlite.nn.embeddings import _is_asked_by_the_lookup

    assert _is_asked_by_the_lookup(torch.zeros(1))
    assert not _is_asked_by_the_lookup(torch.zeros(1, device="meta"))
