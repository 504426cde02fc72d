r"""Who works when in a pipeline: the order of each stage, and how long it stands idle.

A model cut into p stages is full only when parts of a batch stand in all of them. With m parts,
each stage works m units and waits p − 1, whatever the order; the order decides how many parts a
stage has to remember at once. GPipe sends all parts forward and then all backward, and remembers m;
1F1B sends one backward as soon as one can go, and remembers at most p.

.. math:: \text{idle share} = \frac{p - 1}{m + p - 1}

Sources
    Huang et al. (2019), "GPipe", section 2.3 and figure 2.
    Narayanan et al. (2021), "Efficient Large-Scale Language Model Training on GPU Clusters Using
    Megatron-LM", section 2.2.1 and figures 3 and 4 (1F1B, with a flush after each batch); its
    "bubble time fraction" (p − 1) / m is the idle time over the time of work.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from txlite._checks import check_choice, check_positive, check_rate, check_whole

__all__ = ["PipelineStep", "Timeline", "bubble_share", "pipeline_order", "pipeline_timeline"]

ScheduleName = Literal["gpipe", "1f1b"]


class PipelineStep(NamedTuple):
    """What a stage does next.

    Parameters
    ----------
    backward : bool
        Whether gradients go back, instead of hidden states forward.
    part : int
        Which part of the batch, from 0.
    """

    backward: bool
    part: int


def pipeline_order(
    schedule: ScheduleName, stage: int, stages: int, parts: int
) -> list[PipelineStep]:
    """Return what one stage does, in its order.

    Parameters
    ----------
    schedule : str
        ``"gpipe"`` or ``"1f1b"``.
    stage : int
        Which stage, from 0.
    stages : int
        How many there are.
    parts : int
        Parts of the batch.

    Returns
    -------
    list of PipelineStep
        Each part once forward and once backward.

    Raises
    ------
    ValueError
        If there is no such schedule, or a number is too small or too large.

    References
    ----------
    Huang et al. (2019), figure 2. Narayanan et al. (2021), figure 4.

    Examples
    --------
    >>> steps = pipeline_order("1f1b", 1, 3, 3)
    >>> "".join(f"{'fb'[step.backward]}{step.part} " for step in steps)
    'f0 f1 b0 f2 b1 b2 '
    """
    check_choice("schedule", schedule, ("gpipe", "1f1b"))
    stages, parts = check_positive("stages", stages), check_positive("parts", parts)
    wanted = f"a whole number in [0, stages={stages})"
    stage = check_whole("stage", stage, wanted, lambda n: 0 <= n < stages)
    forward = [PipelineStep(False, part) for part in range(parts)]
    backward = [PipelineStep(True, part) for part in range(parts)]
    if schedule == "gpipe":
        return forward + backward
    ahead = min(stages - stage - 1, parts)  # forward, before the first can come back
    steady = [step for pair in zip(forward[ahead:], backward, strict=False) for step in pair]
    return forward[:ahead] + steady + backward[parts - ahead :]


def bubble_share(stages: int, parts: int) -> float:
    """Return the share of a step in which a stage waits.

    Parameters
    ----------
    stages : int
        Stages of the pipeline, p.
    parts : int
        Parts of the batch, m.

    Returns
    -------
    float
        (p − 1) / (m + p − 1).

    Raises
    ------
    ValueError
        If a number is not positive.

    References
    ----------
    Huang et al. (2019), section 2.3.

    Examples
    --------
    >>> bubble_share(4, 8)
    0.2727272727272727
    """
    stages, parts = check_positive("stages", stages), check_positive("parts", parts)
    return (stages - 1) / (parts + stages - 1)


@dataclass(frozen=True)
class Timeline:
    """When each stage does what.

    Parameters
    ----------
    begins : list of dict
        For each stage, when each of its steps begins.
    length : float
        When the last one ends.
    idle : list of float
        For each stage, the share of that time in which it waits.
    remembered : list of int
        For each stage, how many parts it has gone forward with and not yet back, at most.
    """

    begins: list[dict[PipelineStep, float]]
    length: float
    idle: list[float]
    remembered: list[int]


def pipeline_timeline(
    schedule: ScheduleName,
    stages: int,
    parts: int,
    *,
    forward: float = 1.0,
    backward: float = 2.0,
) -> Timeline:
    """Play a schedule: each step begins when its stage is free and what it needs is there.

    Parameters
    ----------
    schedule : str
        ``"gpipe"`` or ``"1f1b"``.
    stages : int
        Stages of the pipeline.
    parts : int
        Parts of the batch.
    forward, backward : float
        How long a stage needs for one part.

    Returns
    -------
    Timeline
        In the unit of ``forward`` and ``backward``.

    Raises
    ------
    ValueError
        If there is no such schedule, or a number is not positive.

    References
    ----------
    Narayanan et al. (2021), figures 3 and 4.
    """
    forward, backward = check_rate("forward", forward), check_rate("backward", backward)
    stages, parts = check_positive("stages", stages), check_positive("parts", parts)
    orders = [pipeline_order(schedule, stage, stages, parts) for stage in range(stages)]
    begins: list[dict[PipelineStep, float]] = [{} for _ in range(stages)]
    ends: list[dict[PipelineStep, float]] = [{} for _ in range(stages)]
    free, done = [0.0] * stages, [0] * stages
    while any(done[stage] < 2 * parts for stage in range(stages)):
        for stage in range(stages):
            while done[stage] < 2 * parts:
                step = orders[stage][done[stage]]
                needed = _needed(step, stage, stages)
                if needed is not None and needed[1] not in ends[needed[0]]:
                    break  # another stage comes first
                ready = 0.0 if needed is None else ends[needed[0]][needed[1]]
                begins[stage][step] = max(free[stage], ready)
                free[stage] = begins[stage][step] + (backward if step.backward else forward)
                ends[stage][step] = free[stage]
                done[stage] += 1
    length, work = max(free), parts * (forward + backward)
    return Timeline(begins, length, [1 - work / length] * stages, [_most(o) for o in orders])


def _needed(step: PipelineStep, stage: int, stages: int) -> tuple[int, PipelineStep] | None:
    """Return the step of which stage has to be over before this one."""
    if step.backward:
        last = stage == stages - 1
        return (stage, PipelineStep(False, step.part)) if last else (stage + 1, step)
    return (stage - 1, step) if stage else None


def _most(order: list[PipelineStep]) -> int:
    """Return the largest number of parts that have gone forward and not yet back."""
    held = [0]
    for step in order:
        held.append(held[-1] + (-1 if step.backward else 1))
    return max(held)
