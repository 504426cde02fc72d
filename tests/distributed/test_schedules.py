"""Who works when: every part once, nothing too early, and the idle time is known."""

from itertools import pairwise

import pytest

from txlite.distributed import bubble_share, pipeline_order, pipeline_timeline
from txlite.distributed.schedules import PipelineStep, ScheduleName

SIZES = [(1, 1), (1, 4), (3, 1), (3, 2), (4, 4), (4, 9), (5, 3)]
NAMES: list[ScheduleName] = ["gpipe", "1f1b"]


@pytest.mark.parametrize("schedule", NAMES)
@pytest.mark.parametrize(("stages", "parts"), SIZES)
def test_each_part_goes_forward_once_and_then_back_once(
    schedule: ScheduleName, stages: int, parts: int
) -> None:
    for stage in range(stages):
        order = pipeline_order(schedule, stage, stages, parts)
        assert len(order) == 2 * parts == len(set(order))
        for part in range(parts):
            assert order.index(PipelineStep(False, part)) < order.index(PipelineStep(True, part))


@pytest.mark.parametrize("schedule", NAMES)
@pytest.mark.parametrize(("stages", "parts"), SIZES)
def test_the_idle_share_is_the_formulas(schedule: ScheduleName, stages: int, parts: int) -> None:
    line = pipeline_timeline(schedule, stages, parts, forward=1.0, backward=2.0)
    assert line.length == pytest.approx(3.0 * (parts + stages - 1))
    assert line.idle == pytest.approx([bubble_share(stages, parts)] * stages)
    for stage, begins in enumerate(line.begins):
        spans = sorted((t, t + (2.0 if step.backward else 1.0)) for step, t in begins.items())
        assert all(a[1] <= b[0] for a, b in pairwise(spans))  # one at a time
        for step, t in begins.items():
            if step.backward and stage < stages - 1:
                assert t >= line.begins[stage + 1][step] + 2.0
            if not step.backward and stage:
                assert t >= line.begins[stage - 1][step] + 1.0


@pytest.mark.kills(
    "pipeline: every stage goes ahead as far as the first",
    "distributed/schedules.py",
    "ahead = min(stages - stage - 1, parts)",
    "ahead = min(stages - 1, parts)",
)
@pytest.mark.parametrize(("stages", "parts"), SIZES)
def test_the_order_decides_what_is_remembered(stages: int, parts: int) -> None:
    assert pipeline_timeline("gpipe", stages, parts).remembered == [parts] * stages
    assert pipeline_timeline("1f1b", stages, parts).remembered == [
        min(stages - stage, parts) for stage in range(stages)
    ]


def test_narayanans_bubble_is_idle_over_work() -> None:
    idle = bubble_share(8, 32)
    assert idle / (1 - idle) == pytest.approx(7 / 32)


@pytest.mark.plain
def test_what_is_no_schedule_is_refused() -> None:
    for ask, message in (
        (lambda: pipeline_order("zero", 0, 2, 2), "schedule should be one of gpipe, 1f1b"),  # type: ignore[arg-type]
        (lambda: pipeline_order("1f1b", 2, 2, 2), r"stage should be a whole number in \[0, stag"),
        (lambda: bubble_share(0, 2), "stages should be a positive whole number, got 0"),
        (lambda: bubble_share(2, 0), "parts should be a positive whole number, got 0"),
        (
            lambda: pipeline_timeline("gpipe", 2, 2, forward=0.0),
            "forward should be a positive number, got 0",
        ),
    ):
        with pytest.raises(ValueError, match=f"^{message}"):
            ask()
