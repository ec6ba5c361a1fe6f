"""Records of training: one file per cell, per-seed arrays inside; atomic, merged by seed.

A cell is one (condition, rule, setting).  Its record is an ``.npz`` file whose arrays have the seed axis
first, in the order of the seeds, and whose ``config`` entry is the cell's configuration with the hash of the
modules that it runs.  Wall time and versions lie beside it in ``.meta.json``, so that records compare byte
for byte, for any number of workers and whatever seeds were trained together.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import platform
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from cppo_theory.files import write_bytes, write_text
from cppo_theory.version import __version__

Array = Any


class ForeignRecordError(ValueError):
    """A file where a record should be is no record, or that of other code or another configuration."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason

    def __reduce__(self) -> tuple[type[ForeignRecordError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)


class OtherCodeError(ForeignRecordError):
    """The record of the same settings, made by other code."""


@dataclass(frozen=True, eq=False)
class Record:
    """Arrays of one cell; the first axis of each is the seeds."""

    config: dict[str, Any]
    seeds: list[int]
    arrays: dict[str, Array]

    def merged(self, other: Record) -> Record:
        """Both, ordered by seed; seeds of ``other`` replace nothing that is here."""
        new = [i for i, seed in enumerate(other.seeds) if seed not in self.seeds]
        arrays = {name: np.concatenate([x, other.arrays[name][new]]) for name, x in self.arrays.items()}
        return Record(self.config, [*self.seeds, *(other.seeds[i] for i in new)], arrays).ordered()

    def ordered(self) -> Record:
        """The record with its seeds in rising order."""
        return self.only(sorted(self.seeds))

    def only(self, seeds: Sequence[int]) -> Record:
        """The record of some of its seeds, in the order given."""
        places = [self.seeds.index(seed) for seed in seeds]
        return Record(self.config, list(seeds), {name: x[places] for name, x in self.arrays.items()})


def encoded(record: Record) -> bytes:
    """The bytes of a record's file; they depend on the record alone."""
    entries = {"config": np.array(json.dumps(record.config, sort_keys=True)), "seeds": np.array(record.seeds)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, x in sorted({**entries, **{f"by_seed.{n}": x for n, x in record.arrays.items()}}.items()):
            part = io.BytesIO()
            np.save(part, x, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, part.getvalue())
    return buffer.getvalue()


def read(path: Path, config: dict[str, Any] | None = None) -> Record:
    """The record of a file.

    Raises
    ------
    ForeignRecordError
        If it is no record, is damaged, or was made by other code or for other settings than ``config`` has.
    """
    try:
        if path.is_file() and not zipfile.is_zipfile(path):
            raise ValueError("not an .npz archive")
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
            entries = {name: found[name] for name in found.files}
        made = Record(
            json.loads(str(entries["config"])),
            entries["seeds"].tolist(),
            {n.removeprefix("by_seed."): x for n, x in entries.items() if n.startswith("by_seed.")},
        )
    except Exception as error:  # a damaged or a strange file may fail in any way
        reason = str(error) or type(error).__name__
        raise ForeignRecordError(path, f"this is no record ({reason})") from None
    if fault := _fault(made, entries["seeds"]):
        raise ForeignRecordError(path, fault)
    if config is not None and made.config != (asked := json.loads(json.dumps(config))):
        if {**made.config, "code": ""} == {**asked, "code": ""}:
            raise OtherCodeError(path, "the record was made by other code")
        raise ForeignRecordError(path, "the record was made for other settings")
    return made


def _fault(made: Record, seeds: Array) -> str | None:
    """What keeps the content of a file from being a record."""
    config: object = made.config
    if not isinstance(config, dict):
        return f"this is no record (the config is {type(config).__name__}, not an object)"
    if seeds.dtype.kind not in "iu" or seeds.ndim != 1 or len(set(made.seeds)) != len(made.seeds):
        return "this is no record (the seeds are not distinct integers)"
    for name, x in made.arrays.items():
        if x.dtype.kind not in "fiub":
            return f"this is no record ({name} holds no numbers)"
        if x.shape[:1] != seeds.shape:
            return f"the arrays do not have {len(seeds)} seeds"
    return None


@cache
def commit() -> str | None:
    """The commit of the checkout; none outside of one."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def write(path: Path, record: Record, seconds: float) -> None:
    """Write a record, and beside it what may differ between runs."""
    try:
        write_bytes(path, encoded(record))
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk names no file
        raise
    meta = {
        "seconds": round(seconds, 3),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cppo_theory": __version__,
        "commit": commit(),
    }
    write_text(path.with_suffix(".meta.json"), json.dumps(meta, indent=1) + "\n")


def set_aside(path: Path) -> Path:
    """Rename a file that is no usable record, so that nothing is lost; the new name."""
    number = 0
    while (aside := path.with_name(f"{path.name}.aside{number or ''}")).exists():
        number += 1
    path.replace(aside)
    return aside


def digest(paths: Sequence[Path]) -> str:
    """Hash of what some modules do: of their syntax trees without docstrings, so that words do not count."""
    found = hashlib.sha256()
    for path in sorted(paths):
        found.update(path.name.encode() + b"\0" + _statements(path.read_text("utf-8")) + b"\0")
    return found.hexdigest()[:16]


@lru_cache(maxsize=256)
def _statements(text: str) -> bytes:
    """What the text of a module does."""
    return repr(_content(ast.parse(text))).encode()


def _content(part: Any) -> Any:
    """A syntax tree as nested tuples without bare strings and empty fields, which differ between Pythons."""
    if isinstance(part, list):
        return [_content(x) for x in part if not _is_words(x)]
    if not isinstance(part, ast.AST):
        return part
    fields = [(name, _content(x)) for name, x in ast.iter_fields(part)]
    return type(part).__name__, [(name, x) for name, x in fields if x is not None and x != []]


def _is_words(line: Any) -> bool:
    """Whether a statement is a bare string."""
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
