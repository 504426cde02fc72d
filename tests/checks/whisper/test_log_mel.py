import math

import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks
from txlite.data import audio

check = checks.log_mel


def cell_by_cell(
    *,
    power=lambda a: a * a,
    weight=lambda w: w,
    after=lambda x: x,
    least=lambda x: max(x, 1e-10),
    logarithm=math.log10,
    frames=lambda rows: [row[:-1] for row in rows],
    lift=None,
    told=lambda x: 1 + x / 4,
):
    """Build an answer of plain numbers, with what may be done at each step."""

    def answer(amplitude, filters):
        columns, rows = amplitude.T.tolist(), []
        for band in filters.tolist():
            sums = [
                sum(weight(w) * power(a) for w, a in zip(band, column, strict=True))
                for column in columns
            ]
            rows.append(
                [logarithm(least(after(x))) if least(after(x)) else -math.inf for x in sums]
            )
        kept = frames(rows)
        if lift is None:
            loudest = max(max(row) for row in kept)
            lifted = [[max(x, loudest - 8) for x in row] for row in kept]
        else:
            lifted = lift(rows, kept)
        return torch.tensor([[told(x) for x in row] for row in lifted])

    return answer


def test_right_answers_in_other_words_pass():
    check(cell_by_cell()).require()

    def at_once(amplitude, filters):
        log = (filters @ amplitude[:, :-1] ** 2).log10()
        return log.clamp(min=max(-10.0, log.max().item() - 8)) / 4 + 1

    check(at_once).require()


def too_early(rows, kept):
    loudest = max(map(max, rows))
    return [[max(x, loudest - 8) for x in row] for row in kept]


def by_band(rows, kept):
    return [[max(x, max(row) - 8) for x in row] for row in kept]


def by_frame(rows, kept):
    tops = [max(column) for column in zip(*kept, strict=True)]
    return [[max(x, top - 8) for x, top in zip(row, tops, strict=True)] for row in kept]


def from_above(rows, kept):
    loudest = max(map(max, kept))
    return [[min(x, loudest - 8) for x in row] for row in kept]


def standardised(amplitude, filters):
    x = 4 * cell_by_cell()(amplitude, filters)
    centred = x - x.mean()
    return centred / (centred.square().sum() / (x.numel() - 1)).sqrt()


WRITTEN = {
    "amplitude instead of power": cell_by_cell(power=abs),
    "squared after the bands": cell_by_cell(power=abs, after=lambda x: x * x),
    "the filters squared too": cell_by_cell(weight=lambda w: w * w),
    "80 bands for all": lambda amplitude, filters: cell_by_cell()(amplitude, filters)[:80],
    "no floor": cell_by_cell(least=lambda x: x),
    "another floor": cell_by_cell(least=lambda x: max(x, 1e-5)),
    "the floor added": cell_by_cell(least=lambda x: x + 1e-10),
    "natural logarithm": cell_by_cell(logarithm=math.log),
    "decibels": cell_by_cell(logarithm=lambda x: 10 * math.log10(x)),
    "the maximum before the last frame is dropped": cell_by_cell(lift=too_early),
    "a maximum for each band": cell_by_cell(lift=by_band),
    "a maximum for each frame": cell_by_cell(lift=by_frame),
    "80 for 8": cell_by_cell(lift=lambda rows, kept: kept),
    "cut from above": cell_by_cell(lift=from_above),
    "the last frame kept": cell_by_cell(frames=lambda rows: rows),
    "the first frame dropped": cell_by_cell(frames=lambda rows: [row[1:] for row in rows]),
    "not scaled": cell_by_cell(told=lambda x: x),
    "divided before the sum": cell_by_cell(told=lambda x: 4 + x / 4),
    "mean 0 and spread 1": standardised,
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


@pytest.mark.parametrize("num_mels", [80, 128])
def test_it_is_the_packages_spectrogram(num_mels):
    """Also where a click in the last frame would lift the floor of all others."""
    generator = torch.Generator().manual_seed(0)
    sound = 0.005 * torch.randn(1600, generator=generator, dtype=torch.double)
    sound[300:900] = 0
    sound[-1] = 1.0
    window = torch.hann_window(400, dtype=torch.double)
    amplitude = torch.stft(sound, 400, 160, window=window, return_complex=True).abs()
    found = check.reference(amplitude, audio.mel_filters(num_mels))
    assert_close(found, audio.log_mel(sound, 16_000, num_mels=num_mels, seconds=None))
    early = WRITTEN["the maximum before the last frame is dropped"]
    assert (early(amplitude, audio.mel_filters(num_mels)) - found).abs().max() > 0.1


def test_every_number_of_a_sound_in_16_bits_rises_alike():
    """What int16 does when it is taken as it is: log10(32,768²) / 4 everywhere."""
    amplitude = torch.rand(5, 4, generator=torch.Generator().manual_seed(1)).double() + 0.1
    filters = torch.rand(3, 5, generator=torch.Generator().manual_seed(2)).double() + 0.1
    gap = check.reference(32_768 * amplitude, filters) - check.reference(amplitude, filters)
    assert_close(gap, torch.full_like(gap, 2.2577), atol=1e-4, rtol=0)
