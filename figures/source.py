"""Where a figure finds its input, and what it hands to the runner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cppo_theory.plots import Table
from cppo_theory.rollouts import Masked, Reading, mask_rollouts, read_rollouts
from simulations.records import Record, read

ROOT = Path(__file__).parent.parent
ROLLOUTS = {
    "A": "A-compare-stale16-first16.jsonl.gz",
    "B": "B-count-stale16.jsonl.gz",
    "C": "C-compare-bf16.jsonl.gz",
}
"""Files of `examples/rollouts`, by the letter that figures call them."""


class MissingInputError(Exception):
    """A file that a figure needs is not there; the message says what makes it."""


@dataclass(frozen=True)
class Source:
    """Where input lies, and how much of it is used.

    Parameters
    ----------
    preset : {"smoke", "paper"}
        Size of what is computed on the spot (grids, horizons, draws); records and rollouts are read whole.
    results, rollouts : Path
        Folders of the records of experiments, and of sampled responses.
    """

    preset: str = "paper"
    results: Path = ROOT / "simulations" / "results"
    rollouts: Path = ROOT / "examples" / "rollouts"

    def pick(self, smoke: Any, paper: Any) -> Any:
        """One of two sizes, by the preset."""
        return smoke if self.preset == "smoke" else paper

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
            command = f"python -m simulations run {experiment} --preset paper"
            raise MissingInputError(f"no records in {folder}; make them with: {command}")
        return {path: read(path) for path in paths}


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
