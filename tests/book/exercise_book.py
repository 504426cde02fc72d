"""A tiny book with one exercise of each kind that a page checks, built once for the tests."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from browsing import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tests.children import fresh

CONFIG = """
title: A tiny book
only_build_toc_files: true
exclude_patterns: [_build*, ".*"]
execute: {execute_notebooks: "off", stderr_output: remove-warn}
repository: {url: https://github.com/a/book, branch: main}
parse:
  myst_enable_extensions: [amsmath, attrs_inline, colon_fence, deflist, dollarmath, tasklist]
sphinx:
  recursive_update: true
  extra_extensions: [sphinx_exercise, sphinx_proof]
  local_extensions: {txbook: _ext}
  config:
    txbook_root: "."
    html_static_path: [assets]
    html_css_files: [txlite.css, txlite-exercises.css]
    html_js_files: [txlite-page.js]
    nb_ipywidgets_js: {anywidget-lite.js: {}}
    language: en
    numfig: true
"""
TOC = "format: jb-book\nroot: first\nparts:\n  - caption: I\n    numbered: 1\n    chapters:\n"
CARD = (
    "# One\n\n```{chapter-card}\n:build: something\n:needs: nothing\n:part: head\n```\n\n"
    "## Exercises\n"
)
GLUE = """from IPython.display import display
def glue(name, value):
    about = {"scrapbook": {"name": name, "mime_prefix": "application/papermill.record/"}}
    display({"application/papermill.record/text/plain": str(value)}, raw=True, metadata=about)
glue("share", 0.834); glue("big", -31250.0)
glue("mask", [[1, 0, 0], [1, 1, 0], [0, 0, 1]]); glue("late", [[1, 0, 0], [0, 1, 0], [0, 1, 1]])
glue("choice", [[0, 1, 0], [1, 0, 0]]); glue("odd", [[2, 0, 0], [1, 1, 0], [0, 0, 1]])
glue("begin", [[1, 0, 0], [1, 0, 0], [0, 0, 0]])"""
FIELDS = """:kind: {kind}
:difficulty: 2
:importance: 3
:minutes: {minutes}
:deliverable: one number, with $E = 8$
:success: the box says so
"""


def fields(label: str, kind: str = "calculate", minutes: int = 10) -> str:
    """Return the fields of an exercise."""
    return f":label: {label}\n" + FIELDS.format(kind=kind, minutes=minutes)


NUMBER = f"""`````{{exercise}} A share
{fields("ex-share")}
What is the share of $a_1$?

```{{number-box}} share
:label: The share of $a_1$ is
:unit: bits
:tolerance: 0.01
:format: .3f
```

```{{number-box}} big
:label: And in thousands?
:relative: 0.02
```

```{{hint}}
Mild words.
```

```{{hint}}
Stronger words.
```

```{{hint}}
The strongest words.
```
`````
"""
PUZZLE = f"""`````{{exercise}} A mask
{fields("ex-mask", "predict", 15)}
Set it.

````{{drawn-puzzle}}
:label: Which keys are seen?
:axes: query | key
:kinds: · hidden | ● may attend

```{{board}} mask
:title: The first
:rows: He | came | She
:columns: He | came | She
```
```{{board}} late
:title: The second
:rows: He | came | She
:columns: He | came | She
:start: begin
```
````

````{{drawn-puzzle}}
:label: Which key does each query take?
:selector:

```{{board}} choice
:rows: first | second
:columns: a | b | c
```
````
`````
"""
CASE = f"""`````{{exercise}} A sick run
{fields("ex-case", "repair", 20)}
Its loss is too good.

````{{detective}} What is wrong?
It writes badly.

```{{clue}} The loss
It is {{glue:text}}`share:.2f`.
```
```{{clue}} The gradient
It is fine.
```
```{{suspect}} The rate is too high
Then the loss would jump.
```
```{{suspect}} It sees the future
:culprit:
The loss is too good, and it writes badly.
```
```{{suspect}} It is too small
Then the loss would be high.
```
```{{repair}}
Mend the mask.
```
````
`````
"""
SOLVED = "```{{solution}} {}\n:class: dropdown\nSo it goes.\n```"


def write(root: Path, *prose: str) -> Path:
    """Write a book whose one chapter has these texts after the cell that glues, code between."""
    for folder in ("_ext", "assets"):
        shutil.copytree(ROOT / folder, root / folder)
    for folder in ("txlite", "chapters"):
        (root / folder).mkdir()
    real = f"__path__.append({str(ROOT / 'txlite')!r})\n"  # with which a card draws
    (root / "txlite" / "__init__.py").write_text(real, encoding="utf-8")
    (root / "constraints.txt").touch()
    (root / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (root / "_toc.yml").write_text(f"{TOC}      - file: chapters/01_one\n", encoding="utf-8")
    (root / "first.md").write_text("# First\n\nIt begins.\n", encoding="utf-8")
    cells = [new_markdown_cell(CARD), new_code_cell(GLUE, metadata={"tags": ["remove-cell"]})]
    for number, text in enumerate(prose):
        cells += [new_markdown_cell(text), new_code_cell(f"print('starter {number}')")]
    nbformat.write(new_notebook(cells=cells), root / "chapters" / "01_one.ipynb")
    return root


def build(root: Path, status: int = 0) -> str:
    """Build the book; return what was said."""
    command = fresh([sys.executable, "-m", "txbook", "--root", str(root), "build"])
    env = {**os.environ, "PYTHONPATH": str(root / "_ext")}
    made = subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)
    said = made.stdout + made.stderr
    assert made.returncode == status, said
    return said
