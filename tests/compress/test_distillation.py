"""A student's loss: each part against what both models really have inside."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.compress import small
from txlite.compress import Distillation, Student, attention_losses, soft_losses
from txlite.compress._listening import listening, stack_of
from txlite.inspect import record_attention
from txlite.models import Transformer, TransformerConfig
from txlite.training import Batches, adamw, fit

CLOSE: dict[str, float] = {"rtol": 1e-9, "atol": 1e-9}
B, T, D = small.B, small.T, small.D
LARGE: dict[str, Any] = {"num_layers": 4, "d_model": 28, "d_ff": 31}


def asked(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor]:
    return model(batch[0], keep=batch[1]), batch[1]


def pictures(model: nn.Module, batch: Any) -> tuple[Tensor, None]:
    hidden = model(batch)
    return hidden[:, 0, :5], None  # scores of five classes, for the test


def batch() -> tuple[Tensor, Tensor]:
    return small.tokens(), small.kept()


PAIRS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "BERT": (small.masked_lm, lambda: small.masked_lm(**LARGE)),
    "GPT": (small.gpt, lambda: small.gpt(**LARGE)),
    "texts": (small.classifier, lambda: small.classifier(**LARGE)),
    "Llama of GPT": (lambda: small.llama(num_kv_heads=2), lambda: small.gpt(**LARGE)),
    "ALBERT of BERT": (
        lambda: small.masked_lm(share_layers=True, num_layers=2, embedding_dim=5),
        lambda: small.masked_lm(**LARGE),
    ),
}


def states_of(model: nn.Module, tokens: Tensor, keep: Tensor) -> list[Tensor]:
    """Return what enters a stack and what its layers return, by calling them one by one."""
    body = getattr(model, "bert", model)
    stack = getattr(body, "encoder", None) or body.decoder
    calls: list[Any] = []
    with stack.layers[0].register_forward_pre_hook(
        lambda m, args, named: calls.append((args, named)), with_kwargs=True
    ):
        model(tokens, keep=keep)
    (entered, *rest), named = calls[0]
    states = [entered]
    for layer in stack.layers:
        states.append(layer(states[-1], *rest, **named))
    return states


def per_position(losses: Tensor, keep: Tensor, texts: bool) -> Tensor:
    kept = losses.masked_fill(~keep, 0)
    return (kept.sum(1) / keep.sum(1)).sum() if texts else kept.sum()


@pytest.mark.kills(
    "distillation: a layer learns from the one beside its own",
    "compress/distillation.py",
    "hidden_losses(states, theirs.states[n + 1])",
    "hidden_losses(states, theirs.states[n])",
)
@pytest.mark.kills(
    "distillation: states of padding count",
    "compress/distillation.py",
    "losses = losses.masked_fill(~keep, 0.0)",
    "losses = losses",
)
@pytest.mark.parametrize("how", ["uniform", "last"])
@pytest.mark.parametrize("name", PAIRS)
def test_every_part_is_what_its_equation_says(name: str, how: Any) -> None:
    (make, make_teacher), texts = PAIRS[name], name == "texts"
    model, teacher = make(), make_teacher()
    student = Student(model, teacher).double()
    tokens, keep = batch()
    weights = {"logits": 0.3, "hidden": 0.7, "embeddings": 1.1, "attention": 0.0}
    loss = Distillation(teacher=teacher, ask=asked, temperature=2.0, layers=how, **weights)
    total, count = loss(student, (tokens, keep))
    assert count == (B if texts else keep.sum())
    scores, wanted = model(tokens, keep=keep), teacher(tokens, keep=keep)
    soft = soft_losses(scores, wanted, temperature=2.0)
    want = 0.3 * (soft.sum() if texts else soft[keep].sum())
    mine, theirs = states_of(model, tokens, keep), states_of(teacher, tokens, keep)
    pairs = [(1, 2), (2, 4)] if how == "uniform" else [(1, 3), (2, 4)]
    for m, n in pairs:
        apart = (mine[m] @ student.states_proj.weight.T - theirs[n]).square().mean(-1)
        want = want + 0.7 * per_position(apart, keep, texts)
    apart = (mine[0] @ student.embedding_proj.weight.T - theirs[0]).square().mean(-1)
    want = want + 1.1 * per_position(apart, keep, texts)
    assert_close(total, want, **CLOSE)
    parameters = list(student.parameters())
    found = torch.autograd.grad(total, parameters, allow_unused=True)
    right = torch.autograd.grad(want, parameters, allow_unused=True)
    for a, b in zip(found, right, strict=True):
        assert (a is None) == (b is None)
        if b is not None:
            assert_close(a, b, **CLOSE)
    assert all(p.grad is None for p in teacher.parameters())


@pytest.mark.parametrize("name", ["BERT", "GPT"])
def test_maps_after_the_softmax_are_those_that_are_recorded(name: str) -> None:
    make, make_teacher = PAIRS[name]
    model, teacher = make(), make_teacher()
    tokens, keep = batch()
    loss = Distillation(teacher=teacher, ask=asked, logits=0.0, attention=2.0, maps="weights")
    total, _ = loss(model, (tokens, keep))
    found = []
    for one in (model, teacher):
        with record_attention(one) as maps:
            one(tokens, keep=keep)
        found.append(list(maps.values()))
    seen = keep[:, None, None, :]
    if name == "GPT":
        seen = seen & torch.ones(T, T, dtype=torch.bool).tril()
    want = sum(
        per_position(attention_losses(found[0][m], found[1][n], seen), keep, texts=False)
        for m, n in ((0, 1), (1, 3))
    )
    assert_close(total, 2.0 * want, **CLOSE)  # type: ignore[operator]


@pytest.mark.kills(
    "distillation: scores without their scale",
    "compress/_listening.py",
    "scores = query @ key.mT * scale",
    "scores = query @ key.mT",
)
@pytest.mark.parametrize("positions", ["learned", "rotary", "alibi"])
def test_scores_are_those_of_which_the_softmax_makes_the_maps(positions: Any) -> None:
    model = small.gpt(positions=positions, num_kv_heads=2, head_dim=6)
    tokens, keep = batch()
    with record_attention(model) as maps, listening(stack_of("model", model), "scores") as heard:
        model(tokens, keep=keep)
    assert len(heard.states) == small.L + 1
    for scores, seen, weights in zip(heard.maps, heard.seen, maps.values(), strict=True):
        assert seen is not None
        assert scores.masked_select(~seen).eq(0).all()
        assert scores.requires_grad
        assert_close(scores.masked_fill(~seen, -torch.inf).softmax(-1), weights, **CLOSE)


def test_scores_have_their_part_and_their_gradient() -> None:
    model, teacher = small.bert(), small.bert()
    tokens, keep = batch()
    loss = Distillation(teacher=teacher, ask=asked, logits=0.0, attention=1.0)
    total, _ = loss(model, (tokens, keep))
    total.backward()
    last = model.encoder.layers[-1]
    assert last.attention.query_proj.weight.grad is not None  # type: ignore[union-attr]
    assert last.attention.value_proj.weight.grad is None  # type: ignore[union-attr]  # no map needs it
    same, _ = loss(teacher, (tokens, keep))
    assert same == 0
    padded, _ = loss(model, (tokens.masked_fill(~keep, 0), keep))
    assert_close(padded, total, **CLOSE)  # what stands at padding does not matter


def test_pictures_have_no_padding() -> None:
    model, teacher = small.vit(), small.vit(d_model=28, num_layers=4)
    student = Student(model, teacher).double()
    loss = Distillation(teacher=teacher, ask=pictures, hidden=1.0, attention=1.0)
    total, count = loss(student, torch.randn(B, 3, 6, 9, dtype=torch.float64))
    assert count == B
    total.backward()
    assert student.states_proj.weight.grad is not None


def test_a_step_of_two_micro_batches_is_a_step_of_one() -> None:
    for make, ask_all in ((small.classifier, asked), (small.masked_lm, asked)):
        teacher, data = make(**LARGE), batch()
        student = Student(make(), teacher).double()
        loss = Distillation(teacher=teacher, ask=ask_all, hidden=1.0, attention=0.5)
        whole, count = loss(student, data)
        parts = [loss(student, tuple(x[rows] for x in data)) for rows in (slice(0, 1), slice(1, 3))]
        assert sum(int(n) for _, n in parts) == count
        assert_close(sum(x for x, _ in parts), whole, **CLOSE)


@pytest.mark.kills(
    "distillation: the teacher drops weights while it teaches",
    "compress/distillation.py",
    "with torch.no_grad(), evaluating(self.teacher):",
    "with torch.no_grad():",
)
def test_the_teacher_is_in_evaluation_mode_and_stays_as_it_was() -> None:
    teacher = small.masked_lm(dropout=0.5).train()
    student = small.masked_lm()
    loss = Distillation(teacher=teacher, ask=asked)
    data = batch()
    assert loss(student, data)[0] == loss(student, data)[0]
    assert teacher.training
    before = {name: x.clone() for name, x in teacher.state_dict().items()}
    fit(student, [data], loss, steps=2, optimizer=adamw(student, 0.01), progress=False)
    assert all(torch.equal(x, before[name]) for name, x in teacher.state_dict().items())
    assert all(p.grad is None for p in teacher.parameters())


def test_labels_stand_beside_the_teacher() -> None:
    teacher, student = small.classifier(**LARGE), small.classifier()
    data = (*batch(), torch.tensor([2, 0, 5]))

    def labels(scores: Tensor, batch: Any) -> Tensor:
        return nn.functional.cross_entropy(scores, batch[2], reduction="sum")

    both = Distillation(teacher=teacher, ask=asked, labels=labels, label_weight=0.25)
    soft, _ = both(student, data)
    alone, _ = Distillation(teacher=teacher, ask=asked)(student, data)
    scores, _ = asked(student, data)
    assert_close(soft, alone + 0.25 * labels(scores, data), **CLOSE)
    only, _ = Distillation(teacher=teacher, ask=asked, logits=0.0, labels=labels)(student, data)
    assert_close(only, labels(scores, data), **CLOSE)


def test_two_stages_and_a_student_comes_near_its_teacher(tmp_path: Any) -> None:
    torch.manual_seed(0)
    teacher = small.masked_lm(num_layers=4, d_model=28).float()
    student = Student(small.masked_lm().float(), teacher).float()
    loss = Distillation(teacher=teacher, ask=asked, hidden=1.0, attention=1.0, embeddings=1.0)
    chance = torch.Generator().manual_seed(0)
    data = [(small.tokens(chance), small.kept()) for _ in range(4)]
    first, second = loss.inner(), loss.outer()
    assert (first.logits, first.hidden) == (0.0, 1.0)
    assert (second.logits, second.hidden, second.attention, second.embeddings) == (1.0, 0, 0, 0)
    for stage in (first, second):
        history = fit(
            student, data, stage, steps=40, optimizer=adamw(student, 0.01), progress=False
        )
        assert history.losses[-1] < 0.7 * history.losses[0]


def test_the_maps_to_the_teacher_are_in_the_checkpoints(tmp_path: Any) -> None:
    teacher = small.masked_lm(num_layers=4, d_model=28).float()
    rows = [(small.tokens()[0], small.kept()[0]) for _ in range(4)]
    found = []
    for steps in ((2, 4), (4,)):
        torch.manual_seed(1)
        student = Student(small.masked_lm().float(), teacher).float().train()
        student.load_state_dict(
            {n: torch.full_like(x, 0.1) for n, x in student.state_dict().items()}
        )
        for n in steps:
            data = Batches(
                rows,
                batch_size=2,
                collate=lambda rows: tuple(map(torch.stack, zip(*rows, strict=True))),
                seed=1,
            )
            loss = Distillation(teacher=teacher, ask=asked, hidden=1.0)
            folder = tmp_path / str(steps[0])
            fit(
                student,
                data,
                loss,
                steps=n,
                optimizer=adamw(student, 0.01),
                checkpoint=folder,
                progress=False,
            )
        found.append(student.states_proj.weight)
    assert torch.equal(*found)


@pytest.mark.plain
def test_choices_that_do_not_fit_are_refused() -> None:
    teacher = small.masked_lm()
    fine: dict[str, Any] = {"teacher": teacher, "ask": asked}
    for choices, message in (
        ({"teacher": "BERT"}, r"teacher should be a torch.nn.Module"),
        ({"ask": None}, r"ask should be a function"),
        ({"temperature": 0.0}, r"temperature should be a positive number, got 0"),
        ({"hidden": -1.0}, r"hidden should be finite and at least zero, got -1"),
        ({"logits": 0.0}, r"logits should be above 0 where no other part of the loss is"),
        ({"layers": "first"}, r"layers should be one of uniform, last"),
        ({"maps": "values"}, r"maps should be one of scores, weights"),
        ({"labels": 3}, r"labels should be a function, from scores and a batch to a sum"),
        ({"teacher": nn.Linear(2, 2), "hidden": 1.0}, r"teacher should hold one txlite.nn.Stack"),
    ):
        with pytest.raises(ValueError, match=message):
            Distillation(**{**fine, **choices})
    sizes = {"vocab_size": 9, "d_model": 8, "num_heads": 2, "d_ff": 8, "num_layers": 1}
    with pytest.raises(ValueError, match=r"model should hold one txlite.nn.Stack.*with 2"):
        Student(Transformer(TransformerConfig(**sizes)), teacher)
    data = batch()
    for model, choices, message in (
        (small.masked_lm(), {"hidden": 1.0}, r"model should be a txlite.compress.Student"),
        (
            small.masked_lm(num_heads=5),
            {"attention": 1.0},
            r"teacher should have the student's shape",
        ),
        (small.masked_lm(vocab_size=31), {}, r"teacher should have the student's shape"),
        (small.masked_lm(num_layers=3), {"attention": 1.0}, r"student_layers should be at most"),
    ):
        with pytest.raises(ValueError, match=message):
            Distillation(**fine, **choices)(model, data)
    for ask, message in (
        (lambda model, batch: ("scores", None), r"ask should return scores \(B, V\)"),
        (lambda model, batch: (model(batch[0]), batch[1][:2]), r"keep should have shape \(B=3"),
    ):
        with pytest.raises(ValueError, match=message):
            Distillation(teacher=teacher, ask=ask)(small.masked_lm(), data)
