"""Exercise: a place on the board of language models.

It trains what it is given, once for each of five seeds, with its own clock, and hands the runs to
:func:`txlite.training.judge`. So the verdict is the row, or what keeps it off the board.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from txlite.checks.framework import Exercise, Mistake, Step, Verdict, normal
from txlite.checks.framework._explain import counterexample
from txlite.checks.framework._outcome import Answer, Outcome, run
from txlite.checks.framework._show import fill
from txlite.data.library import library_text
from txlite.training.board import BoardRow, Entry, board, judge

__all__ = ["board_row"]

SEEDS = range(5)
SECONDS = 75.0  # that one training may take
V = 256  # the bytes, of which the entries below are made

# Words of the judge, and the name of the mistake.
_REASONS = {
    "looks at its own target": "reads its target",
    "look at the whole text": "reads the whole text",
    "look up to": "reads ahead",
    "later tokens together": "reads later tokens together",
    "depend on the other rows": "depends on the batch",
    "depend on the text's length": "depends on the length",
    "give other predictions": "other predictions the second time",
    "do not give the text back": "a text that does not come back",
    "a token stands for": "knows the text by heart",
    "are probabilities": "probabilities for logits",
    "are one and the same": "one run, and not five",
    "s of training are allowed": "trained too long",
}


class _Board(Exercise):
    """An exercise whose answer is judged by what it reaches, and not compared with another."""

    def __call__(
        self,
        answer: Answer,
        *,
        text: str | Sequence[str] | None = None,
        longest: float = SECONDS,
        beside: Sequence[BoardRow] = (),
    ) -> Verdict:
        """Train an entry with five seeds, and score it on a held-out text.

        Parameters
        ----------
        answer : callable
            From a seed to an :class:`txlite.training.Entry`. Its name stands on the board.
        text : str or sequence of str, optional
            What it is scored on. By default what the standard library's text holds out.
        longest : float
            How many seconds one training may take.
        beside : sequence of BoardRow
            Rows of the same text: the verdict is then the board with all of them.

        Returns
        -------
        Verdict
            The row, or the name of what keeps it off the board.

        Raises
        ------
        ValueError
            If there are rows to stand beside, and another text than theirs.
        """
        if text is not None and beside:
            raise ValueError(
                "beside should be empty where text is given: its rows were scored on another text"
            )
        unusable = self._unusable(answer)
        if unusable is not None:
            return unusable
        entries: list[Entry] = []
        for seed in SEEDS:
            begun = time.perf_counter()
            outcome = run(answer, (seed,))
            seconds = time.perf_counter() - begun
            if not isinstance(outcome.result, Entry):
                return self._no_entry(answer, outcome)
            entries.append(replace(outcome.result, seconds=seconds))
            if seconds > longest:  # the others need not be waited for
                break
        if text is None:
            text = [document.text for document in library_text().test]
        name = getattr(answer, "__name__", "an entry")
        chance = torch.Generator().manual_seed(0)
        try:
            row = judge(
                name, entries, text,
                generator=chance, num_seeds=len(entries), longest=longest,
            )  # fmt: skip
        except (ValueError, RuntimeError, IndexError) as error:
            said = f"The judge could not read the model: {error}"
            return Verdict(False, None, fill(f"Not yet. {said}"))
        return self._refused(row) if row.refused else _placed(row, beside, self.praise)

    def _no_entry(self, answer: Answer, got: Outcome) -> Verdict:
        if got.error is not None:
            example = counterexample(self.inputs, self.cases[0], Outcome("an Entry"), got, answer)
            said = "The training raised an error."
            return Verdict(False, None, f"{fill(f'Not yet. {said}')}\n\n{example}")
        if got.result is None or got.result is Ellipsis:
            said = f"Nothing comes back yet. {self.task}"
            return Verdict(False, "nothing yet", fill(f"Not yet. {said}"))
        said = f"What comes back is no Entry, but of type {type(got.result).__name__}."
        return Verdict(False, None, fill(f"Not yet. {said}"))

    def _refused(self, row: BoardRow) -> Verdict:
        """Say what the first reason means, and then all that the judge has said."""
        found = next((name for words, name in _REASONS.items() if words in row.refused[0]), None)
        sentences = {mistake.name: mistake.sentence for mistake in self.bank}
        said = sentences.get(found or "", "This is not on the board.")
        reasons = "\n".join(fill(line, hang="  ") for line in str(row).splitlines())
        return Verdict(False, found, f"{fill(f'Not yet. {said}')}\n\n{reasons}")


def _placed(row: BoardRow, beside: Sequence[BoardRow], praise: str) -> Verdict:
    told = board([*beside, row]) if beside else str(row)
    lines = "\n".join(fill(line, hang="  ") for line in told.splitlines())
    return Verdict(True, None, f"{lines}\n{fill(praise)}")


def _encode(text: str) -> list[int]:
    return list(text.encode())


def _decode(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="replace")


def _entry(model: Callable[[Tensor], Tensor], **changes: object) -> Entry:
    bytes_of_text = Entry(
        model=model, encode=_encode, decode=_decode, bos_id=0, vocab_size=V, window=32,
        seconds=0.0, vocabulary="bytes",
    )  # fmt: skip
    return replace(bytes_of_text, **changes)  # type: ignore[arg-type]


def _table(seed: int) -> Tensor:
    return normal(seed, V, V).double()


def _by_last_token(seed: int) -> Entry:
    """Let the next token depend on the last one, by a random table."""
    table = _table(seed)
    return _entry(lambda tokens: table[tokens])


def _adding(extra: Step) -> Answer:
    """Let a function of the tokens' one-hot vectors be added to an honest model's scores."""

    def train(seed: int) -> Entry:
        table = _table(seed)
        return _entry(lambda tokens: table[tokens] + extra(one_hot(tokens, V).double()))

    return train


def _pair_ahead(tokens: Tensor) -> Tensor:
    """Tell where two bytes follow that both begin a character: no text of UTF-8 has the pair."""
    upper = tokens[..., 192:].sum(-1, keepdim=True)
    both = upper.roll(-1, 1) * upper.roll(-2, 1)
    return both * torch.arange(V, device="cpu")


def _forgetful(ids: Sequence[int]) -> str:
    return _decode(ids).lower().rstrip(".")


def _by_heart(seed: int) -> Entry:
    text: list[str] = [""]

    def encode(given: str) -> list[int]:
        text[0] = given
        return [1]

    def decode(ids: Sequence[int]) -> str:
        return "".join(text[0] if number == 1 else chr(number) for number in ids)

    return replace(_by_last_token(seed), encode=encode, decode=decode)


def _remembering(seed: int) -> Entry:
    table, seen = _table(seed), torch.zeros(V, dtype=torch.double, device="cpu")

    def model(tokens: Tensor) -> Tensor:
        seen.add_(one_hot(tokens, V).double().sum((0, 1)))
        return table[tokens] + seen

    return _entry(model)


def _slow(seed: int) -> Entry:
    time.sleep(2 * SECONDS)
    return _by_last_token(seed)


def _as_probabilities(seed: int) -> Entry:
    table = _table(seed).softmax(-1)
    return _entry(lambda tokens: table[tokens])


def _from_the_end(tokens: Tensor) -> Tensor:
    left = torch.arange(tokens.shape[1], 0, -1, device="cpu").double()
    return left[:, None] * torch.eye(1, V, dtype=torch.double, device="cpu")


board_row = _Board(
    name="board_row",
    signature="f(seed: int) -> Entry",
    task=(
        "Train a language model with the chance of this seed, in at most 75 s, and return it as "
        "an Entry: the model, its tokens and its window."
    ),
    inputs=("seed",),
    reference=_by_last_token,
    cases=((0,),),
    bank=(
        Mistake(
            "reads its target",
            "A prediction depends on the very token that it predicts. Whatever the model is told "
            "about position t + 1 must not reach position t.",
            _adding(lambda tokens: tokens.roll(-1, 1)),
        ),
        Mistake(
            "reads the whole text",
            "What is computed of the whole window reaches every position of it, the earlier ones "
            "too. Sums, means and attention may go up to a prediction's own position only.",
            _adding(lambda tokens: tokens.mean(1, keepdim=True)),
        ),
        Mistake(
            "reads ahead",
            "A prediction depends on some of the tokens that follow. A convolution needs its "
            "padding on the left alone, and a block its end cut off.",
            _adding(lambda tokens: tokens.roll(-1, 1) + tokens.roll(-2, 1)),
        ),
        Mistake(
            "reads later tokens together",
            "No later token tells anything alone, several do together: it is a leak all the same.",
            _adding(_pair_ahead),
        ),
        Mistake(
            "depends on the batch",
            "Another row of the batch moves the predictions, as where one normalises over it.",
            _adding(lambda tokens: tokens - tokens.mean(0)),
        ),
        Mistake(
            "depends on the length",
            "A prediction moves when the text behind it is cut off: count positions from the "
            "beginning.",
            _adding(_from_the_end),
        ),
        Mistake(
            "other predictions the second time",
            "The same tokens give other predictions when they are read again. Dropout has to be "
            "off, and a model may remember nothing of a text that it is scored on.",
            _remembering,
        ),
        Mistake(
            "a text that does not come back",
            "The tokens do not give the text back. What the tokenizer drops costs no bits, and "
            "the characters are counted all the same.",
            lambda seed: replace(_by_last_token(seed), decode=_forgetful),
        ),
        Mistake(
            "knows the text by heart",
            "One token stands for so much text that the tokenizer must have been given it. Its "
            "vocabulary comes from the training text alone.",
            _by_heart,
        ),
        Mistake(
            "probabilities for logits",
            "The model hands in probabilities. The judge makes them itself, by a softmax of the "
            "logits, and theirs is almost flat. Log-probabilities are logits too.",
            _as_probabilities,
        ),
        Mistake(
            "one run, and not five",
            "Two seeds give one and the same model. Let the seed decide the first weights, the "
            "order of the text, or which part of it is read.",
            lambda seed: _by_last_token(0),
        ),
        Mistake(
            "trained too long",
            "One training takes longer than the board allows.",
            _slow,
        ),
    ),
    praise="It stands on the board: the judge's own number, and no leak was found.",
)
