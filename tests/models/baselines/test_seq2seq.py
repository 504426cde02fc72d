"""The LSTM translators: padding is not read, the future is not seen, attention is Luong's."""

import pytest
import torch
from torch.testing import assert_close

from txlite.generation import generate
from txlite.models import LSTMTranslator

V, SOURCE_V, D = 11, 9, 6
BOTH = pytest.mark.parametrize("attention", [False, True])


def model_of(attention: bool) -> LSTMTranslator:
    torch.manual_seed(1)
    return LSTMTranslator(V, SOURCE_V, D, attention=attention).double().eval()


def tokens() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    source = torch.tensor([[5, 6, 7, 8, 4], [3, 8, 6, 0, 0]])
    keep = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    return source, keep, torch.tensor([[1, 4, 9, 10], [1, 7, 7, 2]])


@BOTH
def test_padding_is_not_read(attention: bool):
    model, (source, keep, target) = model_of(attention), tokens()
    batch = model(source, target, source_keep=keep)
    alone = model(source[1:, :3], target[1:])
    assert_close(batch[1:], alone)
    noisy = source.clone()
    noisy[1, 3:] = 8
    assert_close(model(noisy, target, source_keep=keep), batch)
    assert not torch.allclose(model(noisy, target)[1], batch[1])  # unmasked, it is read


@BOTH
def test_the_future_cannot_change_the_past(attention: bool):
    model, (source, keep, target) = model_of(attention), tokens()
    changed = target.clone()
    changed[:, -1] = 5
    before = model(source, target, source_keep=keep)
    after = model(source, changed, source_keep=keep)
    assert_close(after[:, :-1], before[:, :-1], rtol=0, atol=0)
    assert not torch.allclose(after[:, -1], before[:, -1])


@BOTH
def test_the_order_of_the_source_matters(attention: bool):
    model, (source, _, target) = model_of(attention), tokens()
    assert not torch.allclose(model(source.flip(1), target), model(source, target))


def test_attention_is_luongs_general_score_written_out():
    model, (source, _, target) = model_of(True), tokens()
    states, (h, c) = model.encoder(model.source_embedding(source[:1]))
    start = (torch.cat([h[0], h[1]], -1)[None], torch.cat([c[0], c[1]], -1)[None])
    hidden = model.decoder(model.embedding(target[:1]), start)[0][0]
    rows = []
    for h_t in hidden:
        scores = torch.stack([h_t @ model.score.weight.T @ s for s in states[0]])
        context = (scores.softmax(0)[:, None] * states[0]).sum(0)
        mixed = torch.tanh(model.combine.weight @ torch.cat([context, h_t]))
        rows.append(model.output.weight @ mixed + model.output.bias)
    assert_close(model(source[:1], target[:1])[0], torch.stack(rows))


def test_what_does_not_attend_has_no_weights_for_it():
    parts = {name.partition(".")[0] for name in model_of(False).state_dict()}
    assert parts == {"source_embedding", "embedding", "encoder", "decoder", "output"}
    assert {"score", "combine"} <= {name.partition(".")[0] for name in model_of(True).state_dict()}


def test_without_attention_one_vector_is_all_the_decoder_knows():
    model, (source, _, target) = model_of(False), tokens()
    _, (h, c) = model.encoder(model.source_embedding(source))
    start = tuple(torch.cat([x[0], x[1]], -1)[None] for x in (h, c))
    hidden, _ = model.decoder(model.embedding(target), start)
    assert_close(model(source, target), model.output(hidden))


@BOTH
def test_it_generates_what_it_scores(attention: bool):
    model, (source, keep, _) = model_of(attention), tokens()
    begin = torch.ones(2, 1, dtype=torch.long)
    written = generate(
        model, begin, source=source, source_keep=keep, max_new_tokens=5, use_cache=False
    )
    again = model(source, written[:, :-1], source_keep=keep).argmax(-1)
    assert torch.equal(again, written[:, 1:])


@BOTH
def test_it_learns_a_pair_by_heart(attention: bool):
    model = model_of(attention).float().train()
    source, keep, target = tokens()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    for _ in range(60):
        logits = model(source, target[:, :-1], source_keep=keep)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@pytest.mark.plain
def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="d_model should be even"):
        LSTMTranslator(5, 5, 7, attention=True)
    with pytest.raises(ValueError, match="d_model should be a positive whole number, got -6"):
        LSTMTranslator(5, 5, -6, attention=True)
    with pytest.raises(ValueError, match="vocab_size"):
        LSTMTranslator(0, 5, 6, attention=True)
    source, keep, target = tokens()
    with pytest.raises(ValueError, match="source_keep"):
        model_of(True)(source, target, source_keep=keep[:, :4])
    with pytest.raises(ValueError, match="target"):
        model_of(True)(source, target[:1])


@pytest.mark.plain
@BOTH
def test_padding_on_the_left_or_everywhere_is_refused(attention: bool):
    model, (source, keep, target) = model_of(attention), tokens()
    hole = torch.tensor([True, False, True, True, True]).expand(2, 5)
    for wrong in (keep.flip(1), torch.zeros_like(keep), hole):
        with pytest.raises(ValueError, match=r"^source_keep should be True first, then False"):
            model(source, target, source_keep=wrong)
    with pytest.raises(ValueError, match=r"^source_keep should be a bool tensor"):
        model(source, target, source_keep=keep.long())
