"""The directives of the page “One skeleton”: each makes its tables from the package."""

import importlib
import inspect
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from txbook.grids import grid, row

FILES = ("txlite/models/*.py", "txlite/nn/options.py", "_ext/txbook/skeleton/*.py")
WORDS = {True: "yes", False: "no", None: "–"}
OF_DECODERS = ("queries", "causal", "decoder_norm")  # switches that say nothing of an encoder


def part(name: str) -> Any:
    """Return a module of this package: it imports torch, which not every book needs."""
    return importlib.import_module(f"txbook.skeleton.{name}")


class Written(SphinxDirective):
    """A directive whose text comes from the package, and which is made anew when that changes."""

    def run(self) -> list[nodes.Node]:
        """Note the files that are read, and return what :meth:`made` makes."""
        root = Path(self.config.txbook_root)
        for pattern in FILES:
            for file in sorted(root.glob(pattern)):
                self.env.note_dependency(str(file))
        return self.made()

    def made(self) -> list[nodes.Node]:
        """Return what stands on the page."""
        raise NotImplementedError

    def line(self, *parts: str | nodes.Node) -> nodes.inline:
        """Return one cell: nodes, and texts in Markdown."""
        cell = nodes.inline()
        for one in parts:
            if isinstance(one, nodes.Node):
                cell += one
            else:
                children, messages = self.state.inline_text(one, self.lineno)
                cell += [*children, *messages]
        return cell


class Some(Written):
    """A directive about some of the models, or all."""

    optional_arguments = 99

    @property
    def names(self) -> list[str]:
        """Their names, in the order in which they are asked for."""
        known = list(part("family").FAMILY)
        if not set(self.arguments) <= set(known):
            raise self.error(
                f"{self.name} should name some of {', '.join(known)}, got "
                f"{' '.join(self.arguments)}"
            )
        return self.arguments or known


class Paired(Written):
    """A directive about two of the models, the earlier one first."""

    required_arguments = 2

    @property
    def pair(self) -> tuple[str, str]:
        """The names of the two."""
        known = list(part("family").FAMILY)
        before, after = self.arguments
        if before == after or not {before, after} <= set(known):
            raise self.error(
                f"{self.name} should name two of {', '.join(known)}, got {before} {after}"
            )
        return before, after


def table(
    heads: Iterable[str], widths: Iterable[int], rows: Iterable[nodes.row], *classes: str
) -> nodes.table:
    """Return a table whose first column says what its row is about.

    On a phone a row is a list: each cell brings the head of its column along.
    """
    heads = list(heads)
    made = grid(heads, list(widths), rows, ["tx-skeleton", *classes])
    next(iter(made.findall(nodes.colspec)))["stub"] = 1
    for body in made.findall(nodes.tbody):
        for each in body.findall(nodes.row):
            for head, entry in list(zip(heads, each.findall(nodes.entry), strict=False))[1:]:
                text = f'<span class="tx-head-here">{escape(head)}</span>'
                entry.children[0].insert(0, nodes.raw("", text, format="html"))
    return made


def name(word: str) -> nodes.raw:
    """Return a name of the code, which a narrow column breaks at its underscores only."""
    html = escape(word).replace("_", "_<wbr>")
    return nodes.raw("", f'<code class="literal">{html}</code>', format="html")


def folded(head: str, *inner: nodes.Node) -> list[nodes.Node]:
    """Return nodes that unfold below a line."""
    begin = f'<details class="tx-solution"><summary>{head}</summary>'
    return [nodes.raw("", begin, format="html"), *inner, nodes.raw("", "</details>", format="html")]


def value(one: Any) -> str:
    """Return how a switch stands, in a word."""
    if isinstance(one, tuple):
        return " + ".join(one)
    if one is None or isinstance(one, bool):
        return WORDS[one]
    if isinstance(one, str):
        return one
    return f"{one:,.0f}" if one >= 1 or one == 0 else f"{one:g}"


