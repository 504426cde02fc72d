import json
import math

import pytest

from txlite.training import History


def history():
    h = History()
    for step in range(1, 4):
        h.add(1 / step, 0.1 * step, 2.0, 5 + step)
        if step != 2:
            h.note({"accuracy": step / 10})
    return h


def test_keeps_what_happened():
    h = history()
    assert h.steps == [1, 2, 3]
    assert h.tokens == [6, 7, 8]
    assert h.scores == {"accuracy": [(1, 0.1), (3, 0.3)]}


def test_goes_through_json_bit_for_bit():
    h = history()
    h.add(math.pi, 1 / 3, 1e-300, 1)
    assert History.from_state_dict(json.loads(json.dumps(h.state_dict()))) == h


def test_plots_every_series():
    h = history()
    h.note({"training loss": 7.0})
    figure = h.plot()
    titles = [ax.get_title() for ax in figure.axes]
    names = ["training loss", "length of the gradient", "learning rate"]
    assert titles == [*names, "accuracy", "training loss"]
    assert list(figure.axes[0].lines[0].get_ydata()) == h.losses
    drawn = figure.axes[3].lines[0]
    assert list(drawn.get_xdata()) == [1, 3]
    assert list(drawn.get_ydata()) == [0.1, 0.3]
    assert drawn.get_marker() == "o", "two points are hard to see as a line"
    left = [round(ax.get_subplotspec().colspan.start) for ax in figure.axes]
    assert left == [0, 1, 2, 0, 1]
    import matplotlib.pyplot as plt

    plt.close(figure)


@pytest.mark.plain
def test_an_empty_history_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"^a history should have at least one step"):
        History().plot()
