"""A release is cut from the changelog, or refused with the reason."""

from pathlib import Path

import browsing  # noqa: F401 (puts _ext on the path)
import pytest
import yaml
from browsing import ROOT
from txbook import release

import txlite

LOG = "# Changelog\n\n## 0.2.0 — 2030-01-02\n\n- New.\n\n## 0.1.0 — unreleased\n\n- First.\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "txlite").mkdir()
    (tmp_path / "txlite/__init__.py").write_text('__version__ = "0.2.0"\n', encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(LOG, encoding="utf-8")
    return tmp_path


def test_the_notes_are_the_section_of_the_tag(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release.main(["v0.2.0"], tree) == 0
    assert capsys.readouterr().out == "- New.\n"


@pytest.mark.parametrize(
    ("tag", "log", "says"),
    [
        ("v0.1.0", LOG, "the tag should be v0.2.0, as txlite/__init__.py says, got v0.1.0"),
        ("v0.2.0", "# Changelog\n", "CHANGELOG.md should have a section “## 0.2.0"),
        ("v0.2.0", LOG.replace("2030-01-02", "unreleased"), "on which day 0.2.0 came"),
        ("v0.2.0", LOG.replace("- New.", ""), "says nothing of 0.2.0"),
    ],
)
def test_what_is_not_ready_is_refused(
    tree: Path, tag: str, log: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "CHANGELOG.md").write_text(log, encoding="utf-8")
    assert release.main([tag], tree) == 1
    assert says in capsys.readouterr().err


def test_the_version_in_git_has_its_section() -> None:
    assert release.version(ROOT) == txlite.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert release.section(changelog, txlite.__version__)[1]


def test_only_the_jobs_that_sign_may_ask_for_an_identity() -> None:
    file = ROOT / ".github/workflows/release.yml"
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    signing = {name for name, job in jobs.items() if "id-token" in job.get("permissions", {})}
    assert signing == {"build", "publish"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert "password" not in str(jobs["publish"]["steps"])
