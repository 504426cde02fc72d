"""Studies: what takes longer than a chapter may, run over several seeds and kept in book/studies.

The study of ``chapters/01_long_memory.ipynb`` is ``studies/long_memory.py``: a module with a
function ``measure`` that returns named numbers. All its chance comes from ``txlite.seed``. Either
it takes nothing, and runs as its chapter does, with ``TXLITE_SEED`` set to the seed; or it takes
the seed and hands it to ``txlite.seed`` itself, and the variable is not set. Each seed runs in a
process of its own, and its result is kept in ``_build/studies`` when it is there, so that an
interrupted study goes on where it was. A module may keep parts of a seed that are done
(``studies/_kept.py``), in a folder of today's code. ``book/studies/01.json`` is what the book
shows; `Study.changed` says which of the files behind it have changed since (comments, docstrings
and empty lines apart).

A change of code that changes no number makes a study older too. ``make study CONFIRM=1`` runs one
seed on today's code; where every number but the costs is what it was, the study is that of today's
code, and says by which run it was confirmed.

A chapter may have more studies, each with a name of its own: ``studies/translation_real_text.py``
is found in ``book/studies/15_real_text.json``, and runs with the chapter or alone
(``make study CHAPTERS=15_real_text``).
"""

import ast
import hashlib
import io
import json
import math
import os
import platform
import re
import subprocess
import sys
import time
import tokenize
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import txlite.studies
from txbook.chapters import number
from txbook.closure import closure, located
from txbook.costs import machine
from txbook.execute import environment
from txbook.key import SEED, Conditions, shifted, version
from txbook.progress import duration
from txbook.runner import chapters, cores, say
from txbook.store import write_whole

FOLDER = Path("book", "studies")
CODE = "studies"
MEASURE = f"""
import importlib, inspect, json, os, sys
name, seed = sys.argv[1:]
measure = importlib.import_module(name).measure
if inspect.signature(measure).parameters:
    print(json.dumps(measure(int(seed))))
else:
    os.environ["{SEED}"] = seed
    print(json.dumps(measure()))
"""
PARTS = "TXLITE_KEPT"  # the folder for parts of a seed that are done (studies/_kept.py)
POLL = 0.1  # seconds
COST = re.compile(r"\b(seconds|ms a step)$")  # names of what a machine does, not a seed
SAME = 1e-6  # relative; what another order of additions may do


class Study(txlite.studies.Study):
    """What a chapter reads, and whether it is older than the code."""

    def changed(self, root: Path) -> list[str]:
        """Return the files that the study is older than; an empty list if it is up to date."""
        now = {name: code_digest(root / name) for name in self.code if (root / name).exists()}
        return sorted(name for name, known in self.code.items() if now.get(name) != known)


def code_digest(path: Path) -> str:
    """Return a short name for what a Python file does: its comments and docstrings do not count."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_docstring(body[0]):
            lines[body[0].lineno - 1 : body[0].end_lineno] = [""] * (
                body[0].end_lineno - body[0].lineno + 1
            )
    text = "\n".join(line.rstrip() for line in lines if line.strip())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _is_docstring(node: ast.AST) -> bool:
    value = getattr(node, "value", None) if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def fingerprint(root: Path, module: str) -> dict[str, str]:
    """Return the files that a study's module imports, itself included, and what each does now."""
    files = closure(root, located(root, f"{CODE}.{module}"))
    return {name: code_digest(root / name) for name in sorted(files)}


def state(root: Path, module: str) -> str:
    """Return a short name for all that a study's numbers depend on: its code and surroundings."""
    return _short(fingerprint(root, module), asdict(Conditions.here(root)))


def _short(code: dict[str, str], conditions: dict[str, Any]) -> str:
    found = [code, conditions]
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]


def available(root: Path) -> dict[str, str]:
    """Return all studies, chapter by chapter: ``"15_real_text"`` and its module."""
    names = {path.stem.partition("_")[2]: number(path.stem) or 0 for path in chapters(root)}
    found = {}
    for path in sorted((root / CODE).glob("*.py")):
        if of := [name for name in names if f"{path.stem}_".startswith(f"{name}_")]:
            name = max(of, key=len)
            found[f"{names[name]:02}{path.stem.removeprefix(name)}"] = path.stem
    return dict(sorted(found.items()))


def load(root: Path, study: int | str) -> Study:
    """Return a study: that of a chapter by its number, any by its name.

    Raises
    ------
    FileNotFoundError
        If it was never run; the message is the command that runs it.
    """
    name = study if isinstance(study, str) else f"{study:02}"
    file = root / FOLDER / f"{name}.json"
    if not file.exists():
        raise FileNotFoundError(f"there is no study {name}; make study CHAPTERS={name} runs it")
    return Study(**json.loads(file.read_text(encoding="utf-8")))


