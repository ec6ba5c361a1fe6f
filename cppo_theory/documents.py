"""Instance files: JSON text to checked fields and number tables, and back.

The file form is described in the README (schema ``cppo-instance/1``).  Files are read by `json` with
hooks that refuse duplicate keys and NaN by name, then `msgspec` checks the fields; the number tables
are read by `number_table`, which names the first entry that is wrong.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from cppo_theory.arithmetic import Array, is_exact
from cppo_theory.errors import InputError, indexed

SCHEMA = "cppo-instance/1"

_RATIONAL = re.compile(r"[+-]?([0-9]+/[0-9]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?)")
_NUMBER = 'a number or a rational string such as "1/3" is required'
_FORMAT = "see the file format in the README"
_TOP = "top level"


class SpaceDocument(msgspec.Struct, forbid_unknown_fields=True):
    """The optional field ``space``."""

    kind: str = "tree"
    next: Any = None
    prob: Any = None
    end: list[int] = []
    final_states: int | None = None


class InstanceDocument(msgspec.Struct, forbid_unknown_fields=True):
    """The fields of an instance file; number tables are still nested lists."""

    schema: str
    actions: int
    horizon: int
    initial: Any
    mu: Any
    pi: Any
    reward: Any = None
    space: SpaceDocument | None = None
    step_reward: Any = None
    constraints: dict[str, Any] | None = None
    name: str = ""


def read_document(path: Path) -> InstanceDocument:
    """Fields of an instance file.

    Raises
    ------
    InputError
        If the file is not such a document; the message names the field.
    OSError
        If the file cannot be read.
    """
    return parse_document(read_text(path))


def read_text(path: Path) -> str:
    """The text of a file; `InputError` for bytes that are no text, `OSError` if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        remedy = f"a JSON text is required, {_FORMAT}"
        raise InputError(f"byte {error.start}", "found bytes that are not UTF-8", remedy) from None


def parse_document(text: str) -> InstanceDocument:
    """Fields of the text of an instance file; raises like `read_document`."""
    data = parse_object(text, SCHEMA, InstanceDocument.__struct_fields__)
    if isinstance(data.get("space"), dict):
        check_known("space.", data["space"], SpaceDocument.__struct_fields__)
    try:
        return msgspec.convert(data, InstanceDocument)
    except msgspec.ValidationError as error:
        raise _field_error(str(error), data) from None


def parse_object(text: str, schema: str, known: Sequence[str]) -> dict[str, Any]:
    """The JSON object of a text, with its schema and no unknown or repeated field.

    Raises
    ------
    InputError
        Not JSON, no object, another schema, a field that is not in ``known`` or stands twice.
    """
    try:
        data = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=float)
    except json.JSONDecodeError as error:
        found = f"this is not JSON ({error.msg})" if text.strip() else "the file is empty"
        remedy = f"a JSON object is required, {_FORMAT}"
        raise InputError(f"line {error.lineno} column {error.colno}", found, remedy) from None
    except RecursionError:
        raise InputError(_TOP, "found lists nested too deeply", _FORMAT) from None
    except InputError:
        raise
    except ValueError:
        found = "found an integer of more than 4300 digits"
        raise InputError(_TOP, found, "write the number with fewer digits") from None
    if not isinstance(data, dict):
        remedy = f'a JSON object with the schema "{schema}" is required'
        raise InputError(_TOP, f"found {_shown(data)}", remedy)
    if data.get("schema") != schema:
        found = f"found {_shown(data['schema'])}" if "schema" in data else "the field is missing"
        raise InputError("schema", found, f'"{schema}" is required')
    check_known("", data, known)
    return data


