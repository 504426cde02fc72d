"""Data of npm, Debian and PyPI: fetched only if asked for, kept only if they are the right ones."""

import hashlib
import io
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from txlite.data import fetched
from txlite.data.fetched import (
    FETCHED,
    FetchedData,
    data_folder,
    fetch,
    fetched_file,
    main,
    missing_data,
)

BYTES = {"sheet.png": b"pixels", "LICENSE": b"do as you like"}
TINY = FetchedData(
    about="nothing much",
    licence="MIT",
    client="npm",
    package="tiny-emoji@1.2.3",
    folder="package/img",
    files={
        "sheet.png": hashlib.sha256(BYTES["sheet.png"]).hexdigest(),
        "/package/LICENSE": hashlib.sha256(BYTES["LICENSE"]).hexdigest(),
    },
    megabytes=7,
)


class Client:
    """Plays npm: writes a package, remembers what it was asked, or fails."""

    def __init__(self, **changed: bytes) -> None:
        self.asked: list[list[str]] = []
        self.content = {"package/img/sheet.png": BYTES["sheet.png"], "package/more": b"unwanted"}
        self.content["package/LICENSE"] = BYTES["LICENSE"]
        self.content.update({f"package/img/{n}.png": value for n, value in changed.items()})
        self.fails = ""

    def __call__(self, command: list[str], *, cwd: Path, **_: object):
        self.asked.append(command[1:])
        with tarfile.open(cwd / "tiny-emoji-1.2.3.tgz", "w:gz") as packed:
            for name, content in self.content.items():
                about = tarfile.TarInfo(name)
                about.size = len(content)
                packed.addfile(about, io.BytesIO(content))
        return subprocess.CompletedProcess(command, bool(self.fails), "", self.fails)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TXLITE_DATA", str(tmp_path))
    monkeypatch.setattr(fetched, "FETCHED", {"tiny": TINY})
    monkeypatch.setattr(fetched.shutil, "which", lambda name: f"/bin/{name}")
    return tmp_path / "tiny"


def plays(monkeypatch: pytest.MonkeyPatch, client: Client) -> Client:
    monkeypatch.setattr(fetched.subprocess, "run", client)
    return client


def test_what_is_wanted_is_kept_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    client = plays(monkeypatch, Client())
    assert missing_data("tiny") == "make data"
    assert fetch("tiny") == data_folder("tiny") == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == BYTES
    assert fetched_file("tiny").read_bytes() == b"pixels"
    assert fetched_file("tiny", "/package/LICENSE") == folder / "LICENSE"
    assert missing_data("tiny") == ""
    fetch("tiny")
    assert client.asked == [["pack", "tiny-emoji@1.2.3", "--silent", "--ignore-scripts"]]


@pytest.mark.kills(
    "fetched: a package with another file is taken",
    "data/fetched.py",
    "if sha256 != wanted.files[file]:",
    "if not sha256:",
)
def test_another_file_is_refused_and_nothing_is_kept(folder, monkeypatch):
    plays(monkeypatch, Client(sheet=b"pixelz"))
    found = hashlib.sha256(b"pixelz").hexdigest()
    with pytest.raises(RuntimeError, match=rf"package/img/sheet\.png with SHA-256 .*, got {found}"):
        fetch("tiny")
    assert not folder.exists()


def test_a_file_that_is_not_in_the_package_is_named(folder, monkeypatch):
    client = plays(monkeypatch, Client())
    del client.content["package/LICENSE"]
    with pytest.raises(RuntimeError, match=r"should have package/LICENSE .*, got no such file"):
        fetch("tiny")
    assert not folder.exists()


def test_a_file_outside_the_folder_is_never_written(folder, monkeypatch):
    client = plays(monkeypatch, Client())
    client.content["../../outside"] = b"no"
    with pytest.raises(tarfile.OutsideDestinationError):
        fetch("tiny")
    assert not (folder.parent / "outside").exists()


def test_a_file_that_was_changed_afterwards_is_refused(folder, monkeypatch):
    plays(monkeypatch, Client())
    fetch("tiny")
    (folder / "sheet.png").write_bytes(b"other")
    fetched._sha256.cache_clear()
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(ValueError, match=f"should have SHA-256 .*, got {found}; remove the file"):
        fetched_file("tiny")


