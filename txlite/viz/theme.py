"""The style sheet that a figure, a table or a widget brings along, the same for all of them.

The page decides the colours: on the book's site they are the theme's, in Jupyter the notebook's,
elsewhere the browser's. A site may set any ``--tx-…`` variable itself.
"""

from txlite.viz.fonts import CSS_FONTS
from txlite.viz.palette import ACCENT, OPPOSITE, PALETTE, PALETTE_ON_DARK

__all__ = ["FIGURE_CSS", "TABLE_CSS", "narrow_css", "variables"]

_PAPER = (
    "var(--pst-color-background, var(--jp-layout-color0, var(--vscode-editor-background, Canvas)))"
)
# Dark pages say so in four ways: the book's theme, JupyterLab, Colab, VS Code.
_DARK = (
    ":is(html[data-theme=dark], [data-jp-theme-light=false], html[theme=dark], body.vscode-dark)"
)
_STRONG = "oklch(from currentColor clamp(0, (l - 0.6) * 1000, 1) 0 0)"


def variables(selector: str) -> str:
    """CSS that defines the book's colour and font variables on the elements of a selector.

    Parameters
    ----------
    selector : str
        A single class or element selector, for instance ``".tx-figure"``.

    Returns
    -------
    str
        Rules for ``--tx-paper``, ``--tx-strong``, ``--tx-font``, ``--tx-accent``,
        ``--tx-opposite``, and one variable for each colour of the palette.
    """
    series = _definitions(PALETTE | {"accent": ACCENT, "opposite": OPPOSITE})
    return (
        f":where({selector}) {{ --tx-paper: {_PAPER}; --tx-strong: currentColor; {series}; "
        f"--tx-font: {CSS_FONTS}; }}\n"
        f":where({_DARK} {selector}) {{ {_definitions(PALETTE_ON_DARK)}; }}\n"
        f":where(html[theme=dark] {selector}) {{ --tx-paper: #383838; }}\n"  # Colab
        f"@supports (color: oklch(from red l c h)) {{ "
        f":where({selector}) {{ --tx-strong: {_STRONG}; }} }}\n"
    )


def _definitions(colors: dict[str, str]) -> str:
    return "; ".join(f"--tx-{name}: {color}" for name, color in colors.items())


FIGURE_CSS = (
    variables(".tx-figure")
    + ":where(.tx-figure) { margin: 1.2em 0; overflow-x: auto; font-family: var(--tx-font); "
    "container-type: inline-size; }\n"
    ":where(.tx-figure) > svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }\n"
    ".tx-figure > svg.tx-narrow { display: none; }\n"
)


def narrow_css(width: int) -> str:
    """CSS that shows a phone's drawing where the column is narrower than the other one.

    Parameters
    ----------
    width : int
        CSS pixels that the page's drawing takes.

    Returns
    -------
    str
        Rules for the drawings with the class ``tx-<width>``.
    """
    drawing = f".tx-figure > svg.tx-{width}"
    return (
        f"@container (max-width: {width - 2}px) {{ {drawing}.tx-wide {{ display: none; }} "
        f"{drawing}.tx-narrow {{ display: block; }} }}\n"
    )


# A shadow at an edge behind which there is more; the sheets of paper that hide it scroll along.
_SHEET, _SHADE = "var(--tx-paper) 40%, transparent", "var(--tx-edge), transparent"
_EDGES = (
    f"background: linear-gradient(to right, {_SHEET}) left / 2.4em 100% no-repeat local, "
    f"linear-gradient(to left, {_SHEET}) right / 2.4em 100% no-repeat local, "
    f"linear-gradient(to right, {_SHADE}) left / .8em 100% no-repeat scroll, "
    f"linear-gradient(to left, {_SHADE}) right / .8em 100% no-repeat scroll;"
)

TABLE_CSS = (
    variables(".tx-table") + ":where(.tx-table) { margin: 1.2em 0; overflow-x: auto; "
    "container-type: inline-size; "
    f"--tx-edge: color-mix(in srgb, currentColor 28%, transparent); {_EDGES} }}\n"
    ".tx-table table { border-collapse: collapse; margin: 0 auto; width: auto; }\n"
    ".tx-table caption { caption-side: top; padding: 0 0 .5em; text-align: left; "
    "color: inherit; }\n"
    ".tx-table th, .tx-table td { padding: .35em .6em; border: 0; text-align: left; "
    "background: none; font-variant-numeric: tabular-nums; }\n"
    ".tx-table tbody th { font-weight: normal; }\n"
    ".tx-table .tx-number { text-align: right; }\n"
    ".tx-table tr { border: 0; "
    "border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }\n"
    ".tx-table thead tr { border-bottom-color: currentColor; }\n"
    # On a phone the name of the row stays in sight while its numbers go by.
    "@container (max-width: 480px) { .tx-table table { font-size: .9em; } "
    ".tx-table th, .tx-table td { padding: .3em .45em; } "
    ".tx-table tr > th:first-child { position: sticky; left: 0; max-width: 9em; "
    "background: var(--tx-paper); } }\n"
)
