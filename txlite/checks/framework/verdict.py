"""What a checker says about an answer."""

from dataclasses import dataclass

__all__ = ["Verdict"]


@dataclass(frozen=True, repr=False)
class Verdict:
    """The result of checking one answer; shown as its message at the end of a notebook cell.

    Parameters
    ----------
    passed : bool
        Whether the answer is right. ``bool(verdict)`` says the same.
    mistake : str or None
        The name of the mistake that was recognised, or None: the answer is right, or it is
        wrong in a way that has no name.
    message : str
        What the reader sees: one sentence, then the smallest input that shows the mistake.
    """

    passed: bool
    mistake: str | None
    message: str

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return self.message

    def require(self) -> "Verdict":
        """Insist on a right answer.

        Returns
        -------
        Verdict
            This verdict, so that the last line of a cell still shows it.

        Raises
        ------
        AssertionError
            If the answer is wrong; with the whole message.
        """
        if not self.passed:
            raise AssertionError(self.message)
        return self