class Choices(Some):
    """``{skeleton-choices} A B …``: a row for each switch, a column for each of the models.

    Each switch brings the sentence that says what it is. A switch that stands alike in all of them,
    as in the Transformer, has no row.
    """

    def made(self) -> list[nodes.Node]:
        """Return the table."""
        family = part("family")
        says = part("configs").parameters(part("assembled").Switches)
        found = {name: family.switches(name) for name in self.names}
        rows = (
            row(
                [self.line(name(switch), f" {says[switch]}")]
                + [nodes.Text(stands(one, switch)) for one in found.values()]
            )
            for switch in switched(found.values())
        )
        heads = ["Switch", *found]
        widths = [40, *[60 // len(found)] * len(found)]
        return [table(heads, widths, rows, "tx-wide-table", "tx-choices")]


def switched(found: Iterable[Any]) -> list[str]:
    """Return the switches that stand otherwise in one of these models or in the Transformer."""
    family = part("family")
    first = family.switches("Transformer")
    turned = {switch for one in found for switch in family.turned(first, one)}
    return [switch for switch in first.__dataclass_fields__ if switch in turned]


def stands(model: Any, switch: str) -> str:
    """Return how a switch stands, in a word; none of an encoder where it is a decoder's."""
    says_nothing = switch in OF_DECODERS and "decoder" not in model.stacks
    return value(None if says_nothing else getattr(model, switch))


class Distances(Some):
    """``{skeleton-distances} A B …``: how many switches lie between any two."""

    def made(self) -> list[nodes.Node]:
        """Return the table."""
        family = part("family")
        found = {name: family.switches(name) for name in self.names}
        rows = (
            row(
                [nodes.Text(a)]
                + [nodes.Text(str(len(family.turned(x, y)))) for y in found.values()]
            )
            for a, x in found.items()
        )
        widths = [25, *[75 // len(found)] * len(found)]
        return [table(["From", *(f"to {name}" for name in found)], widths, rows)]


class Steps(Paired):
    """``{skeleton-steps} A B``: from A to B, one switch at a time; the sizes come last."""

    def made(self) -> list[nodes.Node]:
        """Return the table."""
        family, configs = part("family"), part("configs")
        before, after = self.pair
        says = configs.parameters(part("assembled").Switches)
        size = family.sizes(family.FAMILY[before].sized())
        last = family.count(family.built(family.switches(before), size))
        preset = [f"{family.FAMILY[name].presets[0]}" for name in self.pair]
        start = f"{before}, `{preset[0]}`"
        rows = [row([self.line(start), nodes.Text(""), nodes.Text(""), nodes.Text(f"{last:,}")])]
        for step in family.steps(before, after):
            change = step.parameters - last
            last = step.parameters
            if step.name == "sizes":
                cells = [
                    self.line(f"the sizes of {after}, `{preset[1]}`"),
                    nodes.Text(""),
                    nodes.Text(""),
                ]
            else:
                turn = f"{value(step.before)} → {value(step.after)}"
                cells = [
                    self.line(name(step.name), f" {says[step.name]}"),
                    nodes.Text(turn),
                    nodes.Text(step.tensors),
                ]
            told = f"{last:,}" + (f" ({signed(change)})" if change else "")
            rows.append(row([*cells, nodes.Text(told)]))
        heads = ("Switch", "Turned", "Tensors", "Parameters")
        return [table(heads, (40, 20, 18, 22), rows, "tx-steps")]


def signed(number: int) -> str:
    """Return a number with its sign."""
    return f"{'−' if number < 0 else '+'}{abs(number):,}"


class Config(Paired):
    """``{skeleton-config} A B``: the fields and defaults in which the two configs differ."""

    def made(self) -> list[nodes.Node]:
        """Return the table."""
        configs = part("configs")
        before, after = self.pair
        found = configs.changes(before, after)
        rows = (
            row(
                [
                    name(change.name),
                    _shown(change.before, configs.ABSENT, configs.REQUIRED),
                    _shown(change.after, configs.ABSENT, configs.REQUIRED),
                    self.line(change.says),
                ]
            )
            for change in found
        )
        made = table(("Field", before, after, "What it is"), (22, 16, 16, 46), rows)
        return folded(f"{len(found)} fields differ", made)


def _shown(text: str, *words: str) -> nodes.Node:
    return nodes.emphasis("", text) if text in words else name(text)


class Wiring(Paired):
    """``{skeleton-wiring} A B``: the lines of code in which the two differ."""

    def made(self) -> list[nodes.Node]:
        """Return the differences, method by method."""
        before, after = self.pair
        found = part("wiring").pairs(before, after)
        html = part("markup").difference(found, before, after)
        return [nodes.raw("", html, format="html")]


class Beside(Written):
    """``{skeleton-beside}``: what of a model is no skeleton, with its parameters."""

    def made(self) -> list[nodes.Node]:
        """Return the table; each model ends with what is skeleton."""
        family = part("family")
        rows = []
        for model, system in family.FAMILY.items():
            if not system.beside:
                continue
            config = system.sized()
            with importlib.import_module("torch").device("meta"):
                built = system.build(config)
            for one, number in family.beside(built).items():
                told = self.line(name(one), f" {system.beside[one]}")
                rows.append(row([nodes.Text(model), told, nodes.Text(f"{number:,}")]))
            number = family.within(built)
            rows.append(
                row(
                    [
                        nodes.Text(model),
                        nodes.Text("all that is skeleton"),
                        nodes.Text(f"{number:,}"),
                    ]
                )
            )
        return [table(("Model", "Part", "Parameters"), (20, 56, 24), rows)]


class Proof(Some):
    """``{skeleton-proof} A B …``: that with its switches set, the skeleton is each of the models.

    With both towers of CLIP comes a row for the two together.
    """

    def made(self) -> list[nodes.Node]:
        """Return a table of what was found while the page was built."""
        proof = part("proof")
        rows = []
        wanted = {model: lambda model=model: proof.prove(model) for model in self.names}
        if {"CLIP-vision", "CLIP-text"} <= wanted.keys():
            wanted["CLIP, both towers"] = proof.prove_clip
        for model, prove in wanted.items():
            found = prove()
            same = "all" if found.same_tensors else "not all"
            numbers = (
                f"{found.largest:.2f}",
                f"{found.difference:.0e}" if found.difference else "0",
            )
            rows.append(row(map(nodes.Text, (model, same, *numbers))))
        heads = ("Model", "Names and shapes the same", "Largest number", "Largest difference")
        return [table(heads, (25, 25, 25, 25), rows)]


class Sizes(Some):
    """``{skeleton-sizes} A B …``: the parameters of published presets, on the meta device."""

    def made(self) -> list[nodes.Node]:
        """Return the table."""
        family = part("family")
        rows = []
        for model in self.names:
            system = family.FAMILY[model]
            for preset in system.presets:
                found = family.counted(system, preset)
                numbers = (f"{number:,}" for number in found)
                rows.append(
                    row([self.line(f"{model}, `{preset}`"), *(nodes.Text(n) for n in numbers)])
                )
        heads = ("Model", "Layers", "Width", "Embedding", "One layer", "All parameters")
        return [table(heads, (26, 10, 10, 18, 18, 18), rows, "tx-wide-table")]


class Code(Written):
    """``{skeleton-code}``: the skeleton's source, folded."""

    def made(self) -> list[nodes.Node]:
        """Return it as a block of code that unfolds."""
        source = inspect.getsource(part("assembled").Skeleton)
        code = nodes.literal_block(source, source, language="python")
        return folded(f"The skeleton, {len(source.splitlines())} lines", code)


class Schematic(Written):
    """``{schematic} gpt``: a drawing of txlite.viz.drawings, on a page that runs nothing."""

    required_arguments = 1
    option_spec: ClassVar = {}

    def made(self) -> list[nodes.Node]:
        """Return the drawing for the page and for a phone, and what it says in words."""
        drawings = importlib.import_module("txlite.viz.drawings")
        name = self.arguments[0]
        if name not in drawings.__all__:
            raise self.error(
                f"schematic should be one of {', '.join(drawings.__all__)}, got {name!r}"
            )
        return [nodes.raw("", getattr(drawings, name)()._repr_html_(), format="html")]


NAMED = {
    "skeleton-choices": Choices,
    "skeleton-proof": Proof,
    "skeleton-beside": Beside,
    "skeleton-code": Code,
    "skeleton-distances": Distances,
    "skeleton-sizes": Sizes,
    "skeleton-steps": Steps,
    "skeleton-config": Config,
    "skeleton-wiring": Wiring,
    "schematic": Schematic,
}
