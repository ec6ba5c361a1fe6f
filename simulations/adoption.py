"""Take over records of other code whose numbers today's code gives as well.

Most changes of the code change no number.  A record is adopted if some of its seeds, trained anew, come out
bit for bit the same in every recorded quantity; what differs is left to be set aside and made anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from simulations import records
from simulations.cell import run_cell
from simulations.experiment import Cell
from simulations.runner import configuration, end_with_parent, record_path


def adopt(todo: Sequence[Cell], folder: Path, count: int, jobs: int) -> Iterator[tuple[Cell, str]]:
    """Each cell whose record is of other code, with "" once it is adopted, else what differs."""
    waiting = [cell for cell in todo if _is_of_other_code(cell, folder)]
    if jobs == 1:
        yield from ((cell, _adopted(cell, folder, count)) for cell in waiting)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        found = [pool.submit(_adopted, cell, folder, count) for cell in waiting]
        yield from ((cell, future.result()) for cell, future in zip(waiting, found, strict=True))


def _is_of_other_code(cell: Cell, folder: Path) -> bool:
    path = record_path(folder, cell)
    try:
        if path.exists():
            records.read(path, configuration(cell))
    except records.OtherCodeError:
        return True
    except records.ForeignRecordError:
        return False
    return False


def _adopted(cell: Cell, folder: Path, count: int) -> str:
    """Write the record anew with today's code if its first seeds come out the same; else what differs."""
    start, path = time.perf_counter(), record_path(folder, cell)
    old = records.read(path)
    seeds = old.seeds[:count]
    kept, new = old.only(seeds).arrays, run_cell(cell, seeds)
    if set(kept) != set(new):
        return f"other quantities ({', '.join(sorted(set(kept) ^ set(new)))})"
    for name, x in new.items():
        if not np.array_equal(kept[name], x, equal_nan=True):
            return f"{name} differs"
    made = records.Record(configuration(cell), old.seeds, old.arrays)
    records.write(path, made, time.perf_counter() - start)
    return ""