def run(root: Path, named: Sequence[str], *, seeds: int, confirming: bool = False) -> int:
    """Run the studies of the named chapters, single ones by their name, or all; return a status.

    With ``confirming`` only those that are older than their code, by one seed.
    """
    known = available(root)
    wanted: list[str] = [] if named else list(known)
    for text in named:
        of = f"{int(text):02}" if text.isdecimal() else ""
        found = [name for name in known if name == text or (of and name.partition("_")[0] == of)]
        if not found:
            print(f"no study in {CODE}/ for {text}; there are {known}", file=sys.stderr)
            return 1
        wanted += [name for name in found if name not in wanted]
    with shifted(0):  # each seed's process sets its own
        if confirming:
            return max((_confirm(root, name, known[name]) for name in wanted), default=0)
        return max((_run_one(root, name, known[name], seeds) for name in wanted), default=0)


def tell(root: Path) -> int:
    """Say which studies are older than their code."""
    for file in sorted((root / FOLDER).glob("*.json")):
        old = load(root, file.stem).changed(root)
        say(f"{file.stem}: {'older than ' + ', '.join(old) if old else 'up to date'}")
    return 0


def _run_one(root: Path, study: str, module: str, seeds: int) -> int:
    code, conditions = fingerprint(root, module), asdict(Conditions.here(root))
    files = {seed: _kept(root, study, seed) for seed in range(seeds)}
    how = _short(code, conditions)
    todo = [seed for seed, file in files.items() if _result(file).get("how") != how]
    say(f"study {study} ({module}): {seeds} seeds, {seeds - len(todo)} kept")
    failed = _run_seeds(root, module, {seed: files[seed] for seed in todo}, how)
    if failed:
        print(f"study {study}: failed with seed {failed}", file=sys.stderr)
        return 1
    results = [_result(file) for file in files.values()]
    found = Study(
        seeds=list(files),
        values={name: [r["values"][name] for r in results] for name in results[0]["values"]},
        seconds=[result["seconds"] for result in results],
        machine=machine(),
        device=conditions["device"],
        versions={"python": platform.python_version(), "torch": version("torch")},
        code=code,
    )
    _write(root, study, found)
    return 0


def _confirm(root: Path, study: str, module: str) -> int:
    """Run a study's first seed on today's code; take the code over if it finds the same."""
    found, code = load(root, study), fingerprint(root, module)
    if found.code == code:
        say(f"study {study}: up to date")
        return 0
    seed = found.seeds[0]
    file = _kept(root, study, seed).with_name("confirming.json")
    if _run_seeds(root, module, {seed: file}, "confirming"):
        print(f"study {study}: failed with seed {seed}", file=sys.stderr)
        return 1
    values = _result(file)["values"]
    if other := differences({name: v[0] for name, v in found.values.items()}, values):
        told = "; ".join(other[:5]) + (f"; {len(other) - 5} more" if len(other) > 5 else "")
        print(f"study {study}: seed {seed} finds something else: {told}", file=sys.stderr)
        return 1
    run: dict[str, str | int | None] = {
        "seed": seed,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": machine(),
        "torch": version("torch"),
    }
    _write(root, study, replace(found, code=code, confirmed=run))
    say(f"study {study}: seed {seed} finds what it found")
    return 0


def differences(known: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return which numbers are not what they were, costs apart: ``"name: 1.0, it was 2.0"``."""
    found = [f"{name}: not measured" for name in known if name not in now]
    found += [f"{name}: not known" for name in now if name not in known]
    return found + [
        f"{name}: {now[name]}, it was {old}"
        for name, old in known.items()
        if name in now
        and not COST.search(name)
        and not math.isclose(old, now[name], rel_tol=SAME, abs_tol=SAME)
    ]


def _write(root: Path, study: str, found: txlite.studies.Study) -> None:
    target = root / FOLDER / f"{study}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole(target, json.dumps(asdict(found), indent=1) + "\n")
    say(f"{target.relative_to(root)} holds {', '.join(found.values)}")


def _kept(root: Path, study: str, seed: int) -> Path:
    return root / "_build" / "studies" / study / f"seed-{seed}.json"


def _result(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _run_seeds(root: Path, module: str, files: dict[int, Path], how: str) -> list[int]:
    """Run seeds, several at a time; keep each result when it is there; return those that failed."""
    todo, failed = list(files), []
    jobs = cores() if Conditions.here(root).device == "cpu" else 1
    parts = root / "_build" / "studies" / "parts" / module / state(root, module)
    running: dict[int, tuple[subprocess.Popen[str], float]] = {}
    try:
        while todo or running:
            while todo and len(running) < jobs:
                seed = todo.pop(0)
                running[seed] = _start(root, module, seed, parts), time.perf_counter()
            time.sleep(POLL)
            for seed, (process, begin) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[seed]
                seconds = time.perf_counter() - begin
                said = process.communicate()[0]
                if process.returncode:
                    failed.append(seed)
                    continue
                values = json.loads(said.splitlines()[-1])
                result = {"how": how, "values": values, "seconds": round(seconds, 1)}
                files[seed].parent.mkdir(parents=True, exist_ok=True)
                write_whole(files[seed], json.dumps(result))
                say(f"seed {seed}: {duration(seconds)} {values}")
    finally:
        for process, _ in running.values():
            process.kill()
            process.communicate()
    return failed


def _start(root: Path, module: str, seed: int, parts: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", MEASURE, f"{CODE}.{module}", str(seed)]
    environ = {**environment(root), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    environ[PARTS] = str(parts)
    return subprocess.Popen(command, cwd=root, env=environ, stdout=subprocess.PIPE, text=True)
