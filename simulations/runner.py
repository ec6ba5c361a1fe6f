"""Run the cells of an experiment: what is missing, in parallel, resumed by default.

The record of a cell holds all its seeds; asking for more runs the missing ones and merges them in.  A record
that is damaged or was made by other code is set aside, never overwritten, and made anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

from cppo_theory.tasks import task
from simulations import records
from simulations.cell import run_cell
from simulations.code import code_of
from simulations.experiment import Cell
from simulations.measure import PER_POSITION, QUANTITIES

BATCH = 48
"""Seeds that are trained together; what a seed gets does not depend on it."""

BYTES_PER_NUMBER = 4

Say = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """A cell, where its record lies, and the seeds that it lacks."""

    cell: Cell
    path: Path
    seeds: list[int]
    missing: list[int]


@dataclass(frozen=True)
class Done:
    """A finished cell: how many seeds were trained, in how many seconds."""

    work: Work
    seconds: float


def configuration(cell: Cell) -> dict[str, Any]:
    """What a record is addressed by."""
    return {**cell.config, "code": code_of(cell)}


def record_path(folder: Path, cell: Cell) -> Path:
    """Where the record of a cell lies."""
    return folder / f"{cell.label}.npz"


def horizon_of(cell: Cell) -> int:
    """T of the cell's task."""
    return task(**cell.condition.task).horizon


def usable(path: Path, cell: Cell) -> records.Record:
    """The record of a cell, with all that is made of it.

    Raises
    ------
    ForeignRecordError
        If the file holds no record of this cell and of today's code, or one without its arrays.
    """
    found = records.read(path, configuration(cell))
    evaluations = (len(found.seeds), cell.rounds)
    for name in QUANTITIES:
        if name not in found.arrays:
            raise records.ForeignRecordError(path, f"the record lacks {name}")
    for name, x in found.arrays.items():
        if name not in QUANTITIES:
            raise records.ForeignRecordError(path, f"the record has {name}, which is not recorded")
        shape = (*evaluations, horizon_of(cell)) if name in PER_POSITION else evaluations
        if x.shape != shape:
            raise records.ForeignRecordError(path, f"{name} has shape {x.shape}, not {shape}")
    return found


def plan(
    todo: Sequence[Cell], seeds: Sequence[int], folder: Path, say: Say, look_only: bool = False
) -> list[Work]:
    """What has to be done; records that cannot be used are named, and set aside unless ``look_only``."""
    out: list[Work] = []
    reasons: dict[str, list[str]] = {}
    for cell in todo:
        path = record_path(folder, cell)
        present: list[int] = []
        if path.exists():
            try:
                present = usable(path, cell).seeds
            except records.ForeignRecordError as error:
                fate = "to be set aside and" if look_only else f"set aside as {records.set_aside(path).name},"
                reasons.setdefault(error.reason, []).append(f"{error}; {fate} made anew")
        out.append(Work(cell, path, list(seeds), [seed for seed in seeds if seed not in present]))
    for lines in reasons.values():
        say(lines[0])
        if len(lines) > 1:
            say(f"  and {len(lines) - 1} more, for the same reason")
    return out


def run(work: Sequence[Work], jobs: int) -> Iterator[Done]:
    """Finish the cells that lack seeds, each written as soon as it is there."""
    left = [item for item in work if item.missing]
    if jobs == 1:
        for item in left:
            yield _finish(item)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=end_with_parent)
    try:
        futures: list[Future[Done]] = [pool.submit(_finish, item) for item in left]
        for future in as_completed(futures):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def end_with_parent() -> None:
    """End this worker when its parent is killed, which closes no queue: else it would wait for ever."""
    parent = parent_process()

    def wait() -> None:
        parent.join()  # type: ignore[union-attr]  # a worker has a parent
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _finish(item: Work) -> Done:
    start = time.perf_counter()
    config = configuration(item.cell)
    found = usable(item.path, item.cell) if item.path.exists() else None
    for first in range(0, len(item.missing), BATCH):
        seeds = item.missing[first : first + BATCH]
        new = records.Record(config, seeds, run_cell(item.cell, seeds)).ordered()
        found = new if found is None else found.merged(new)
        records.write(item.path, found, time.perf_counter() - start)
    return Done(item, time.perf_counter() - start)


def size_of(work: Sequence[Work]) -> int:
    """Bytes that the records will take, before compression."""
    return sum(
        len(item.seeds)
        * item.cell.rounds
        * (len(QUANTITIES) + len(PER_POSITION) * (horizon_of(item.cell) - 1))
        * BYTES_PER_NUMBER
        for item in work
    )


def seconds_of(work: Sequence[Work]) -> float:
    """CPU seconds that are left, from one measured rate: an update of 48 seeds takes some 10 milliseconds."""
    return sum(
        (0.1 + 0.2 * len(item.missing)) * item.cell.rounds * item.cell.condition.updates / 1000
        for item in work
        if item.missing
    )
