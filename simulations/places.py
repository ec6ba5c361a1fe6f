"""Where a field of an experiment stands in its TOML file: the line of ``condition[1].rate``."""

from __future__ import annotations

import re

HEADER = re.compile(r"^\s*\[(\[)?\s*([\w.\"'-]+)\s*\]")


def line_of(text: str, place: str) -> int | None:
    """Line of a field, from 1: of its key, else of the header of its table; None where neither is found.

    Parameters
    ----------
    text : str
    place : str
        Names and indices, as in ``presets.smoke.seeds``, ``rule[0].settings[1]`` or ``headline``.
    """
    table, *rest = re.findall(r"[^.\[\]]+", place) or [""]
    lines = text.splitlines()
    headers = [(i, found[2], found[1] is not None) for i, x in enumerate(lines) if (found := HEADER.match(x))]
    if rest and rest[0].isdecimal():
        starts = [i for i, name, is_array in headers if is_array and name == table]
        start, keys = (starts[int(rest[0])] if int(rest[0]) < len(starts) else None), rest[1:]
    elif rest:
        start, keys = next((i for i, name, _ in headers if name == f"{table}.{rest[0]}"), None), rest[1:]
    else:
        start, keys = -1, [table]
    if start is None:
        return None
    end = next((i for i, *_ in headers if i > start), len(lines))
    for i in range(start + 1, end):
        if keys and re.match(rf"\s*[\"']?{re.escape(keys[0])}[\"']?\s*=", lines[i]):
            return i + 1
    return None if start < 0 else start + 1


def named(text: str, place: str) -> str:
    """A place with its line in front, where that is found."""
    line = line_of(text, place)
    return place if line is None else f"line {line}: {place}"
