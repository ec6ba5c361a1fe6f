"""Policies by name: what ``--policies MU,PI`` of the command line means.

    uniform                 every action with probability 1/V (exact)
    softmax:SEED[:SCALE]    softmax of Gaussian logits, standard deviation SCALE (default 1)
    mixture:SHARE:POLICY    (1 - SHARE) mu + SHARE POLICY, SHARE in [0, 1]      (for the target)
    tv:DISTANCE             mu with DISTANCE of its mass moved to action 0       (for the target)
    file:PATH               table of a policy file (schema ``cppo-policy/1``)

A policy file holds ``{"schema": "cppo-policy/1", "policy": [table, ...]}`` with one table (n_t, V) per
level, or ``{"stationary": table}``; numbers as in instance files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, as_numbers, to_float
from cppo_theory.documents import (
    encode_numbers,
    number_table,
    parse_object,
    parse_rational,
    read_text,
    table_levels,
)
from cppo_theory.errors import InputError
from cppo_theory.files import write_text
from cppo_theory.policy import Policy, at_total_variation, mixture, random_policy, uniform_policy
from cppo_theory.spaces import Automaton

SCHEMA = "cppo-policy/1"


def policies(spec: str, space: Automaton) -> tuple[Policy, Policy]:
    """Behaviour and target policy from ``MU,PI``; one policy alone is both.

    Parameters
    ----------
    spec : str
        Two policies as the module describes them, separated by a comma.
    space : Automaton
        A stationary machine gets stationary policies.

    Raises
    ------
    InputError
        An unknown form, a wrong number, or a file that does not fit the space.
    """
    first, comma, second = spec.partition(",")
    mu = policy(first.strip(), space)
    return mu, policy(second.strip(), space, mu) if comma else mu


def policy(spec: str, space: Automaton, mu: Policy | None = None) -> Policy:
    """One policy; ``mu`` is what mixtures and neighbours start from."""
    name, _, rest = spec.partition(":")
    if name not in KINDS:
        raise InputError("policies", f"found {spec!r}", f"known forms are {', '.join(FORMS)}")
    return KINDS[name](rest, space, mu)


def save_policy(tables: Policy, path: Path) -> None:
    """Write a policy file."""
    stationary = len(tables) > 1 and all(table is tables[0] for table in tables)
    encoded: Any = [encode_numbers(table) for table in (tables[:1] if stationary else tables)]
    content = {"schema": SCHEMA, "policy": {"stationary": encoded[0]} if stationary else encoded}
    write_text(path, json.dumps(content, indent=1) + "\n")


def _spread(space: Automaton, made: Callable[[list[int]], Policy]) -> Policy:
    """A policy with one table per level, or one shared table on a stationary machine."""
    if space.stationary:
        return made(list(space.sizes[:2]))[:1] * space.horizon
    return made(list(space.sizes))


def _uniform(rest: str, space: Automaton, mu: Policy | None) -> Policy:
    if rest:
        raise InputError("policies", f"found 'uniform:{rest}'", "uniform has no number")
    return _spread(space, lambda sizes: uniform_policy(sizes, space.actions))


def _softmax(rest: str, space: Automaton, mu: Policy | None) -> Policy:
    seed, _, scale = rest.partition(":")
    if not seed.isdigit():
        raise InputError(
            "policies", f"found 'softmax:{rest}'", "softmax:SEED is required, SEED a number >= 0"
        )
    width = float(_number("softmax", scale)) if scale else 1.0
    rng = np.random.default_rng(int(seed))
    return _spread(space, lambda sizes: random_policy(sizes, space.actions, rng, scale=width))


def _mixture(rest: str, space: Automaton, mu: Policy | None) -> Policy:
    share, colon, other = rest.partition(":")
    if mu is None or not colon:
        raise InputError(
            "policies", f"found 'mixture:{rest}'", "mixture:SHARE:POLICY is for the target policy"
        )
    return _like(mu, policy(other, space, mu), lambda m, p: mixture([m], [p], _number("mixture", share))[0])


def _tv(rest: str, space: Automaton, mu: Policy | None) -> Policy:
    if mu is None:
        raise InputError("policies", f"found 'tv:{rest}'", "tv:DISTANCE is for the target policy")
    distance = _number("tv", rest)
    return _like(mu, mu, lambda m, _: at_total_variation([m], [distance])[0])


def _file(rest: str, space: Automaton, mu: Policy | None) -> Policy:
    content = parse_object(read_text(Path(rest)), SCHEMA, ("schema", "policy"))
    levels, stationary = table_levels("policy", content.get("policy"), space.horizon)
    tables = [
        as_numbers(name, number_table(name, table, (space.sizes[t], space.actions), "states, actions"))
        for t, (name, table) in enumerate(levels)
    ]
    return tables * space.horizon if stationary else tables


KINDS: dict[str, Callable[[str, Automaton, Policy | None], Policy]] = {
    "uniform": _uniform,
    "softmax": _softmax,
    "mixture": _mixture,
    "tv": _tv,
    "file": _file,
}
FORMS = ("uniform", "softmax:SEED[:SCALE]", "mixture:SHARE:POLICY", "tv:DISTANCE", "file:PATH")


def _like(mu: Policy, other: Policy, change: Callable[[Array, Array], Array]) -> Policy:
    """A function of two tables level by level, once where levels share both."""
    made: dict[tuple[int, int], Array] = {}
    out = []
    for pair in zip(mu, other, strict=True):
        key = id(pair[0]), id(pair[1])
        if key not in made:
            exact = all(table.dtype == object for table in pair)
            made[key] = change(*(pair if exact else map(to_float, pair)))
        out.append(made[key])
    return out


def _number(form: str, text: str) -> Fraction:
    try:
        return parse_rational(form, text)
    except InputError as error:
        raise InputError("policies", f"{form}: {error.found}", error.remedy) from None
