"""Catalogues of installed programs: which are found, and what is read from them."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import write_po

from txlite.data.catalogues import PACKAGES, catalogue_text, catalogues, read_catalogue
from txlite.data.real_text import letters

LANGUAGES = pytest.mark.parametrize("language", ["fr", "zh"])


def french() -> Catalog:
    """Return a catalogue with everything that a catalogue may hold."""
    catalogue = Catalog("fr")
    catalogue.add("Close the file", "Fermez le fichier")
    catalogue.add("May", "Mai", context="month")
    catalogue.add("May", "Peut", context="verb")
    catalogue.add(("%d file", "%d files"), ("%d fichier", "%d fichiers"))
    catalogue.add("Guessed", "Deviné", flags=["fuzzy"])
    catalogue.add("Not yet")
    return catalogue


WANTED = {
    ("Fermez le fichier", "Close the file"),
    ("Mai", "May"),
    ("Peut", "May"),
    ("%d fichiers", "%d files"),
}


def write(file: Path, catalogue: Catalog) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        (write_mo if file.suffix == ".mo" else write_po)(stream, catalogue)
    return file


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a package ``speaks`` where it can be imported, which fails if anyone does."""
    folder = tmp_path / "speaks"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


@pytest.mark.parametrize("ending", ["po", "mo"])
def test_a_catalogue_gives_what_was_translated(tmp_path: Path, ending: str) -> None:
    pairs = read_catalogue(write(tmp_path / f"x.{ending}", french()))
    assert set(pairs) == WANTED
    assert len(pairs) == len(WANTED)  # both contexts of one word, and one pair of a plural


def test_what_is_commented_out_does_not_count(tmp_path: Path) -> None:
    file = write(tmp_path / "x.po", french())
    with file.open("a", encoding="utf-8") as stream:
        stream.write('\n#~ msgid "Old"\n#~ msgstr "Vieux"\n')
    assert set(read_catalogue(str(file))) == WANTED


def test_a_language_with_one_form_gives_it_for_many(tmp_path: Path) -> None:
    catalogue = Catalog("zh_CN")
    catalogue.add(("%d file", "%d files"), ("%d 个文件",))
    for ending in ("po", "mo"):
        file = write(tmp_path / f"x.{ending}", catalogue)
        assert read_catalogue(file) == [("%d 个文件", "%d files")]


def test_a_compiled_file_takes_the_other_ones_place_and_nothing_is_imported(package: Path) -> None:
    inside = package / "locale" / "fr" / "LC_MESSAGES"
    both = write(inside / "a.mo", french())
    write(inside / "a.po", Catalog("fr"))
    alone = write(inside / "b.po", french())
    write(package / "locale" / "zh_CN" / "LC_MESSAGES" / "a.po", Catalog("zh_CN"))
    assert catalogues("fr", ["speaks"]) == [both, alone]
    assert [file.parts[-3] for file in catalogues("zh", ["speaks"])] == ["zh_CN"]


def test_the_text_of_a_package_is_chosen_and_parted(package: Path) -> None:
    catalogue = Catalog("fr")
    for name in ("red", "big", "old", "new", "sad", "shy", "wet", "dry"):
        catalogue.add(f"the {name} cat", f"le chat {name} %d")  # lost a slot
        catalogue.add(f"a {name} dog", f"un chien {name}x")
    write(package / "fr" / "LC_MESSAGES" / "a.po", catalogue)
    text = catalogue_text("fr", ["speaks"], one_in=2)
    assert len(text.train) + len(text.held_out) == 8
    assert text == catalogue_text("fr", ["speaks"], one_in=2)


@LANGUAGES
def test_the_installed_catalogues_hold_enough_and_nothing_leaks(language: str) -> None:
    assert {"sphinx", "django"} == set(PACKAGES)
    text = catalogue_text(language)
    assert len(text.train) > 900
    assert len(text.held_out) > 150
    for side in (0, 1):
        taught = {letters(pair[side]) for pair in text.train}
        asked = {letters(pair[side]) for pair in text.held_out}
        assert len(taught) == len(text.train)
        assert len(asked) == len(text.held_out)
        assert not taught & asked
    assert all(len(pair.target.split()) >= 3 or "-" in pair.target for pair in text.held_out)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"file's ending should be one of .mo, .po, got '.txt'"):
        read_catalogue(tmp_path / "x.txt")
    (tmp_path / "x.mo").write_bytes(b"no catalogue")
    with pytest.raises(ValueError, match="file should be a whole catalogue"):
        read_catalogue(tmp_path / "x.mo")
    (tmp_path / "x.po").write_bytes(b'msgid "a\nmsgstr "\xff"\n')
    with pytest.raises(ValueError, match="file should be a whole catalogue"):
        read_catalogue(tmp_path / "x.po")
    with pytest.raises(FileNotFoundError):
        read_catalogue(tmp_path / "absent.po")


def test_a_package_that_is_not_there_is_said(package: Path) -> None:
    with pytest.raises(ValueError, match=r"got 'absent'; pip install 'txlite\[corpora\]'"):
        catalogues("fr", ["absent"])
    with pytest.raises(ValueError, match=r"got '\.\./x'"):
        catalogues("fr", ["../x"])
    with pytest.raises(ValueError, match="packages should have catalogues for 'fr', got speaks"):
        catalogues("fr", ["speaks"])
    with pytest.raises(ValueError, match="got none"):
        catalogues("fr", [])
    with pytest.raises(ValueError, match="packages should be a list of names, got one text"):
        catalogues("fr", "sphinx")
    with pytest.raises(ValueError, match="language should be one of fr, zh, got 'de'"):
        catalogues("de")
