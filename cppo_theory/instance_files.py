"""Between the fields of an instance file and the arguments of an `Instance`."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, to_float
from cppo_theory.checks import check_count
from cppo_theory.constraints import Constraints
from cppo_theory.documents import (
    SCHEMA,
    InstanceDocument,
    SpaceDocument,
    check_known,
    encode_numbers,
    number_table,
    state_table,
    table_levels,
)
from cppo_theory.errors import InputError
from cppo_theory.spaces import Automaton, Kernel, PrefixTree, Space

MEMORY_LIMIT = 2**34
"""Largest memory, in bytes, that the tables of one instance may need: 16 GiB."""


class TierWarning(UserWarning):
    """Exact and float numbers were mixed, so everything is computed in float64."""


def instance_arguments(document: InstanceDocument) -> dict[str, Any]:
    """Arguments of `Instance` from the fields of a file.

    Raises
    ------
    InputError
        A field has a wrong shape or value; the message names the first bad index.
    """
    check_count("actions", document.actions)
    check_count("horizon", document.horizon)
    if not isinstance(document.initial, list) or not document.initial:
        raise InputError("initial", "found no probabilities", "a list of one number per prompt is required")
    space = _space(document)
    sizes, actions = space.sizes, space.actions
    arguments: dict[str, Any] = {"space": space, "name": document.name}
    arguments["initial"] = number_table(
        "initial", document.initial, sizes[:1], f"level 0 has {sizes[0]} states"
    )
    for field in ("mu", "pi", "step_reward"):
        nested = getattr(document, field)
        if nested is None and field == "step_reward":
            continue
        levels, stationary = table_levels(field, nested, document.horizon)
        if stationary and len(set(sizes[:-1])) > 1:
            raise InputError(
                field, "found one stationary table", "levels of unequal size need one table each"
            )
        tables = [
            number_table(name, table, _shape(space, t, field, table), f"{sizes[t]} states, {actions} actions")
            for t, (name, table) in enumerate(levels)
        ]
        arguments[field] = tables * document.horizon if stationary else tables
    if document.reward is None and document.step_reward is None:
        raise InputError("reward", "the field is missing", "give reward, step_reward or both")
    if document.reward is not None:
        why = f"there are {sizes[-1]} final states"
        arguments["reward"] = number_table("reward", document.reward, sizes[-1:], why)
    constraints = arguments["constraints"] = _constraints(document)
    if constraints is not None and not constraints.exact:
        arguments["initial"] = to_float(arguments["initial"])
    return arguments


def warn_if_mixed(document: InstanceDocument) -> None:
    """Say that the exact tier is refused, where rational strings stand beside floats."""
    fields = ("initial", "mu", "pi", "reward", "step_reward", "constraints")
    prob = None if document.space is None else document.space.prob
    raw = [prob, *(getattr(document, field) for field in fields)]
    if _contains(raw, float) and _contains(raw, str):
        message = "exact and float numbers are mixed: the exact tier is refused, all is computed in float64"
        warnings.warn(message, TierWarning, stacklevel=3)


def encode_instance(
    space: Space, fields: dict[str, Any], constraints: Constraints | None, name: str
) -> dict[str, Any]:
    """JSON-ready object of an instance file; inverse of `instance_arguments`."""
    out: dict[str, Any] = {"schema": SCHEMA}
    if name:
        out["name"] = name
    out |= {"actions": space.actions, "horizon": space.horizon}
    described = _describe(space)
    if described:
        out["space"] = described
    out["initial"] = encode_numbers(fields["initial"])
    for field in ("mu", "pi", "step_reward"):
        if fields[field] is not None:
            out[field] = _encode_levels(fields[field])
    out["reward"] = encode_numbers(fields["reward"])
    if constraints is not None:
        out["constraints"] = _encode_constraints(constraints)
    return out


def tree_memory(actions: int, horizon: int, prompts: int) -> float:
    """Bytes that mu, pi and the reward of a tree need in float64; inf beyond the range of floats."""
    log_states = horizon * math.log2(actions) + math.log2(prompts)
    return 8 * 5 * 2**log_states if log_states < 1000 else math.inf


def _space(document: InstanceDocument) -> Space:
    given, horizon = document.space or SpaceDocument(), document.horizon
    _check_memory("horizon", f"{horizon}", 256 * horizon, "lower the horizon")
    if given.kind == "tree":
        for field in ("next", "prob", "final_states"):
            if getattr(given, field) is not None:
                remedy = 'a tree has none; give "kind": "automaton" or "kernel"'
                raise InputError(f"space.{field}", "found in a tree", remedy)
        _check_tree_size(document.actions, horizon, len(document.initial))
        with _inside("space"):
            return PrefixTree(document.actions, horizon, len(document.initial), tuple(given.end))
    if given.kind not in ("automaton", "kernel"):
        found = f"found {json.dumps(given.kind)}"
        raise InputError("space.kind", found, '"tree", "automaton" or "kernel" is required')
    if given.end:
        remedy = "in an automaton or a kernel give the ended state a row that returns to itself"
        raise InputError("space.end", "found end tokens, which belong to a tree", remedy)
    if given.next is None:
        raise InputError("space.next", "the field is missing", f"give the successors of the {given.kind}")
    space = _machine(document)
    if space.actions != document.actions:
        raise InputError("actions", f"found {document.actions}", f"space.next has {space.actions} actions")
    last = space.sizes[-1]
    _check_memory("space", f"{last} final states", 8 * last, "leave out states that nothing leads to")
    return space


def _machine(document: InstanceDocument) -> Space:
    given, horizon = document.space or SpaceDocument(), document.horizon
    next_ = _successors(given.next, horizon, rank=2 if given.kind == "automaton" else 3)
    stationary = isinstance(next_, np.ndarray)
    last = given.final_states
    if last is None and isinstance(document.reward, list):
        last = len(document.reward)
    if given.kind == "automaton":
        if given.prob is not None:
            raise InputError("space.prob", "found in an automaton", 'give "kind": "kernel"')
        with _inside("space"):
            return Automaton(next_, horizon, last)
    prob = [
        number_table(name, table, np.shape(like), "the shape of next")
        for name, table, like in _paired(given.prob, next_, horizon)
    ]
    if stationary and len(prob) > 1:  # one table of successors, probabilities per level
        next_, stationary = [next_] * horizon, False
    with _inside("space"):
        return Kernel(next_, prob[0] if stationary else prob, horizon, last)


@contextmanager
def _inside(field: str) -> Iterator[None]:
    """Name the fields of errors as they stand in the file, inside an object."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{field}.{error.field}", error.found, error.remedy) from None


