"""Streams of responses: lines of a file, gzip or plain, or of the standard input; one at a time."""

from __future__ import annotations

import difflib
import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from cppo_theory.errors import InputError
from cppo_theory.rollouts.schema import SCHEMA, Rollout

_DECODER = msgspec.json.Decoder(Rollout)
_REQUIRED = "see the file form of rollouts in the README"
_GZIP = b"\x1f\x8b"


def read_rollouts(path: Path) -> Iterator[tuple[str, Rollout]]:
    """Place (file and line) and content of every response of a file; ``-`` is the standard input.

    Raises
    ------
    InputError
        If the file cannot be read, or a line is no rollout; the message names line and field.
    """
    name = "stdin" if str(path) == "-" else str(path)
    number = 0
    try:
        with _opened(path) as stream:
            for number, line in enumerate(stream, start=1):
                yield f"{name} line {number}", parse_rollout(f"{name} line {number}", line)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise InputError(f"{name} line {number + 1}", f"bad gzip data ({error})", "repack it") from None
        remedy = "give the path of a rollout file, or - for the standard input"
        raise InputError(name, f"the file cannot be read ({error.strerror or error})", remedy) from None
    except (EOFError, zlib.error) as error:
        raise InputError(
            f"{name} line {number + 1}", f"the gzip data are cut off ({error})", "repack it"
        ) from None
    if number == 0:
        raise InputError(name, "the file is empty", "one response per line is required")


def parse_rollout(place: str, line: bytes) -> Rollout:
    """The response of one line; NaN and Infinity are read as numbers and left to the checks."""
    try:
        rollout = _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        rollout = _slowly(place, line)
    if rollout.schema != SCHEMA:
        raise InputError(f"{place}: schema", f"found {rollout.schema!r}", f'"{SCHEMA}" is required')
    return rollout


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    is_stdin = str(path) == "-"
    raw: Any = sys.stdin.buffer if is_stdin else path.open("rb")
    try:
        start = raw.peek(2)[:2] if hasattr(raw, "peek") else b""
        if start == _GZIP:
            with gzip.open(raw) as packed:
                yield packed  # type: ignore[misc]  # a GzipFile is a stream of bytes
        else:
            yield raw
    finally:
        if not is_stdin:
            raw.close()


def _slowly(place: str, line: bytes) -> Rollout:
    """A line that the decoder refuses: with a NaN or Infinity, as Python writes them, or with a mistake."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} at character {error.pos + 1}"
        found = f"this is not JSON ({reason})" if line.strip() else "the line is empty"
        raise InputError(place, found, f"one JSON object per line is required; {_REQUIRED}") from None
    try:
        return msgspec.convert(data, Rollout)
    except msgspec.ValidationError as error:
        raise _field_error(place, str(error), data) from None


def _field_error(place: str, message: str, data: Any) -> InputError:
    """The error of a field, from the message of `msgspec`."""
    if isinstance(data, dict) and data.get("schema") != SCHEMA:
        found = f"found {data['schema']!r}" if "schema" in data else "the field is missing"
        return InputError(f"{place}: schema", found, f'"{SCHEMA}" is required')
    path = message.partition(" - at `$")[2].rstrip("`").lstrip(".")
    prefix = f"{path}." if path else ""
    if missing := re.match(r"Object missing required field `(\w+)`", message):
        return InputError(f"{place}: {prefix}{missing[1]}", "the field is missing", _REQUIRED)
    if unknown := re.match(r"Object contains unknown field `(.*?)`", message):
        known = _fields_at(path)
        near = difflib.get_close_matches(unknown[1], known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known fields are {', '.join(known)}"
        return InputError(
            f"{place}: {prefix}{unknown[1]}", "this field is unknown", f"{remedy} (meta takes any)"
        )
    return InputError(f"{place}: {path or 'top level'}", _lowered(message.partition(" - at ")[0]), _REQUIRED)


def _fields_at(path: str) -> list[str]:
    kinds: dict[str, Any] = {field.name: field.type for field in msgspec.structs.fields(Rollout)}
    for part in [p for p in path.split(".") if p]:
        options = getattr(kinds[part], "__args__", (kinds[part],))
        kinds = {f.name: f.type for f in msgspec.structs.fields(options[0])}
    return list(kinds)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:].replace("`", "")
