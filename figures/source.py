"""Where a figure finds its input, and what it hands to the runner."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cppo_theory.plots import Table
from cppo_theory.rollouts import Masked, Reading, mask_rollouts, read_rollouts
from simulations.kept import made_by_other_code, read_summary
from simulations.records import ForeignRecordError, Record
from simulations.statistics import FEWEST

ROOT = Path(__file__).resolve().parent.parent
ROLLOUTS = {
    "A": "A-compare-stale16-first16.jsonl.gz",
    "B": "B-count-stale16.jsonl.gz",
    "C": "C-compare-bf16.jsonl.gz",
}
"""Files of `examples/rollouts`, by the letter that figures call them."""


class MissingInputError(Exception):
    """A file that a figure needs is not there or of no use; the message says what makes it."""


@dataclass(frozen=True)
class Source:
    """Where input lies, and how much of it is used.

    Parameters
    ----------
    preset : {"smoke", "paper"}
        Size of what is computed on the spot (grids, horizons, draws); records and rollouts are read whole.
    results, rollouts : Path
        Folders of the records of experiments, and of sampled responses.
    stale : dict
        By experiment: its records that were read, and whether other code than today's made them.
    """

    preset: str = "paper"
    results: Path = ROOT / "simulations" / "results"
    rollouts: Path = ROOT / "examples" / "rollouts"
    stale: dict[str, dict[Path, bool]] = field(default_factory=dict, compare=False)

    def pick(self, smoke: Any, paper: Any) -> Any:
        """One of two sizes, by the preset."""
        return smoke if self.preset == "smoke" else paper

    def command_for(self, experiment: str) -> str:
        """What makes the records of an experiment; `--out` has a folder per preset."""
        command = f"python -m simulations run {experiment} --preset paper"
        if self.results.resolve() == Source.results:
            return command
        if self.results.name == "paper":
            return f"{command} --out {shlex.quote(str(self.results.parent))}"
        below = shlex.quote(str(self.results / "paper"))
        return f"{command} --out {shlex.quote(str(self.results))}, and draw with --results {below}"

    def is_stale(self, path: Path) -> bool:
        """Whether a file is a record that other code than today's made."""
        return any(paths.get(path, False) for paths in self.stale.values())

    def rollout_file(self, letter: str) -> Path:
        """A file of sampled responses."""
        path = self.rollouts / ROLLOUTS[letter]
        if not path.is_file():
            raise MissingInputError(
                f"{path} is missing; it is part of the repository: git checkout examples/"
            )
        return path

    def masked(self, letter: str, rule: str, reading: Reading, **given: Any) -> Iterator[Masked]:
        """What a rule decides on each response of a file."""
        return mask_rollouts(read_rollouts(self.rollout_file(letter)), rule, reading, **given)

    def records(self, experiment: str) -> dict[Path, Record]:
        """Every record of an experiment, ordered by condition and rule: one per rule, all settings in it.

        They lie in the folder of the experiment, or, where its cells lie there too, in ``summary`` below.
        """
        folder = self.results / experiment
        folder = folder / "summary" if (folder / "summary").is_dir() else folder
        paths = sorted(folder.glob("*/*.npz"))
        if not paths:
            raise MissingInputError(f"no records in {folder}; make them with: {self.command_for(experiment)}")
        remedy = f"make it anew with: {self.command_for(experiment)}"
        found = {path: _whole(path, remedy) for path in paths}
        others = made_by_other_code(experiment, list(found.values()))
        self.stale[experiment] = dict(zip(paths, others, strict=True))
        return found


def _whole(path: Path, remedy: str) -> Record:
    """The summary of a file, of seeds enough for an interval."""
    try:
        found = read_summary(path)
    except ForeignRecordError as error:
        raise MissingInputError(f"{error}; {remedy}") from None
    if len(found.seeds) < FEWEST:
        text = f"found {len(found.seeds)} seeds, at least {FEWEST} are required"
        raise MissingInputError(f"{path}: {text}; {remedy}")
    return found


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a figure shows, and what it was made from.

    Parameters
    ----------
    table : Table
        Every number in the picture.
    inputs : tuple of Path
        Files that were read.
    seeds : str
        Which random seeds, and how many.
    interval : str
        What the intervals or bands are; empty if there are none.
    settings : dict
        Numbers that the caption leaves open.
    """

    table: Table
    inputs: tuple[Path, ...] = ()
    seeds: str = "none: exact"
    interval: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