def _successors(nested: Any, horizon: int, rank: int) -> Any:
    """Successor tables as int arrays: one array if stationary, else a list."""
    levels, stationary = table_levels("space.next", _stationary(nested, rank), horizon)
    tables = [state_table(name, table) for name, table in levels]
    return tables[0] if stationary else tables


def _stationary(nested: Any, rank: int) -> Any:
    """A table that stands alone, recognised by its depth, in the form of a stationary one."""
    depth, first = 0, nested
    while isinstance(first, list) and first:
        depth, first = depth + 1, first[0]
    return {"stationary": nested} if depth == rank else nested


def _paired(prob: Any, next_: Any, horizon: int) -> list[tuple[str, Any, Array]]:
    if prob is None:
        raise InputError("space.prob", "the field is missing", "a kernel needs probabilities")
    levels, stationary = table_levels("space.prob", _stationary(prob, 3), horizon)
    tables = [next_] * len(levels) if isinstance(next_, np.ndarray) else next_
    levels = levels * len(tables) if stationary else levels
    return [(name, table, like) for (name, table), like in zip(levels, tables, strict=True)]


def _shape(space: Space, t: int, field: str, table: Any) -> tuple[int, ...]:
    shape = (space.sizes[t], space.actions)
    if field == "step_reward" and isinstance(space, Kernel):
        branches = space.table(t)[0].shape[-1]
        first = table
        for _ in range(2):
            first = first[0] if isinstance(first, list) and first else None
        return (*shape, branches) if isinstance(first, list) else shape
    return shape


