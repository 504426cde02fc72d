"""A pipeline of any number of stages leaves the gradients of one process."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from tests.distributed import jobs
from txlite.distributed import PipelineStage, pipeline_bytes, run_pipeline, stage_layers
from txlite.models import GPT, GPTConfig, Llama, LlamaConfig
from txlite.training import cross_entropy

pytestmark = pytest.mark.plain


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
@pytest.mark.parametrize("name", ["gpt", "llama"])
def test_gradients_are_those_of_one_process(name: str, schedule: str, found: list[Any]) -> None:
    model = jobs.long_one(name)
    loss = cross_entropy(model(jobs.tokens(jobs.T)), jobs.tokens(jobs.T, 2) % jobs.V)
    loss.backward()
    *others, last = (rank[f"{schedule} {name}"] for rank in found)
    assert [rank["loss"] for rank in others] == [None] * len(others)
    assert last["loss"] == pytest.approx(loss.item(), rel=1e-12)
    met: set[str] = set()
    for rank in (*others, last):
        for part, gradient in rank["gradients"].items():
            want = model.get_parameter(part).grad
            assert want is not None
            assert_close(gradient, want, rtol=0, atol=1e-10 * max(1.0, want.abs().max().item()))
        met |= set(rank["gradients"])
    assert met == {part for part, _ in model.named_parameters()}
    twice = {"embedding.weight"} if name == "gpt" else set()  # it looks up, and it scores
    assert set(others[0]["gradients"]) & set(last["gradients"]) == twice


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["gpipe", "1f1b"])
def test_hidden_states_cross_each_border_and_their_gradients_come_back(
    schedule: str, found: list[Any]
) -> None:
    want = pipeline_bytes(jobs.D, jobs.B * jobs.T, jobs.B, itemsize=8)
    for stage, rank in enumerate(found):
        said = rank[f"{schedule} llama"]["said"]
        borders = (stage > 0) + (stage < len(found) - 1)
        assert [(kind, message) for kind, message, _ in said] == [
            ("send", want["one"])
        ] * (borders * jobs.B)  # fmt: skip
    sent = sum(message for rank in found for _, message, _ in rank[f"{schedule} llama"]["said"])
    assert sent == (len(found) - 1) * (want["forward"] + want["backward"])


@pytest.mark.slow
def test_two_copies_of_a_matrix_add_up(found: list[Any]) -> None:
    for rank in (found[0], found[-1]):
        kind, message, _ = rank["1f1b gpt"]["said"][-1]
        assert (kind, message) == ("send", jobs.V * jobs.D * 8)


@pytest.mark.parametrize("stages", [1, 2, 3, 5])
@pytest.mark.parametrize("num_layers", [5, 8])
def test_layers_are_shared_out_evenly(num_layers: int, stages: int) -> None:
    shares = stage_layers(num_layers, stages)
    assert [i for share in shares for i in share] == list(range(num_layers))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert all(a.stop == b.start for a, b in pairwise(shares))


def test_a_pipeline_of_one_is_the_model() -> None:
    model, stage = jobs.long_one("gpt"), PipelineStage(jobs.long_one("gpt"), 0, 1)
    tokens, targets = jobs.tokens(jobs.T), jobs.tokens(jobs.T, 2) % jobs.V
    assert_close(stage(tokens), model(tokens))
    assert run_pipeline(stage, tokens, targets, cross_entropy, parts=3) == pytest.approx(
        cross_entropy(model(tokens), targets).item()
    )


def test_what_does_not_fit_is_refused() -> None:
    small: dict[str, Any] = {"vocab_size": 9, "d_model": 8, "num_heads": 2, "d_ff": 12}
    near = Llama(LlamaConfig(**small, num_layers=2, sliding_window=3))
    with pytest.raises(ValueError, match=r"^model.sliding_window should be None in a pipeline"):
        PipelineStage(near, 0, 2)
    with pytest.raises(ValueError, match=r"^model.embedding should be a TokenEmbedding, got None"):
        PipelineStage(nn.Linear(2, 2), 0, 2)
    model = GPT(GPTConfig(**small, num_layers=2))
    with pytest.raises(ValueError, match=r"^stages should be at most num_layers=2, got 3"):
        PipelineStage(model, 0, 3)
    with pytest.raises(ValueError, match=r"^stage should be a whole number in \[0, stages=2\)"):
        PipelineStage(model, 2, 2)
    stage, tokens = PipelineStage(model, 0, 1), torch.zeros(4, 3, dtype=torch.long)
    for given, more, message in (
        ((tokens[0], tokens, cross_entropy), {"parts": 2}, "tokens should have shape"),
        ((tokens, tokens[1:], cross_entropy), {"parts": 2}, "targets should have shape"),
        ((tokens, tokens, 3), {"parts": 2}, "loss should be a function"),
        ((tokens, tokens, cross_entropy), {"parts": 3}, "B=4 should be a multiple of parts=3"),
        (
            (tokens, tokens, cross_entropy),
            {"parts": 2, "schedule": "zero"},
            "schedule should be one of gpipe, 1f1b",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            run_pipeline(stage, *given, **more)  # type: ignore[arg-type]
