"""The live beam search: a recorded model, a number of beams, a length penalty, and the tree."""

from typing import Any, ClassVar

import traitlets

from txlite.viz.beams import Candidate, Ended, search
from txlite.viz.widgets.base import Widget

__all__ = ["BeamTree"]


class BeamTree(Widget):
    """A beam search that the reader steps through, over what a real model has said.

    Attributes
    ----------
    scenes : list of dict
        What can be searched: ``name`` (a sentence, say) and ``continuations``, which
        :func:`txlite.viz.beams.explore` records.
    words : dict of str to str
        How each token is written.
    eos : int
        The token that ends a sentence.
    max_len : int
        The number of tokens at which everything ends.
    most : int
        The largest number of beams that was recorded.
    scene, num_beams, length_penalty : int, int, float
        What is searched, and how.
    step : int
        How many steps are shown.

    Raises
    ------
    TraitError
        If there is no scene, or a number is out of range.
    """

    title = traitlets.Unicode("Beam search, step by step").tag(sync=True)
    scenes: traitlets.List[Any] = traitlets.List(minlen=1).tag(sync=True)
    words = traitlets.Dict().tag(sync=True)
    eos = traitlets.Int(2).tag(sync=True)
    max_len = traitlets.Int(12, min=1).tag(sync=True)
    most = traitlets.Int(4, min=1).tag(sync=True)
    scene = traitlets.Int(0, min=0).tag(sync=True, choice=True)
    num_beams = traitlets.Int(2, min=1).tag(sync=True, choice=True)
    length_penalty = traitlets.Float(1.0).tag(sync=True, choice=True)
    step = traitlets.Int(99, min=0).tag(sync=True, choice=True)
    uses: ClassVar[tuple[str, ...]] = ("controls",)

    @traitlets.validate("num_beams")
    def _recorded(self, proposal: traitlets.Bunch) -> int:
        wanted: int = proposal["value"]
        if wanted > self.most:
            raise traitlets.TraitError(f"num_beams should be at most {self.most}, got {wanted}")
        return wanted

    def search(self) -> tuple[list[list[Candidate]], list[Ended]]:
        """Search in Python what the browser searches.

        Returns
        -------
        steps : list of list of Candidate
            What each step looked at, all steps.
        ended : list of Ended
            The finished sentences, best first.
        """
        return search(
            self.scenes[self.scene]["continuations"],
            eos_id=self.eos,
            max_len=self.max_len,
            num_beams=self.num_beams,
            length_penalty=self.length_penalty,
        )
