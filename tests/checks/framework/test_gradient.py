import pytest
import torch

from tests.checks.exercises import EXERCISES, name_of
from txlite import checks
from txlite.checks.framework._gradient import gradient_fault

DIFFERENTIABLE = [exercise for exercise in EXERCISES if exercise.differentiable]


def test_these_exercises_are_differentiable():
    assert {exercise.name for exercise in DIFFERENTIABLE} == {
        "accumulated_mean",
        "action_loss",
        "attention",
        "attention_rollout",
        "attention_weights",
        "balance_loss",
        "cross_attention",
        "decoder_layer",
        "dispatch_with_drops",
        "embed",
        "encode_decode",
        "encoder_stack",
        "feed_forward",
        "gathered_loss",
        "gelu",
        "grouped_query_attention",
        "label_smoothed_loss",
        "layer_norm",
        "masked_attention",
        "masked_lm_loss",
        "merge_heads",
        "multi_head_attention",
        "patch_vectors",
        "picture_input",
        "residual_branch",
        "rms_norm",
        "rotary_attention",
        "rotate",
        "router_z_loss",
        "sentence_vector",
        "split_heads",
        "stable_softmax",
        "step_tokens",
        "stretch_positions",
        "switch_output",
        "teacher_forcing_loss",
        "tower_gradient",
    }


@pytest.mark.parametrize("exercise", DIFFERENTIABLE, ids=name_of)
def test_a_cut_gradient_is_noticed(exercise):
    def detached(*args):
        return exercise.reference(*args).detach()

    def listed(*args):
        return torch.tensor(exercise.reference(*args).tolist())

    def numpy(*args):
        return torch.from_numpy(exercise.reference(*args).cpu().numpy())

    for answer in (detached, listed, numpy):
        verdict = exercise(answer)
        assert verdict.mistake == "cuts the gradient"
        words = " ".join(verdict.message.split())
        assert any(f"with respect to {name} is lost" in words for name in exercise.inputs)


def test_the_argument_that_loses_its_gradient_is_named():
    verdict = checks.attention_weights(
        lambda q, k: checks.attention_weights.reference(q, k.detach())
    )
    assert verdict.mistake == "cuts the gradient"
    assert "with respect to key" in " ".join(verdict.message.split())


def test_half_a_gradient_is_a_wrong_gradient():
    def answer(scores):
        e = (scores - scores.amax(-1, keepdim=True)).exp()
        return e / e.sum(-1, keepdim=True).detach()

    assert checks.stable_softmax(answer).mistake == "wrong gradient"


def test_a_maximum_without_a_gradient_is_fine():
    def answer(scores):
        e = (scores - scores.amax(-1, keepdim=True).detach()).exp()
        return e / e.sum(-1, keepdim=True)

    checks.stable_softmax(answer).require()


def test_a_painted_over_nan_is_found_in_the_gradient():
    def answer(query, key, value, allowed):
        blocked = torch.zeros_like(allowed, dtype=query.dtype).masked_fill(~allowed, -torch.inf)
        scores = query @ key.mT / query.shape[-1] ** 0.5 + blocked
        return scores.softmax(-1).nan_to_num(0.0) @ value

    assert checks.masked_attention(answer).mistake == "NaN in the gradient"


def test_the_check_works_where_gradients_are_switched_off():
    with torch.no_grad():
        checks.attention(checks.attention.reference).require()
        checks.gradient_reach(checks.gradient_reach.reference).require()
        verdict = checks.attention(lambda *args: checks.attention.reference(*args).detach())
    assert verdict.mistake == "cuts the gradient"


def test_a_nan_is_found_even_where_the_gradient_should_be_zero():
    def zero(x):
        return 0 * x

    def painted(x):
        return 0 * (x - x).sqrt()  # the root's slope at zero is infinite, and 0 × ∞ is NaN

    case = (torch.ones(3),)
    assert gradient_fault(zero, zero, ("x",), case) is None
    name, _ = gradient_fault(painted, zero, ("x",), case)
    assert name == "NaN in the gradient"