def check_known(prefix: str, fields: dict[str, Any], known: Sequence[str]) -> None:
    """Raise for a field that is not in ``known``, naming the nearest one that is."""
    for field in fields:
        if field not in known:
            near = difflib.get_close_matches(field, known, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known fields are {', '.join(known)}"
            raise InputError(f"{prefix}{field}", "this field is unknown", remedy)


def number_table(field: str, nested: Any, shape: Sequence[int], why: str) -> Array:
    """Nested lists of numbers or rational strings as an array of the required shape.

    Returns
    -------
    array
        Object array of Fractions if every entry is an integer or a rational string; else an object
        array in which the entries that were floats stay floats (the caller settles the tier).

    Raises
    ------
    InputError
        At the first list of a wrong length (``why`` says what sets it), or entry that is no number.
    """
    numbers = [_number(place, item) for place, item in _entries(field, nested, shape, why)]
    flat = np.empty(len(numbers), dtype=object)
    flat[:] = numbers
    return flat.reshape(shape)


def state_table(field: str, nested: Any) -> Array:
    """Nested lists of state numbers as an int array; every list is as long as the first of its depth.

    Raises
    ------
    InputError
        At the first list of another length, or entry that is no integer.
    """
    shape, first = [], nested
    while isinstance(first, list) and first:
        shape.append(len(first))
        first = first[0]
    states = []
    for place, item in _entries(field, nested, shape, "as the first one"):
        if isinstance(item, bool) or not isinstance(item, int) or abs(item) >= 2**62:
            raise InputError(place, f"found {_shown(item)}", "the number of a state is required")
        states.append(item)
    return np.array(states, dtype=np.int64).reshape(shape)


def table_levels(field: str, nested: Any, horizon: int) -> tuple[list[tuple[str, Any]], bool]:
    """Named nested tables of a field, one per level, or a single one if it is ``{"stationary": table}``."""
    if isinstance(nested, dict):
        if set(nested) != {"stationary"}:
            raise InputError(field, f"found the keys {sorted(nested)}", 'only {"stationary": table} is known')
        return [(f"{field}.stationary", nested["stationary"])], True
    if not isinstance(nested, list):
        raise InputError(field, f"found {_shown(nested)}", "a list of one table per level is required")
    if len(nested) != horizon:
        remedy = f"the horizon {horizon} needs one table per level"
        raise InputError(field, f"found a list of {len(nested)} levels", remedy)
    return [(f"{field}[{t}]", table) for t, table in enumerate(nested)], False


def encode_numbers(array: Array) -> Any:
    """Array as nested lists of floats, or of rational strings in the exact tier."""
    return np.asarray(np.frompyfunc(str, 1, 1)(array)).tolist() if is_exact(array) else array.tolist()


def _entries(field: str, nested: Any, shape: Sequence[int], why: str) -> Iterator[tuple[str, Any]]:
    if not shape:
        yield field, nested
        return
    if not isinstance(nested, list) or len(nested) != shape[0]:
        raise InputError(field, f"found {_shown(nested)}", f"a list of {shape[0]} is required ({why})")
    for i, item in enumerate(nested):
        yield from _entries(indexed(field, (i,)), item, shape[1:], why)


def _number(place: str, item: Any) -> Fraction | float:
    if isinstance(item, float):
        if not np.isfinite(item):
            raise InputError(place, f"found {_shown(item)}", "a finite number is required")
        return item
    if isinstance(item, int) and not isinstance(item, bool):
        return Fraction(item)
    if isinstance(item, str):
        return parse_rational(place, item)
    raise InputError(place, f"found {_shown(item)}", _NUMBER)


def parse_rational(place: str, text: str) -> Fraction:
    """The Fraction that a string such as ``1/3``, ``-2`` or ``0.25`` writes."""
    if not _RATIONAL.fullmatch(text):
        raise InputError(place, f"found {_shown(text)}", _NUMBER)
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise InputError(place, f"found {_shown(text)}", "the denominator must not be 0") from None
    except ValueError:
        raise InputError(place, f"found {len(text)} characters", "write it with fewer digits") from None


def _field_error(message: str, data: dict[str, Any]) -> InputError:
    """The error of a field that is missing or of a wrong type, from the message of `msgspec`."""
    if missing := re.fullmatch(r"Object missing required field `(\w+)`", message):
        return InputError(missing[1], "the field is missing", _FORMAT)
    required = re.match(r"Expected `(.+?)`, got", message)
    place = message.partition(" - at `$.")[2].rstrip("`")
    item: Any = data
    for key in re.findall(r"\w+", place):
        item = item[int(key) if isinstance(item, list) else key]
    kinds = {"int": "an integer", "str": "a string", "array": "a list", "object": "an object"}
    known = [kinds.get(kind, kind) for kind in required[1].split(" | ")] if required else []
    return InputError(place, f"found {_shown(item)}", f"{' or '.join(known)} is required; {_FORMAT}")


def _shown(item: Any) -> str:
    """A JSON value for a message: as it is written, if that is short, or what it is."""
    if isinstance(item, dict):
        return "an object"
    if isinstance(item, list):
        return f"a list of {len(item)}"
    text = json.dumps(item)
    return text if len(text) <= 60 else f"{text[:40]}... ({len(text)} characters)"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise InputError(key, "the field stands twice in one object", "keep one of them")
        out[key] = value
    return out
