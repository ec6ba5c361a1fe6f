"""What is drawn, as one table: a figure is drawn from it alone, so its CSV holds every number shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array


class Table:
    """Columns of one length, each of numbers or of words; None is an empty cell.

    Parameters
    ----------
    columns : mapping of name to sequence
        Numbers (floats, integers, Fractions, NumPy scalars) become floats.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self.columns = {name: [_cell(x) for x in values] for name, values in columns.items()}
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns: found lengths {lengths}; one length is required")

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Table:
        """A table from rows; what a row lacks is an empty cell."""
        rows = list(rows)
        names = list(dict.fromkeys(name for row in rows for name in row))
        return cls({name: [row.get(name) for row in rows] for name in names})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def __getitem__(self, name: str) -> Array:
        """A column of numbers as floats, empty cells as nan; (n,)."""
        return np.array([np.nan if x is None else x for x in self.columns[name]], dtype=float)

    def words(self, name: str) -> list[str]:
        """A column of words."""
        return ["" if x is None else str(x) for x in self.columns[name]]

    def distinct(self, name: str) -> list[Any]:
        """The different cells of a column, in the order of their first row."""
        return list(dict.fromkeys(x for x in self.columns[name] if x is not None))

    def where(self, **cells: Any) -> Table:
        """The rows that have these cells."""
        wanted = {name: _cell(x) for name, x in cells.items()}
        chosen = [i for i in range(len(self)) if all(self.columns[n][i] == x for n, x in wanted.items())]
        return self._rows(chosen)

    def by(self, name: str) -> dict[Any, Table]:
        """The rows of each different cell of a column, as `where` gives them, in the order of `distinct`."""
        places: dict[Any, list[int]] = {x: [] for x in self.distinct(name)}
        for i, x in enumerate(self.columns[name]):
            if x is not None:
                places[x].append(i)
        return {x: self._rows(chosen) for x, chosen in places.items()}

    def _rows(self, chosen: Sequence[int]) -> Table:
        return Table({name: [values[i] for i in chosen] for name, values in self.columns.items()})

    def csv(self) -> str:
        """The table as CSV; numbers in the shortest form that reads back as the same float."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_text(x) for x in row] for row in zip(*self.columns.values(), strict=True))
        return out.getvalue()

    @classmethod
    def from_csv(cls, text: str) -> Table:
        """The table that `csv` wrote."""
        names, *rows = csv.reader(io.StringIO(text))
        return cls({name: [_read(row[i]) for row in rows] for i, name in enumerate(names)})


def _cell(x: Any) -> Any:
    """Words as they are, numbers as floats; a float32 as the shortest decimal that it is read from."""
    if x is None or isinstance(x, str):
        return x
    return float(str(x)) if isinstance(x, np.float32) else float(x)


def _text(x: Any) -> str:
    return "" if x is None else x if isinstance(x, str) else repr(x).removesuffix(".0")


def _read(text: str) -> Any:
    try:
        return float(text) if text else None
    except ValueError:
        return text
