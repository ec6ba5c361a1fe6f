"""Planted errors: one substitution each in a copy of the project, which the tests named with it must notice.

The lists are in `tests/planted_errors/`, one module per area.  `python -m tests.planted [WORD]` runs those
whose name holds the word, prints verdict and seconds, and exits 1 unless all were caught.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parent.parent
WORKERS = 2
TIME_LIMIT = 60.0
"""Seconds after which a run is given up (the aim is 8): an error that makes the code hang is a bad error."""

FAILED = re.compile(r"^\d+ failed\b", re.MULTILINE)
"""What the last line of `pytest -q` says if a test failed, not only a collection or a fixture."""


class PlantingError(ValueError):
    """The substitution cannot be made; the list has to follow the source."""


@dataclass(frozen=True)
class Planted:
    """One error.

    Parameters
    ----------
    name : str
        What is wrong, for example ``uniform: constant x2``; unique.
    file : str
        Source file, relative to the project.
    old, new : str
        Text to replace, and by what.
    tests : tuple of str
        Files or node ids that have to notice, none of them marked slow.
    count : int
        How often `old` occurs; all are replaced.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True)
class Outcome:
    """Verdict (caught, survived, did not run, timed out), seconds, and what pytest printed."""

    verdict: str
    seconds: float
    output: str


def planted_in(file: str, *tests: str) -> Callable[..., Planted]:
    """Maker of errors in one file: ``error(name, old, new, *more_tests, count=1)``."""

    def error(name: str, old: str, new: str, *more: str, count: int = 1) -> Planted:
        return Planted(name, file, old, new, (*tests, *more), count)

    return error


def plant(error: Planted, folder: Path) -> None:
    """Make the substitution in a copy of the project; `PlantingError` if it does not fit the source."""
    path = folder / error.file
    text = path.read_text("utf-8")
    found = text.count(error.old)
    if found != error.count:
        raise PlantingError(
            f"{error.name}: {error.file} holds {error.old!r} {found} times, not {error.count}"
        )
    text = text.replace(error.old, error.new)
    try:
        compile(text, error.file, "exec")
    except SyntaxError as reason:
        raise PlantingError(f"{error.name}: {error.file} no longer compiles ({reason})") from None
    path.write_text(text, "utf-8")


def run(error: Planted, project: Path = PROJECT, time_limit: float = TIME_LIMIT) -> Outcome:
    """Plant the error in a fresh copy and run its tests there."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = copy_of(project, Path(scratch))
        plant(error, folder)
        return run_tests(error.tests, folder, time_limit)


def run_clean(tests: Iterable[str], project: Path = PROJECT, time_limit: float = 10 * TIME_LIMIT) -> Outcome:
    """Run the tests in a copy without any error: they have to pass there, or catching means nothing."""
    with tempfile.TemporaryDirectory() as scratch:
        return run_tests(sorted(set(tests)), copy_of(project, Path(scratch)), time_limit)


def copy_of(project: Path, scratch: Path) -> Path:
    """Copy without hidden files, virtual environments, caches and mutants."""

    def strangers(folder: str, names: list[str]) -> set[str]:
        skip = {"__pycache__", "build", "dist", "mutants", "records"}
        return {n for n in names if n[0] == "." or n in skip or (Path(folder) / n / "pyvenv.cfg").exists()}

    return Path(shutil.copytree(project, scratch / "project", ignore=strangers))


def run_tests(tests: Iterable[str], folder: Path, time_limit: float) -> Outcome:
    """Run pytest in the folder so that it imports the folder's own package, in subprocesses too."""
    strange = ("PYTEST_", "COV", "CI", "BUILD_NUMBER")  # in CI pytest spells out differences of whole tables
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    own = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "planted"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            code: int | None = subprocess.run(
                command,
                cwd=folder,
                env={**kept, **one_thread, **own},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=time_limit,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
        output.seek(0)
        printed = output.read()
        return Outcome(verdict_of(code, printed), time.monotonic() - start, printed)


def verdict_of(code: int | None, output: str) -> str:
    """Verdict by exit code (None: time limit) and output of pytest."""
    if code is None:
        return "timed out"
    if code == 0:
        return "survived"
    return "caught" if code == 1 and FAILED.search(output) else f"did not run (pytest exit {code})"


def main(words: list[str]) -> int:
    """Run the listed errors whose name holds one of the words (all without words), two at a time."""
    from tests.planted_errors import ERRORS

    chosen = [error for error in ERRORS if not words or any(word in error.name for word in words)]
    caught = 0
    for error, outcome in zip(chosen, run_all(chosen), strict=True):
        caught += outcome.verdict == "caught"
        print(f"{outcome.seconds:6.1f} s  {outcome.verdict:10} {error.name}", flush=True)
    print(f"{caught} of {len(chosen)} caught")
    return 0 if chosen and caught == len(chosen) else 1


def run_all(errors: Iterable[Planted]) -> Iterator[Outcome]:
    """Outcomes in order, `WORKERS` at a time."""
    with ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(run, errors)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
