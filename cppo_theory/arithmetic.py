"""Two arithmetic tiers behind one code: float64 arrays and ``object`` arrays of ``Fraction``.

The exact tier is used if and only if every number given is an integer or a rational.  All kernels
of the package use only + - * /, sums, products, max and comparison, so they run on both; what
depends on the tier (constants, the type of a result, tolerances) is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cppo_theory.errors import InputError, indexed

Array = NDArray[Any]
Number = Fraction | float

MAX_FLOAT = float(np.finfo(np.float64).max)

NO_PATH = float("-inf")
"""Score of a state that no path reaches; below every Fraction and every float."""

ROW_SUM_TOLERANCE = 1e-12
"""How far a float row may be from summing to one: rounding of a few dozen terms, no more."""


def is_exact(array: Array) -> bool:
    """Whether an array belongs to the exact tier."""
    return array.dtype == object


def zero(like: Array) -> Any:
    """The 0 of an array's tier (a plain ``0`` in an object array would leak ``int`` results)."""
    return Fraction(0) if is_exact(like) else 0.0


def full(shape: Sequence[int], value: Number | int, like: Array) -> Array:
    """Constant array of the tier of ``like``, at least as wide as float64; shape (..., n)."""
    if is_exact(like):
        return np.full(shape, value if value == NO_PATH else Fraction(value), dtype=object)
    return np.full(shape, float(value), dtype=np.result_type(like.dtype, np.float64))


def to_float(array: Array, field: str = "number") -> Array:
    """The same numbers as float64; `InputError` for a Fraction beyond their range."""
    try:
        return array.astype(np.float64)
    except OverflowError:
        index = next(i for i in np.ndindex(array.shape) if abs(array[i]) > MAX_FLOAT)
        found = "found a number beyond the range of floats"
        raise InputError(indexed(field, index), found, "write a smaller one, or make all exact") from None


def to_exact(array: Array) -> Array:
    """The same numbers as Fractions; a float is taken at its exact binary value."""
    return as_numbers("array", np.frompyfunc(Fraction, 1, 1)(array))


def dot(x: Array, y: Array) -> Array:
    """Sum over the last axis of x * y; shape (..., n, V) to (..., n)."""
    if is_exact(x) or is_exact(y):
        return np.asarray((x * y).sum(-1), dtype=object)
    return np.asarray(np.einsum("...a,...a->...", x, y))


def positive_part(x: Array) -> Array:
    """max(x, 0) entry by entry, in the tier of ``x``."""
    return np.asarray(np.maximum(x, zero(x)))


def absolute(x: Array) -> Array:
    """|x| entry by entry, in the tier of ``x``."""
    return np.asarray(abs(x))


def ratio(x: Array, y: Array) -> Array:
    """x / y where y is not 0, and 0 elsewhere; both of one tier."""
    safe = np.where(y == 0, full((), 1, y), y)
    return np.asarray(np.where(y == 0, zero(x), x / safe))


def exclusive_sums(x: Array) -> Array:
    """0, x_1, x_1 + x_2, ...: shape (..., T) to (..., T + 1)."""
    start = full((*x.shape[:-1], 1), 0, x)
    return np.concatenate([start, np.cumsum(x, axis=-1)], axis=-1)


def later_sums(x: Array) -> Array:
    """Entry t is the sum of the entries after t: shape (..., T), last entry 0."""
    return exclusive_sums(x[..., ::-1])[..., -2::-1]


def scalar(value: Any) -> Number:
    """A rank-0 result as a plain Fraction or float."""
    item = value.item() if isinstance(value, np.ndarray) else value
    return Fraction(item) if isinstance(item, Rational) else float(item)


def as_numbers(field: str, values: Any) -> Array:
    """Numbers of any accepted kind as a float64 array or an object array of Fractions.

    Parameters
    ----------
    field : str
        Name used in errors.
    values : array_like
        Floats, integers, Fractions, or nested sequences of them.  Integers and Fractions alone
        give the exact tier; one float makes all float64.

    Raises
    ------
    InputError
        If the rows are ragged, or an entry is not a finite real number.
    """
    array = values if isinstance(values, np.ndarray) else _from_nested(field, values)
    if array.dtype.kind in "iu":
        array = array.astype(object)
    if array.dtype == object:
        array = _from_objects(field, array)
    elif array.dtype.kind != "f":
        raise TypeError(f"{field}: found entries of type {array.dtype}; numbers are required")
    if not is_exact(array):
        array = array.astype(np.float64, copy=False)
        _check_finite(field, array)
    return array


def in_one_tier(*arrays: Array) -> list[Array]:
    """The arrays as they are if all are exact, else all in float64 (a mixture would be neither)."""
    return list(arrays) if one_tier(arrays) else [to_float(array) for array in arrays]


def one_tier(arrays: Iterable[Array]) -> bool:
    """Whether all arrays are exact, so that the exact tier can be used."""
    return all(is_exact(array) for array in arrays)


def rectangular(field: str, values: Any) -> Array:
    """Nested sequences as an array of whatever type; ragged rows are an `InputError`."""
    try:
        return np.asarray(values)
    except ValueError:
        place, found = _first_ragged(field, values)
        raise InputError(place, found, "all rows of a table must have one length") from None


def _from_nested(field: str, values: Any) -> Array:
    array = rectangular(field, values)
    return array if array.dtype.kind in "iuf" else np.asarray(values, dtype=object)


def _first_ragged(field: str, values: Any) -> tuple[str, str]:
    """Place and description of the first row whose length differs from its first neighbour."""
    lengths = [len(v) if isinstance(v, Sequence | np.ndarray) else None for v in values]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            return f"{field}[{i}]", f"found length {length} where {field}[0] has {lengths[0]}"
    for i, row in enumerate(values):
        try:
            np.asarray(row)
        except ValueError:
            return _first_ragged(f"{field}[{i}]", row)
    return field, f"found rows of unequal shape (the first is {field}[0])"


def _from_objects(field: str, array: Array) -> Array:
    flat = array.ravel()
    out = np.empty(flat.shape, dtype=object)
    has_float = False
    for i, item in enumerate(flat):
        if isinstance(item, Rational | np.integer) and not _is_bool(item):
            out[i] = Fraction(int(item.numerator), int(item.denominator))
        elif isinstance(item, float | np.floating):
            out[i], has_float = float(item), True
        else:
            place = indexed(field, np.argwhere(np.ones(array.shape, dtype=bool))[i])
            raise TypeError(f"{place}: found {item!r}; an integer, a Fraction or a float is required")
    table: Array = out.reshape(array.shape)
    return to_float(table, field) if has_float else table


def _is_bool(item: object) -> bool:
    """Python counts True as a Rational; a table of truth values is a mistake."""
    return isinstance(item, bool)


def _check_finite(field: str, array: Array) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        found = array[tuple(bad[0])]
        raise InputError(indexed(field, bad[0]), f"found {found}", "a finite number is required")
