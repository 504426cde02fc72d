"""Change the package in small ways, and see whether the tests notice: ``make mutants``.

    python -m tests.mutants                     a sample of the files that changed, in a minute
    python -m tests.mutants --all               every change, and every fault planted by hand
    python -m tests.mutants --sample 300 --seed 1 --files 'nn/*' 'models/*'
    python -m tests.mutants --sample 100 --within banks --no-faults    what the mistakes compute

A change that lives is a test that is missing, or changes nothing: then it is judged once, in
survivors.toml, with the reason. The script ends with 1 where one lives that is not judged.
"""

# ruff: noqa: T201 - a script that prints its table
import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.mutants import banks, choice
from tests.mutants.faults import Fault, faults
from tests.mutants.mutant import Mutant
from tests.mutants.run import ROOT, Result, Task, failing_anyway, run, snapshot, warm_up
from tests.mutants.survivors import entry, judged


def main(words: list[str]) -> int:
    """Try a sample of changes and the faults planted by hand, and print a table."""
    asked = _asked(words)
    names = _files(asked)
    with snapshot() as root:
        return _try(asked, names, root)


def _try(asked: argparse.Namespace, names: list[str], root: Path) -> int:
    """Try what is asked for on the package as it lies in a folder."""
    known = judged()
    vanished = [f"{s.file}: {s.line}: {s.change}" for s in known if s.vanished(root)]
    keys = {s.key for s in known}
    computing = names if asked.files else [n for n in _computing(asked, root) if n in names]
    count = None if asked.all else asked.sample
    within = banks.formulas(root) if asked.within else None
    drawn = choice.sample(root, computing, count, asked.seed, within)
    print(f"{sum(m.key in keys for m in drawn)} of {len(drawn)} changes are judged already")
    drawn = [mutant for mutant in drawn if mutant.key not in keys]
    planted = [] if asked.no_faults else faults(root)
    lost = {fault.name: said for fault in planted if (said := fault.trouble(root))}
    planted = [f for f in planted if f.name not in lost and (asked.all or f.file in names)]
    print(f"{len(drawn)} changes of {len(computing)} files, {len(planted)} faults planted by hand")

    plans = {str(n): plan for n, plan in enumerate([*planted, *drawn])}
    warm_up()
    results = []
    tests_of = banks.tests_of if asked.within else choice.tests_of
    for result in run(_tasks(plans, root, tests_of), root, asked.workers, asked.seconds):
        results.append(result)
        _say(result, plans[result.task.name])
    living = [plans[r.task.name] for r in results if r.verdict != "killed"]
    print(f"{len(results) - len(living)} of {len(results)} noticed, of {len(plans)} meant")
    if anyway := failing_anyway(results, root):
        print(f"\nfails without any change: {anyway}")
    return 1 if _close(living, lost, vanished) or anyway else 0


def _asked(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--all", action="store_true", help="every change of every file")
    parser.add_argument("--sample", type=int, default=None, help="how many changes")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--since", default=None, help="files that differ from this commit")
    parser.add_argument("--files", nargs="+", default=None, help="as in nn/*")
    parser.add_argument("--within", choices=["banks"], help="formulas of named mistakes only")
    parser.add_argument("--seconds", type=float, default=None, help="end after these")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time")
    parser.add_argument("--no-faults", action="store_true", help="none that is planted by hand")
    asked = parser.parse_args(words)
    asked.quick = not asked.all and asked.sample is None
    if asked.quick:
        asked.sample, asked.seconds = 40, asked.seconds or 60
    return asked


def _files(asked: argparse.Namespace) -> list[str]:
    """Return the files that are meant: by name, changed, or all."""
    if asked.files:
        return choice.files(ROOT, asked.files)
    every = choice.files(ROOT, ["*"])
    if asked.all or (asked.since is None and not asked.quick):
        return every
    changed = choice.changed(ROOT, asked.since)
    return every if changed is None else [name for name in every if name in changed]


def _computing(asked: argparse.Namespace, root: Path) -> list[str]:
    """Return the files that are looked at where none is named."""
    return choice.files(root, banks.FILES) if asked.within else choice.files(root)


def _tasks(
    plans: dict[str, Fault | Mutant],
    root: Path,
    tests_of: Callable[[Path, str], tuple[tuple[str, ...], ...]],
) -> Iterator[Task]:
    """Plant one after the other."""
    for name, plan in plans.items():
        if isinstance(plan, Fault):
            yield Task(name, plan.file, plan.planted(root), ((plan.test,),))
        else:
            source = (root / "txlite" / plan.file).read_text(encoding="utf-8")
            yield Task(name, plan.file, plan.of(source), tests_of(root, plan.file))


def _say(result: Result, plan: Fault | Mutant) -> None:
    """Print how one fared."""
    what = f"{plan.file}: {plan.name}" if isinstance(plan, Fault) else plan
    who = result.said if result.verdict == "trouble" else result.said.split("::")[-1]
    print(f"{result.verdict:8} {result.seconds:5.1f} s  {what}  {who}", flush=True)


def _close(living: list[Fault | Mutant], lost: dict[str, str], vanished: list[str]) -> bool:
    """Print what is to be done, and return whether there is something."""
    for plan in living:
        fault = isinstance(plan, Fault)
        print(f"\nnot noticed: {plan.name} ({plan.test})" if fault else f"\n{entry(plan)}")
    for name, said in lost.items():
        print(f"\nfault {name!r}: {said}")
    for words in vanished:
        print(f"\njudged, but there is no such change any more: {words}")
    return bool(living or lost or vanished)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
