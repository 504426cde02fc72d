"""The tests and the notebooks on a GPU, on a machine without internet; one JSON says what passed.

    python -m txbook.gpu tests notebooks bench --wheels folder --report gpu.json

It needs Python with torch and pytest, pytest-xdist and hypothesis; what else the tests import comes
from a folder of wheels, which is unpacked beside the report. Nothing outside the standard library
is imported here.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = Path(__file__).resolve().parents[1]
PARTS = ("tests", "notebooks", "bench")
ELSEWHERE = ("book", "mutants")  # folders of tests in which nothing is computed on a device
ABOUT = """
import json, platform, torch
from importlib.metadata import distributions
card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
named = sorted({(d.metadata["Name"] or "", d.version) for d in distributions()})
print(json.dumps({
    "card": card, "cuda": torch.version.cuda, "python": platform.python_version(),
    "versions": {name: version for name, version in named if name},
}))
"""
UNPACK = ("pip", "install", "-q", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir")


@dataclass
class Part:
    """What became of one part."""

    passed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        """Whether something was tried and nothing failed."""
        return self.passed > 0 and not self.failures


def commands(root: Path, part: str, jobs: int) -> list[list[str]]:
    """Return what a part runs, as words after ``python``."""
    if part == "bench":
        return [[f"benchmarks/{file.name}"] for file in sorted(root.glob("benchmarks/*.py"))]
    pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "xdist", "-p", "txbook.limits"]
    pytest += ["-n", str(jobs), "--max-worker-restart", "1000"]
    if part == "notebooks":
        chapters = sorted(str(path) for path in (root / "chapters").glob("[0-9]*.ipynb"))
        nbval = ["-p", "nbval", "--nbval", "--nbval-current-env", "--nbval-cell-timeout", "900"]
        nbval += ["--nbval-sanitize-with", "tests/book/nbval_sanitize.cfg"]
        return [[*pytest, "--dist", "loadfile", *nbval, *chapters]]
    folders = sorted(
        str(path)
        for path in (root / "tests").iterdir()
        if (path.is_dir() and path.name not in ELSEWHERE) or path.match("test_*.py")
    )
    rest = "not site and not browser and not slow"
    typed = ["--jaxtyping-packages=txlite,beartype.beartype"]
    return [
        [*pytest, *typed, "-m", f"not plain and {rest}", *folders, str(root / "txlite")],
        [*pytest, "--dist", "loadgroup", "-m", f"plain and {rest}", *folders],
    ]


def surroundings(root: Path, site: Path, device: str, limit: float, lines: Path) -> dict[str, str]:
    """Return the environment of what is run."""
    paths = [root, EXTENSION, site, os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(path) for path in paths if str(path)),
        "TXLITE_DEVICE": device,
        "TXBOOK_LIMIT": str(limit),
        "TXBOOK_LINES": str(lines),
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "MPLBACKEND": "agg",
        "PYTHONUTF8": "1",
        "HF_HUB_OFFLINE": "1",
    }


def unpack(wheels: Path, site: Path) -> None:
    """Install the wheels of a folder into another one, without asking anybody for more."""
    files = sorted(str(path) for path in wheels.glob("*.whl"))
    if not files:
        raise FileNotFoundError(f"{wheels} should hold wheels, and holds none")
    shutil.rmtree(site, ignore_errors=True)
    subprocess.run([sys.executable, "-m", *UNPACK, "--target", str(site), *files], check=True)


def run_within(words: Sequence[str], root: Path, env: dict[str, str], seconds: float) -> int | None:
    """Run Python with these words; return its exit status, or None where it took too long."""
    process = subprocess.Popen([sys.executable, *words], cwd=root, env=env, start_new_session=True)
    try:
        return process.wait(timeout=max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def summary(lines: Iterable[str]) -> Part:
    """Count what the lines of the plugin tell; a test fails that fails in any of its phases."""
    outcomes: dict[str, str] = {}
    for line in lines:
        told = json.loads(line)
        if outcomes.get(told["name"]) != "failed":
            outcomes[told["name"]] = told["outcome"]
    failures = [name for name, outcome in outcomes.items() if outcome == "failed"]
    counted = list(outcomes.values())
    return Part(counted.count("passed"), counted.count("skipped"), failures)


def run_part(
    root: Path, part: str, *, site: Path, device: str, jobs: int, limit: float, seconds: float
) -> Part:
    """Run a part, all its commands together within so many seconds."""
    lines = site.parent / f"{part}.jsonl"
    lines.unlink(missing_ok=True)
    begin, complaints, passed = time.monotonic(), [], 0
    for words in commands(root, part, jobs):
        left = seconds - (time.monotonic() - begin)
        status = run_within(words, root, surroundings(root, site, device, limit, lines), left)
        if status is None:
            complaints.append(f"{part}: did not end within {seconds:g} seconds")
            break
        if status == 0:
            passed += 1
        elif part == "bench" or status != 1:  # 1: some tests have failed, and said so
            complaints.append(f"{part}: ended with status {status}")
    told = lines.read_text(encoding="utf-8").splitlines() if lines.exists() else []
    found = summary(told) if part != "bench" else Part(passed)
    found.failures += complaints
    found.seconds = round(time.monotonic() - begin, 1)
    return found


def run(root: Path, parts: Sequence[str], report: Path, **options: Any) -> int:
    """Run parts, write the report after each of them; return an exit status."""
    site = report.parent / "gpu" / "site"
    site.parent.mkdir(parents=True, exist_ok=True)
    wheels = options.pop("wheels", None)
    if wheels is not None:
        unpack(wheels, site)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(site)])}
    asked = subprocess.run(
        [sys.executable, "-c", ABOUT], env=env, capture_output=True, text=True, check=True
    )
    about, found = json.loads(asked.stdout), {}
    for part in parts:
        found[part] = run_part(root, part, site=site, **options)
        done = found.values()
        content = {
            **about,
            "device": options["device"],
            "passed": sum(p.passed for p in done),
            "failed": sum(len(p.failures) for p in done),
            "failures": [name for p in done for name in p.failures],
            "seconds": round(sum(p.seconds for p in done), 1),
            "parts": {name: vars(p) for name, p in found.items()},
        }
        report.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        told = f"{found[part].passed} passed, {len(found[part].failures)} failed"
        print(f"== {part}: {told} in {found[part].seconds:g} s ({about['card']})", flush=True)
    return 0 if all(found[part].sound for part in parts) else 1


def main(arguments: list[str] | None = None) -> int:
    """Run the parts that the command line names, or all."""
    parser = argparse.ArgumentParser(prog="python -m txbook.gpu", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--root", type=Path, default=ROOT)
    parser.add_argument("--report", type=Path, default=Path("_build/gpu.json"))
    parser.add_argument("--wheels", type=Path, help="a folder of wheels to unpack")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--limit", type=float, default=120, help="seconds for each test")
    parser.add_argument("--seconds", type=float, default=480, help="for each part")
    options = vars(parser.parse_args(arguments))
    parts = options.pop("parts") or list(PARTS)
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"unknown: {', '.join(unknown)}; choose from {', '.join(PARTS)}")
    return run(options.pop("root").resolve(), parts, options.pop("report").resolve(), **options)


if __name__ == "__main__":
    sys.exit(main())
