"""The recorded search is the search: equal to ``beam_search`` on the model it was recorded from."""

import itertools

import pytest
import torch
from torch import Tensor

from txlite.generation import BeamStep, beam_search
from txlite.viz import figure
from txlite.viz.beams import Candidate, explore, plot_beams, search
from txlite.viz.narrow import PHONE, SMALLEST, narrowed

EOS, MOST, LENGTH, VOCABULARY = 2, 4, 7, 11


def language(seed: int) -> Tensor:
    """From each token and the one before it, the logits of the next."""
    generator = torch.Generator().manual_seed(seed)
    table = 2 * torch.randn(VOCABULARY, VOCABULARY, VOCABULARY, generator=generator).double()
    table[..., EOS] += 1.5
    return table


def record(table: Tensor) -> dict[str, list[list[float]]]:
    def log_probs(written: list[int]) -> Tensor:
        before, last = [0, 1, *written][-2:]
        return table[before, last].log_softmax(-1)

    return explore(log_probs, eos_id=EOS, max_len=LENGTH, most=MOST)


@pytest.mark.parametrize("penalty", [-1.0, 0.0, 0.75, 1.0, 2.0])
@pytest.mark.parametrize("num_beams", [1, 2, 4])
def test_it_finds_what_beam_search_finds(num_beams: int, penalty: float) -> None:
    for seed in range(5):
        table = language(seed)
        steps, ended = search(
            record(table),
            eos_id=EOS,
            max_len=LENGTH,
            num_beams=num_beams,
            length_penalty=penalty,
        )
        theirs: list[BeamStep] = []
        result = beam_search(
            lambda tokens, table=table: (
                torch.stack([table[0, 1]] * len(tokens))[:, None].expand(-1, tokens.shape[1], -1)
                if tokens.shape[1] == 2
                else table[tokens[:, :-1], tokens[:, 1:]][:, [0, *range(tokens.shape[1] - 1)]]
            ),
            torch.tensor([[0, 1]]),
            num_beams=num_beams,
            max_new_tokens=LENGTH,
            eos_id=EOS,
            length_penalty=penalty,
            num_return_sequences=num_beams,
            use_cache=False,
            record=theirs,
        )
        assert len(steps) == len(theirs)
        for mine, step in zip(steps, theirs, strict=True):
            assert [c.path[-1] for c in mine] == step.tokens[0, : len(mine)].tolist()
            assert [c.fate == "ends" for c in mine] == step.finishes[0, : len(mine)].tolist()
            scores = torch.tensor([c.log_prob for c in mine]).double()
            torch.testing.assert_close(scores, step.scores[0, : len(mine)], rtol=0, atol=1e-5)
        found = zip(ended, result.tokens[:, 2:].tolist(), result.scores.tolist(), strict=False)
        for one, tokens, score in found:
            assert tokens[: len(one.path)] == list(one.path)
            assert one.score == pytest.approx(score, abs=1e-4)


def test_every_search_finds_its_way_in_the_record() -> None:
    said = record(language(1))
    assert all(len(row) == 2 * MOST for row in said.values())
    for beams, penalty in itertools.product(range(1, MOST + 1), (-1.0, 2.0)):
        steps, _ = search(said, eos_id=EOS, max_len=LENGTH, num_beams=beams, length_penalty=penalty)
        assert all(len(step) <= 2 * beams for step in steps)
        going = [sum(c.fate == "goes on" for c in step) for step in steps[:-1]]
        assert going == [beams] * len(going)


@pytest.mark.parametrize("name", ["num_beams", "max_len"])
def test_a_search_of_nothing_is_refused(name: str) -> None:
    settings = {"num_beams": 2, "max_len": 3, name: 0}
    with pytest.raises(ValueError, match=f"^{name} should be a positive whole number, got 0"):
        search({}, eos_id=EOS, length_penalty=1.0, **settings)


def test_the_tree_names_every_candidate() -> None:
    steps, _ = search(
        record(language(3)), eos_id=EOS, max_len=LENGTH, num_beams=3, length_penalty=1.0
    )
    _, ax = figure(6, 3)
    plot_beams(ax, steps[:3], {i: f"word{i}" for i in range(VOCABULARY)})
    texts = [text.get_text() for text in ax.texts]
    assert len(texts) == sum(map(len, steps[:3])) == len(ax.lines)
    best = steps[0][0]
    assert texts[0] == f"word{best.path[0]}  {best.log_prob:.1f}".replace("-", "−")


def test_on_a_phone_each_candidate_has_a_line_below_the_one_that_it_extends() -> None:
    steps, _ = search(
        record(language(3)), eos_id=EOS, max_len=LENGTH, num_beams=3, length_penalty=1.0
    )
    fig, ax = figure(6, 3)
    plot_beams(ax, steps[:4], {i: f"word{i}" for i in range(VOCABULARY)})
    paths = [candidate.path for step in steps[:4] for candidate in step]
    before = [text.get_position() for text in ax.texts]
    with narrowed(fig):
        fig.draw_without_rendering()
        at = {path: text.get_position() for path, text in zip(paths, ax.texts, strict=True)}
        assert len({y for _, y in at.values()}) == len(paths)
        order = sorted(paths, key=lambda path: -at[path][1])
        assert order == sorted(paths, key=lambda path: ranks(steps, path))
        assert {len(p): at[p][0] for p in paths} == {1: 19, 2: 35, 3: 51, 4: 67}
        boxes = [text.get_window_extent() for text in ax.texts]
        assert max(box.x1 for box in boxes) <= PHONE * fig.dpi / 96
        boxes.sort(key=lambda box: -box.y1)
        assert all(above.y0 >= box.y1 - 1 for above, box in itertools.pairwise(boxes))
        assert min(text.get_fontsize() for text in ax.texts) >= SMALLEST
    assert [text.get_position() for text in ax.texts] == before


def ranks(steps: list[list[Candidate]], path: tuple[int, ...]) -> list[int]:
    """How good each beginning of a path is among those of its length."""
    beginnings = [path[:n] for n in range(1, len(path) + 1)]
    return [[c.path for c in step].index(b) for step, b in zip(steps, beginnings, strict=False)]
