"""The rehearsal: its digits are backwards, its model can learn it, its command line reports."""

import json

import pytest
import torch

from txlite.nn import masks
from txlite.training import Batches
from txlite.training.rehearsal import Backwards, Digits, Rehearsal, _digits, main, rehearse


def test_rows_are_said_backwards():
    batch = _digits([0, 1, 2, 3, 4])
    assert isinstance(batch, Digits)
    lengths = batch.keep.sum(1)
    assert len(set(lengths.tolist())) > 1  # else nothing depends on counting tokens
    for row in range(5):
        n = int(lengths[row])
        assert batch.backwards[row, :n].tolist() == batch.digits[row, :n].tolist()[::-1]
    every = _digits(list(range(200))).keep.sum(1)
    assert (every.min(), every.max()) == (2, 9), "a single digit is the same backwards"
    again = _digits([3])  # a row is the same in every batch
    assert torch.equal(again.digits[0], batch.digits[3])
    assert next(iter(Batches(range(9), _digits, batch_size=4))).digits.shape == (4, 9)


def test_blanks_are_not_heard():
    batch, model = _digits([0, 1, 2]), Backwards()  # which drops nothing unless it is told to
    spoilt = batch.digits.masked_fill(~batch.keep, 7)
    both = model(batch.digits, batch.keep), model(spoilt, batch.keep)
    assert torch.equal(both[0][batch.keep], both[1][batch.keep])


def test_what_is_heard_is_added_to_each_place():
    batch, model = _digits([0, 1]), Backwards()
    x = model.digit(batch.digits) + model.place.weight[: batch.digits.shape[1]]
    heard = model.attention(x, mask=masks.padding(batch.keep))
    want = model.say(model.norm(x + heard))
    torch.testing.assert_close(model(batch.digits, batch.keep), want)


def test_nothing_is_dropped_unless_it_is_told_to():
    batch, model = _digits([0, 1, 2]), Backwards()
    awake = model.train()(batch.digits, batch.keep)
    assert torch.equal(awake, model.eval()(batch.digits, batch.keep))
    forgetful = Backwards(dropout=0.5)
    awake = forgetful.train()(batch.digits, batch.keep)
    assert not torch.equal(awake, forgetful.eval()(batch.digits, batch.keep))


def test_the_model_can_learn_it():
    report = rehearse(Rehearsal(steps=120, cpu=True))
    assert report["losses"][-1] < 0.8 * report["losses"][0]
    assert report["scores"]["held out"][-1][0] == 120


def test_the_command_line_writes_a_report(tmp_path):
    file = tmp_path / "report.json"
    main(["--steps", "3", "--cpu", "--report", str(file)])
    written = json.loads(file.read_text())
    same = rehearse(Rehearsal(steps=3, cpu=True))
    assert written["losses"] == same["losses"]
    assert written["fingerprint"] == same["fingerprint"]
    assert (written["processes"], written["rank"]) == (1, 0)
    other = rehearse(Rehearsal(steps=4, cpu=True))
    assert other["fingerprint"] != same["fingerprint"]


def test_an_unknown_word_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--no-such-option"])
    assert "--no-such-option" in capsys.readouterr().err