def test_what_is_absent_is_named_with_the_command(folder: Path):
    message = (
        f"the data 'tiny' should be in {folder}, and are not there: make data "
        "(python -m txlite.data.fetched tiny) fetches 7 MB by npm"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        fetched_file("tiny")


def test_one_line_says_what_is_missing(folder, monkeypatch, capsys):
    client = plays(monkeypatch, Client())
    client.fails = "npm error\nnetwork"
    main([])
    said = capsys.readouterr().out
    assert said.startswith("tiny: missing. npm pack tiny-emoji@1.2.3 ")
    assert said.endswith("failed: network\n")
    monkeypatch.setattr(fetched.shutil, "which", lambda _: None)
    main(["tiny"])
    assert capsys.readouterr().out == (
        "tiny: missing. npm should be there to fetch tiny-emoji@1.2.3, and is not\n"
    )
    monkeypatch.setattr(fetched.shutil, "which", lambda name: name)
    client.fails = ""
    main(["tiny"])
    assert capsys.readouterr().out == f"tiny: {folder}\n"


def test_a_package_of_debian_is_unpacked_and_not_installed(folder, monkeypatch):
    asked = []

    def run(command, *, cwd, **_):
        asked.append(command)
        if command[1] == "download":
            (cwd / "tiny_1_all.deb").write_bytes(b"")
        else:
            for name, content in BYTES.items():
                path = cwd / "unpacked" / "usr" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return subprocess.CompletedProcess(command, 0, "", "")

    files = {"sheet.png": TINY.files["sheet.png"]}
    debian = FetchedData(
        about="", licence="", client="apt-get", package="tiny", folder="usr", files=files,
        megabytes=1,
    )  # fmt: skip
    monkeypatch.setattr(fetched, "FETCHED", {"tiny": debian})
    monkeypatch.setattr(fetched.subprocess, "run", run)
    assert [path.name for path in fetch("tiny").iterdir()] == ["sheet.png"]
    assert asked == [
        ["/bin/apt-get", "download", "tiny"],
        ["/bin/dpkg-deb", "-x", "tiny_1_all.deb", "unpacked"],
    ]


@pytest.mark.kills(
    "fetched: pip may bring what has to be run",
    "data/fetched.py",
    '"--only-binary=:all:",',
    '"--no-binary=:all:",',
)
def test_a_wheel_is_unpacked_and_not_installed(folder, monkeypatch):
    asked = []

    def run(command, *, cwd, **_):
        asked.append(command[1:])
        with zipfile.ZipFile(cwd / "tiny-1.2.3-py3-none-any.whl", "w") as packed:
            for name, content in BYTES.items():
                packed.writestr(f"tiny/data/{name}", content)
            packed.writestr("../../outside", b"no")
        return subprocess.CompletedProcess(command, 0, "", "")

    files = {"sheet.png": TINY.files["sheet.png"]}
    wheel = FetchedData(
        about="", licence="", client="pip", package="tiny==1.2.3", folder="tiny/data", files=files,
        megabytes=1,
    )  # fmt: skip
    monkeypatch.setattr(fetched, "FETCHED", {"tiny": wheel})
    monkeypatch.setattr(fetched.subprocess, "run", run)
    assert [path.name for path in fetch("tiny").iterdir()] == ["sheet.png"]
    assert not list(folder.parent.rglob("outside"))
    assert asked[0][:4] == ["-m", "pip", "download", "tiny==1.2.3"]
    assert {"--no-deps", "--only-binary=:all:", "--python-version=3.12"} <= set(asked[0])


def test_without_the_variable_they_lie_in_the_cache(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TXLITE_DATA", raising=False)
    assert data_folder("google-emoji") == Path.home() / ".cache" / "txlite" / "google-emoji"


@pytest.mark.parametrize("name", FETCHED)
def test_the_register_is_whole(name: str):
    data = FETCHED[name]
    assert data.client in fetched._UNPACK
    assert data.about
    assert data.licence
    assert all(re.fullmatch("[0-9a-f]{64}", sha) for sha in data.files.values())
    flat = [fetched._flat(file) for file in data.files]
    assert len(set(flat)) == len(flat)
    if not missing_data(name):
        assert all(fetched_file(name, file).is_file() for file in data.files)


@pytest.mark.plain
@pytest.mark.parametrize("page", ["Makefile", "CONTRIBUTING.md"])
def test_the_sum_is_said_before_anybody_fetches(page: str):
    said = re.search(
        r"make data.*\((\d+) MB", (Path(__file__).parents[2] / page).read_text("utf-8")
    )
    assert said
    assert int(said[1]) == sum(data.megabytes for data in FETCHED.values())


@pytest.mark.plain
def test_errors_name_what_came():
    for ask in (data_folder, missing_data, fetched_file, fetch):
        with pytest.raises(ValueError, match=r"name should be one of google-emoji, .*, got 'x'"):
            ask("x")
    with pytest.raises(ValueError, match=r"file should be one of 64\.png, .*, got 'x'"):
        fetched_file("google-emoji", "x")
