"""The parts of the build that need no build: each rule on the smallest page that shows it."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
import yaml
from browsing import ROOT
from txbook import api, card, chromium, live, repository
from txbook.chapters import built, number
from txbook.figures import described, good_alt
from txbook.measure import Cost
from txbook.probe import probe
from txbook.progress import duration
from txbook.runner import chapters

CONFIG = SimpleNamespace(
    html_theme_options={"repository_url": "https://github.com/a/b/", "repository_branch": "main"}
)


@pytest.mark.parametrize(
    ("markdown", "names"),
    [
        ("## What you built\n{py:func}`txlite.nn.f` and {py:class}`~txlite.nn.C`", {"f", "C"}),
        ("# What you built\n## More\n{py:func}`a map <txlite.nn.f>`", {"f"}),
        ("## What you built\n{py:func}`txlite.nn.f`\n## Next\n{py:func}`txlite.nn.g`", {"f"}),
        ("## Before\n{py:func}`txlite.nn.g`\n## What you built\nnothing", set()),
        ("## What this page explains\n- {py:func}`txlite.nn.f`", {"f"}),
        ("{py:func}`txlite.nn.g`", set()),
    ],
)
def test_what_a_chapter_builds_is_read_from_its_section(markdown: str, names: set[str]) -> None:
    assert built(markdown) == {f"txlite.nn.{name}" for name in names}


def test_chapter_numbers() -> None:
    assert number("02_scaled_dot_product") == 2
    assert number("appendix") is None


@pytest.mark.parametrize(
    "text", [None, "", "  ", "figure", "../_images/941b.png", "a/b.svg", "x.png"]
)
def test_a_path_or_a_word_describes_no_picture(text: str | None) -> None:
    assert not good_alt(text)


def test_a_sentence_describes_a_picture() -> None:
    assert good_alt("Loss falls to one tenth in 200 steps.")


@pytest.mark.parametrize(
    ("html", "texts"),
    [
        ('<img src="a.png" alt="one">', ["one"]),
        ('<img src="a.png">', [None]),
        ('<svg aria-label="one"><g></g></svg>', ["one"]),
        ("<svg></svg>", [None]),
        ('<svg aria-hidden="true"></svg>', []),
        ('<figure role="img" aria-label="one"><svg></svg></figure><svg></svg>', ["one", None]),
        ('<figure><svg aria-label="one"></svg></figure><img alt="two">', ["one", "two"]),
        ("<p>no picture</p>", []),
    ],
)
def test_pictures_are_found_with_their_descriptions(html: str, texts: list[str | None]) -> None:
    assert described(html) == texts


@pytest.mark.parametrize(
    ("target", "anchor"),
    [("txlite/nn/attention.py", ""), ("txlite/nn/attention.py::attention_weights", r"#L\d+")],
)
def test_links_into_the_repository(target: str, anchor: str) -> None:
    assert re.fullmatch(anchor, repository.line_of(ROOT, target))


@pytest.mark.parametrize("target", ["txlite/none.py", "txlite/nn/attention.py::no_such_thing"])
def test_links_to_what_does_not_exist_are_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"none\.py|no_such_thing"):
        repository.line_of(ROOT, target)


def test_one_setting_holds_the_address_of_the_repository() -> None:
    path = "chapters/02.ipynb"
    assert repository.blob(CONFIG, "x.py", "#L3") == "https://github.com/a/b/blob/main/x.py#L3"
    assert repository.colab(CONFIG, path).endswith("/github/a/b/blob/notebooks/chapters/02.ipynb")
    assert repository.binder(CONFIG, path).endswith(
        "/gh/a/b/notebooks?urlpath=lab/tree/chapters/02.ipynb"
    )


@pytest.mark.parametrize(
    ("value", "text"), [(3.24, "3.2 s"), (41.4, "41 s"), (59.7, "1 min 0 s"), (125, "2 min 5 s")]
)
def test_durations_as_people_say_them(value: float, text: str) -> None:
    assert duration(value) == text


def test_a_cost_names_the_gpu_only_where_there_is_one() -> None:
    cost = Cost(seconds=12, memory_mib=1234.4, device="CPU, 2 cores", torch="2.13.0")
    assert card.memory(cost) == "1,234 MiB"
    assert "GPU" not in card.detail(cost)
    assert "held 1,234 MiB at its peak, measured on CPU, 2 cores" in card.detail(cost)
    gpu = Cost(seconds=12, memory_mib=900, device="a GPU", device_mib=2048)
    assert card.memory(gpu) == "900 MiB, and 2,048 MiB on the GPU"
    assert card.detail(None) == ""
    assert card.times(None, None) == "run: not measured in this build"
    assert card.times(42, cost) == "Read ≈ 40 min · run 12 s"
    assert card.times(42, cost, 95) == "Read ≈ 40 min · exercises 95 min · run 12 s"


def test_the_probe_measures_this_process() -> None:
    """A process of its own is asked: this one may have held more before."""
    asked = """
