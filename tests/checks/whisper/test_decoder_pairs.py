import pytest
import torch
from torch.testing import assert_close

from tests.checks.written import earns
from txlite import checks

check = checks.decoder_pairs


def row_by_row(tell):
    """Build an answer of what one text, without its padding, has read and is asked for."""

    def answer(prompt, text, end):
        rows = [
            tell(prompt.tolist(), [t for t in row.tolist() if t != end], end, text.shape[1])
            for row in text
        ]
        return torch.tensor([list(side) for side in zip(*rows, strict=True)])

    return answer


def right(prompt, words, end, width):
    empty = width - len(words)
    read = prompt + words + [end] * empty
    return read, [-100] * (len(prompt) - 1) + words + [end] + [-100] * empty


def changed(tell):
    """Build an answer from a right row and what is done to what is asked for."""

    def answer(prompt, words, end, width):
        read, asked = right(prompt, words, end, width)
        return read, tell(read, asked, prompt, words, end)

    return row_by_row(answer)


def padding_asked(read, asked, prompt, words, end):
    size = len(prompt)
    return asked[:size] + [end if x == -100 else x for x in asked[size:]]


def at_the_rows_end(read, asked, prompt, words, end):
    rest = [-100 if x == end else x for x in asked]
    return [*rest[:-1], end]


def not_shifted(read, asked, prompt, words, end):
    return [-100 if x == -100 else y for x, y in zip(asked, read, strict=True)]


def two_ahead(read, asked, prompt, words, end):
    ahead = [*read[2:], end, end]
    return [-100 if x == -100 else y for x, y in zip(asked, ahead, strict=True)]


def rolled(read, asked, prompt, words, end):
    return asked if asked[-1] == -100 else [*asked[:-1], prompt[0]]


def prompt_asked(read, asked, prompt, words, end):
    return prompt[1:] + asked[len(prompt) - 1 :]


def one_hidden(read, asked, prompt, words, end):
    return [-100] * len(prompt) + asked[len(prompt) :]


def first_rows_padding(prompt, text, end):
    width = text.shape[1]
    real = int((text[0] != end).sum())
    rows = []
    for row in text.tolist():
        full = [*prompt.tolist(), *row]
        rows.append([-100] * (len(prompt) - 1) + [*row, end])
        rows[-1][len(prompt) + real :] = [-100] * (width - real)
        rows[-1] = [full, rows[-1]]
    return torch.tensor(rows).transpose(0, 1)


def read_what_is_asked(prompt, words, end, width):
    read, asked = right(prompt, words, end, width)
    return [-100 if x == end else x for x in read], asked


def short(prompt, words, end, width):
    return right(prompt[-1:], words, end, width)


def no_end(prompt, text, end):
    return row_by_row(right)(prompt, text, end)[..., : len(prompt) + text.shape[1] - 1]


def test_right_answers_in_other_words_pass():
    check(row_by_row(right)).require()

    def by_lengths(prompt, text, end):
        real = (text != end).sum(1, keepdim=True)
        read = torch.cat([prompt.repeat(len(text), 1), text], 1)
        asked = torch.full_like(read, -100)
        asked[:, len(prompt) - 1 : -1] = text.masked_fill(text == end, -100)
        return torch.stack([read, asked.scatter(1, real + len(prompt) - 1, end)])

    check(by_lengths).require()


WRITTEN = {
    "the end hidden with the padding": changed(
        lambda r, a, p, w, end: [-100 if x == end else x for x in a]
    ),
    "padding asked for": changed(padding_asked),
    "the first row's padding": first_rows_padding,
    "the end at the end of the row": changed(at_the_rows_end),
    "no end": no_end,
    "not shifted": changed(not_shifted),
    "shifted twice": changed(two_ahead),
    "rolled round the row": changed(rolled),
    "the prompt asked for": changed(prompt_asked),
    "the text's first token not asked for": changed(one_hidden),
    "0 for what is not asked": changed(lambda r, a, p, w, end: [max(x, 0) for x in a]),
    "-100 read": row_by_row(read_what_is_asked),
    "the prompt cut to one token": row_by_row(short),
    "read and asked for exchanged": row_by_row(lambda *given: right(*given)[::-1]),
}


@pytest.mark.parametrize(("name", "answer"), WRITTEN.items(), ids=WRITTEN)
def test_a_mistake_in_a_readers_words_is_named(name, answer):
    earns(check, answer, name)


def test_every_mistake_is_written_in_a_readers_words():
    assert set(WRITTEN) == set(check.mistakes)


def test_it_is_what_hugging_faces_whisper_shifts():
    """Their model makes what is read from the labels; the prompt's first token begins it."""
    shift = pytest.importorskip("transformers.models.whisper.modeling_whisper").shift_tokens_right
    prompt, text = torch.tensor([20]), torch.tensor([[5, 6, 7], [8, 9, 9], [4, 3, 9]])
    read, asked = check.reference(prompt, text, 9)
    assert_close(shift(asked, 9, 20), read)