def _constraints(document: InstanceDocument) -> Constraints | None:
    given = document.constraints
    if given is None:
        return None
    check_known("constraints.", given, ("weights", "thresholds", "delta_b", "delta", "w_min"))
    for field, instead in (("w_min", "weights"), ("delta", "thresholds")):
        if field in given and instead in given:
            raise InputError(f"constraints.{field}", f"{instead} is given too", "keep one of them")
    why = f"the horizon is {document.horizon}"
    numbers = {
        field: number_table(f"constraints.{field}", given[field], (), "").item()
        for field in ("delta", "delta_b", "w_min")
        if given.get(field) is not None
    }
    with _inside("constraints"):
        schedule = Constraints.schedule(document.horizon, **numbers)
    arrays = {
        field: number_table(f"constraints.{field}", given[field], (document.horizon,), why)
        for field in ("weights", "thresholds")
        if given.get(field) is not None
    }
    with _inside("constraints"):
        return Constraints(
            arrays.get("weights", schedule.weights),
            arrays.get("thresholds", schedule.thresholds),
            schedule.delta_b,
        )


def _contains(nested: Any, kind: type) -> bool:
    if isinstance(nested, dict):
        nested = list(nested.values())
    return (
        any(_contains(item, kind) for item in nested)
        if isinstance(nested, list)
        else isinstance(nested, kind)
    )


def _check_tree_size(actions: int, horizon: int, prompts: int) -> None:
    power = horizon * math.log10(actions) + math.log10(prompts)
    found = f"{horizon}, a tree with {prompts} x {actions}^{horizon} = 10^{power:.1f} leaves"
    remedy = "lower the horizon, or write the instance as an automaton"
    _check_memory("horizon", found, tree_memory(actions, horizon, prompts), remedy)


def _check_memory(field: str, found: str, need: float, remedy: str) -> None:
    if need > MEMORY_LIMIT:
        amount = f"{need / 2**30:,.0f} GiB" if need < 2**60 else "more than 10^9 GiB"
        raise InputError(field, f"found {found}", f"it would need {amount} of memory; {remedy}")


def _describe(space: Space) -> dict[str, Any]:
    if isinstance(space, PrefixTree):
        return {"kind": "tree", "end": list(space.end)} if space.end else {}
    assert isinstance(space, Automaton | Kernel)
    out: dict[str, Any] = {"kind": space.kind, "next": _by_level(space.next, space.stationary)}
    if isinstance(space, Kernel):
        out["prob"] = _by_level(space.prob, space.stationary)
    if not space.stationary:
        out["final_states"] = space.sizes[-1]
    return out


def _by_level(tables: list[Array], stationary: bool) -> Any:
    encoded = [table.tolist() if table.dtype.kind == "i" else encode_numbers(table) for table in tables]
    return {"stationary": encoded[0]} if stationary else encoded


def _encode_levels(tables: list[Array]) -> Any:
    stationary = len(tables) > 1 and all(table is tables[0] for table in tables)
    return {"stationary": _encode_table(tables[0])} if stationary else [_encode_table(t) for t in tables]


def _encode_table(table: Array) -> Any:
    """A table; step rewards of a kernel that are one for all successors, (n, V, 1), are written (n, V)."""
    return encode_numbers(table[..., 0] if table.ndim == 3 and table.shape[-1] == 1 else table)


def _encode_constraints(constraints: Constraints) -> dict[str, Any]:
    out: dict[str, Any] = {"weights": encode_numbers(constraints.weights)}
    if constraints.thresholds is not None:
        out["thresholds"] = encode_numbers(constraints.thresholds)
    if constraints.delta_b is not None:
        delta_b = constraints.delta_b
        out["delta_b"] = delta_b if isinstance(delta_b, float) else str(delta_b)
    return out
