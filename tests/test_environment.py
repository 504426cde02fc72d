"""One environment described four times: pyproject, constraints, conda and make agree."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)]


def pins() -> dict[str, Version]:
    """Return what constraints.txt pins, by normalised name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in filter(None, lines):
        name, equals, version = line.partition("==")
        assert equals, f"constraints.txt should pin with ==, got {line!r}"
        assert canonicalize_name(name) not in found, f"constraints.txt pins {name} twice"
        found[canonicalize_name(name)] = Version(version)
    return found


def conda() -> dict[str, object]:
    """Return environment.yml."""
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def conda_pip() -> list[str]:
    """Return the lines that environment.yml hands to pip."""
    (lines,) = (d["pip"] for d in conda()["dependencies"] if isinstance(d, dict))
    return lines


@pytest.mark.parametrize("text", sorted(set(DIRECT)))
def test_every_requirement_is_pinned_within_its_range(text: str) -> None:
    wanted = Requirement(text)
    if wanted.name == "txlite":
        assert wanted.extras <= set(EXTRAS)
        return
    pinned = pins().get(canonicalize_name(wanted.name))
    assert pinned, f"constraints.txt does not pin {wanted.name}"
    assert pinned in wanted.specifier, f"{wanted} does not allow the pinned {pinned}"


@pytest.mark.parametrize("text", sorted(set(DIRECT)))
def test_ranges_have_a_floor_and_do_not_pin(text: str) -> None:
    wanted = Requirement(text)
    operators = {specifier.operator for specifier in wanted.specifier}
    assert wanted.name == "txlite" or ">=" in operators
    assert "==" not in operators, "exact pins belong into constraints.txt: in a package they rot"


def test_the_package_alone_is_light() -> None:
    names = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert names == {"torch", "jaxtyping"}


def test_conda_installs_what_make_installs() -> None:
    lines = conda_pip()
    assert "--constraint constraints.txt" in lines
    assert f"torch=={pins()['torch']}" in lines
    (editable,) = (line for line in lines if line.startswith("--editable"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (extras,) = re.findall(r"-e '\.\[([\w,]+)\]'", makefile)
    assert editable == f"--editable .[{extras}]"
    assert set(extras.split(",")) <= set(EXTRAS)


def test_conda_has_a_python_that_the_package_allows() -> None:
    (python,) = (str(d) for d in conda()["dependencies"] if str(d).startswith("python="))
    version = Version(python.partition("=")[2])
    assert version in SpecifierSet(PROJECT["requires-python"])
    assert not {"defaults", "anaconda"} & set(conda()["channels"])


def test_make_installs_the_pinned_torch() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert f"TORCH ?= torch=={pins()['torch']}\n" in makefile
    assert makefile.count("-c constraints.txt") >= 2


@pytest.mark.skipif(shutil.which("nproc") is None, reason="counts cores in another way")
def test_threads_of_a_process_do_not_change_how_many_there_are() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("JOBS", "MAKEFLAGS")}
    command = ["make", "-n", "-o", ".venv/.ready", "unit"]
    said = subprocess.run(
        command,
        cwd=ROOT,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f" -n {len(os.sched_getaffinity(0))} " in said


def test_pins_name_no_build_of_one_machine() -> None:
    assert not [name for name, version in pins().items() if version.local]


def typed_addresses() -> dict[str, set[str]]:
    """Return the repositories that each tracked page of text names as the book's own."""
    pages = [ROOT / "README.md", ROOT / "CITATION.cff", *(ROOT / "book").rglob("*.md")]
    pages += sorted((ROOT / "chapters").glob("*.ipynb"))
    own = re.compile(r"github(?:\.com)?/([\w-]+/txlite)\b")
    return {p.name: set(own.findall(p.read_text(encoding="utf-8"))) for p in pages}


def test_every_typed_address_is_the_one_of_the_settings() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    wanted = config["repository"]["url"].removeprefix("https://github.com/")
    found = typed_addresses()
    assert found["README.md"], "the pattern finds the address"
    assert all(found[p.name] for p in (ROOT / "chapters").glob("*.ipynb")), "first cells"
    wrong = {page: names for page, names in found.items() if names - {wanted}}
    assert not wrong, f"_config.yml says {wanted}, but {wrong}"