import sys
sys.path.insert(0, "_ext")
from txbook.probe import probe
found = probe()
ballast = bytearray(200 * 2**20)
ballast[::4096] = b"x" * len(ballast[::4096])
assert probe()["memory_mib"] > found["memory_mib"] + 150
"""
    subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True)
    assert set(probe()) <= set(Cost.__dataclass_fields__)


def test_a_cost_is_read_from_what_was_measured() -> None:
    measured = {"seconds": 3.0, "core_seconds": 5.0, "beats": [0.1], **probe()}
    cost = Cost.of(measured)
    assert (cost.seconds, cost.core_seconds) == (3, 5)
    assert cost.memory_mib == measured["memory_mib"]


def test_a_live_figure_carries_its_state() -> None:
    html = live.markup(live.make("ipywidgets.IntSlider"))
    assert html.count("<script") == 2
    assert "IntSliderModel" in html


def test_every_package_of_txlite_has_its_page() -> None:
    wanted = {p.parent.name for p in (ROOT / "txlite").glob("[a-z]*/__init__.py")} | {"txlite"}
    wanted -= {"cli"}  # its page is book/command_line.md: people call it by commands, not by names
    pages = {
        path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "book/api").glob("*.md")
    }
    assert set(pages) >= wanted
    for name, text in pages.items():
        assert api.MARK.search(text), f"book/api/{name}.md stands for no package"
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert all(f"book/api/{name}\n" in toc for name in pages)


@pytest.mark.filterwarnings("ignore:Widget:DeprecationWarning")
def test_a_page_derives_every_public_name_and_it_stands_in_the_reference_once() -> None:
    reference = api.Reference(ROOT, [*chapters(ROOT), *sorted((ROOT / "book").glob("*.md"))])
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "book/api").glob("*.md")]
    packages = [mark[1] for text in texts if (mark := api.MARK.search(text))]
    pages = "\n".join(map(reference.page, packages))
    assert reference.missing == []  # each would be a warning, which ends the build
    entries = re.findall(r"^\.\. auto(?:class|function):: (\S+)", pages, re.MULTILINE)
    assert "txlite.data.pairs.Pair" in entries
    assert "txlite.data.corpora.Pair" not in entries  # it only hands it on
    assert "txlite.training.Resumable" in entries  # what defines it is private
    assert len(entries) == len(set(entries))


def test_the_table_of_contents_names_every_chapter_and_page() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"'file': '([^']+)'", str(toc))) | {toc["root"]}
    there = [*(ROOT / "chapters").glob("[0-9]*.ipynb"), *(ROOT / "book").rglob("*.md")]
    assert {path.relative_to(ROOT).with_suffix("").as_posix() for path in there} == named


def test_a_missing_chromium_is_said_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chromium, "find_chromium", lambda: None)
    for platform, command in {"linux": "apt-get", "darwin": "brew", "win32": "winget"}.items():
        monkeypatch.setattr("sys.platform", platform)
        with pytest.raises(FileNotFoundError, match=command):
            chromium.require_chromium()


def test_chromium_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TXLITE_CHROMIUM", str(tmp_path / "mine"))
    assert chromium.find_chromium() == str(tmp_path / "mine")
