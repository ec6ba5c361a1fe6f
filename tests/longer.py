"""The same instance in numpy's longdouble: 64 bits of mantissa on x86, where a float64 has 53."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

import cppo_theory as ct

TABLES = ("initial", "mu", "pi", "reward", "step_reward")


def in_long_doubles(instance: ct.Instance) -> ct.Instance:
    """A copy of a float instance whose every table is wider, past the checks that would round it.

    Where the platform has no wider type the copy is the instance itself, to the last bit.
    """
    made: dict[int, Any] = {}

    def widened(given: Any) -> Any:
        if isinstance(given, list):
            return [widened(table) for table in given]
        if id(given) not in made:  # a table that is shared stays one object
            made[id(given)] = given.astype(np.longdouble)
        return made[id(given)]

    wide = copy.copy(instance)
    for field in TABLES:
        given = getattr(instance, field)
        if given is not None:
            object.__setattr__(wide, field, widened(given))
    return wide
