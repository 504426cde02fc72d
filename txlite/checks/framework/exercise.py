"""The framework: an exercise, its reference, and its bank of named wrong answers.

A wrong answer is recognised by what it computes. Every mistake in the bank is itself a function;
the one that agrees with the reader's on *all* cases is the mistake that the reader made. Most
banks are one recipe with a step swapped, so two mistakes made at once are recognised too.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import SupportsIndex

from txlite.checks.framework._explain import SMALLEST, counterexample, difference
from txlite.checks.framework._gradient import gradient_fault
from txlite.checks.framework._outcome import Answer, Case, Outcome, run, same
from txlite.checks.framework._show import fill
from txlite.checks.framework.verdict import Verdict

__all__ = ["Exercise", "Mistake"]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer with a name.

    Parameters
    ----------
    name : str
        A few words, unique within the exercise.
    sentence : str
        One kind sentence that says what is wrong and why it matters.
    wrong : callable
        The wrong answer. A ``functools.partial`` that swaps steps of a recipe can be combined
        with another one that swaps other steps.
    """

    name: str
    sentence: str
    wrong: Answer


@dataclass(frozen=True, eq=False, repr=False)
class Exercise:
    """Checks answers to one exercise and names the mistake in a wrong one.

    Parameters
    ----------
    name : str
        The exercise's name in ``txlite.checks``.
    signature : str
        The call that an answer must accept, with shapes.
    task : str
        What the function should compute, in a sentence.
    inputs : tuple of str
        The names of the arguments.
    reference : callable
        A right answer.
    cases : tuple of tuples
        Arguments of the calls that are compared, smallest first.
    bank : tuple of Mistake
        The wrong answers that are recognised.
    praise : str
        What a right answer is told.
    differentiable : bool
        Whether the gradient is compared too.
    """

    name: str
    signature: str
    task: str
    inputs: tuple[str, ...]
    reference: Answer
    cases: tuple[Case, ...]
    bank: tuple[Mistake, ...]
    praise: str
    differentiable: bool = False

    def __post_init__(self) -> None:
        text = f"{self.task}\n\nThe answer to check is a function ``{self.signature}``."
        object.__setattr__(self, "__doc__", text)

    def __repr__(self) -> str:
        return f"checks.{self.name}: {self.signature}"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[object, ...]:
        """Pickle an exercise of the package as its name, for other processes to look up."""
        return self.name if "__module__" in vars(self) else super().__reduce_ex__(protocol)

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Names of the mistakes that this exercise tells apart."""
        return tuple(mistake.name for mistake in self.bank)

    def __call__(self, answer: Answer) -> Verdict:
        """Check an answer.

        Parameters
        ----------
        answer : callable
            The function to check; the arguments come in order, without names.

        Returns
        -------
        Verdict
            Right, or wrong with the name of the mistake and the smallest input that shows it.
        """
        unusable = self._unusable(answer)
        if unusable is not None:
            return unusable
        wanted = self.outcomes(self.reference)
        got = [run(answer, case) for case in self.cases]
        for i in range(len(self.cases)):
            if not same(wanted[i], got[i]):
                return self._wrong(answer, wanted, got, i)
        faults = (self._side_effect(got), self._gradient(answer))
        return next((fault for fault in faults if fault is not None), self._right())

    def outcomes(self, function: Answer) -> list[Outcome]:
        """Run a function on copies of every case, on the CPU."""
        return [run(function, case) for case in self.cases]

    def _unusable(self, answer: object) -> Verdict | None:
        if not callable(answer):
            return _not_yet(
                "not a function",
                f"Pass the function itself, as in checks.{self.name}(my_{self.name}), not what "
                f"it returned.",
            )
        try:
            inspect.signature(answer).bind(*self.cases[0])
        except TypeError:
            return _not_yet(
                "other arguments",
                f"Your function cannot be called with ({', '.join(self.inputs)}). Wanted is "
                f"{self.signature}.",
            )
        except ValueError:  # a builtin without a signature
            return None
        return None

    def _wrong(
        self, answer: Answer, wanted: list[Outcome], got: list[Outcome], first: int
    ) -> Verdict:
        """Diagnose an answer that differs from the reference, at first on case ``first``."""
        example = counterexample(self.inputs, self.cases[first], wanted[first], got[first], answer)
        if _unwritten(got[first]):
            example = example.replace(SMALLEST, "What it should do, on the smallest input:", 1)
            return _not_yet("nothing yet", f"Nothing comes back yet. {self.task}", example)
        for name, sentence, wrong in self._candidates():
            if self._agree(wrong, wanted, got):
                return _not_yet(name, sentence, example)
        passes = f"It is right on the {first} smaller inputs. " if first > 1 else ""
        sentence = difference(wanted[first], got[first])
        return _not_yet(None, f"{passes}{sentence}", example)

    def _agree(self, wrong: Answer, wanted: list[Outcome], got: list[Outcome]) -> bool:
        """Tell whether a wrong answer does on every case what the reader's did.

        Two functions that merely both raise where they should not have little in common: then
        their errors must read alike.
        """
        telling = False
        for case, right, x in zip(self.cases, wanted, got, strict=True):
            y = run(wrong, case)
            if not same(x, y):
                return False
            telling |= not same(x, right) and (x.error is None or str(x.error) == str(y.error))
        return telling

    def _candidates(self) -> Iterator[tuple[str, str, Answer]]:
        """Every single mistake, then every two that can be made together."""
        for m in self.bank:
            yield m.name, m.sentence, m.wrong
        for a, b in combinations(self.bank, 2):
            wrong = _both(a.wrong, b.wrong)
            if wrong is not None:
                sentence = f"Two things at once. First: {a.sentence} Second: {b.sentence}"
                yield f"{a.name} + {b.name}", sentence, wrong

    def _side_effect(self, got: list[Outcome]) -> Verdict | None:
        changed = sorted({i for outcome in got for i in outcome.changed})
        if not changed:
            return None
        names = " and ".join(self.inputs[i] for i in changed)
        return _not_yet(
            "changes its input",
            f"The result is right, but {names} no longer {'hold' if len(changed) > 1 else 'holds'}"
            " what the caller put there. Write x = x - m, which makes a new tensor, instead of "
            "x -= m or a method that ends in an underscore, which overwrite the old one.",
        )

    def _gradient(self, answer: Answer) -> Verdict | None:
        if not self.differentiable:
            return None
        for case in self.cases:
            fault = gradient_fault(answer, self.reference, self.inputs, case)
            if fault:
                return _not_yet(*fault)
        return None

    def _right(self) -> Verdict:
        also = ", gradients too" if self.differentiable else ""
        said = f"Right, on all {len(self.cases)} inputs{also}. {self.praise}"
        return Verdict(True, None, fill(said))


def _not_yet(name: str | None, sentence: str, example: str = "") -> Verdict:
    text = fill(f"Not yet. {sentence}")
    return Verdict(False, name, text + (f"\n\n{example}" if example else ""))


def _unwritten(outcome: Outcome) -> bool:
    if outcome.error is not None:
        return isinstance(outcome.error, NotImplementedError)
    return outcome.result is None or outcome.result is Ellipsis


def _both(a: Answer, b: Answer) -> Callable[..., object] | None:
    """Make two mistakes at once, if they swap different steps of the same recipe."""
    if not (isinstance(a, partial) and isinstance(b, partial)) or a.func is not b.func:
        return None
    if a.keywords.keys() & b.keywords.keys():
        return None
    return partial(a.func, **a.keywords, **b.keywords)
