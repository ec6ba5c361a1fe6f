"""Small sizes of every task, and plain ways to follow responses through its machine."""

from itertools import product

import numpy as np
import pytest

from cppo_theory.policy import random_rational_policy
from cppo_theory.tasks import Task, task

SMALL = [
    ("password", {"horizon": 4, "actions": 3, "length": 2, "prompts": 2}),
    ("password", {"horizon": 4, "actions": 3, "length": 4, "prompts": 3, "credit": "partial", "seed": 1}),
    ("password", {"horizon": 5, "actions": 2, "length": 1, "prompts": 2, "credit": "partial"}),
    ("password", {"horizon": 3, "actions": 4, "length": 3, "prompts": 1, "seed": 2}),
    ("modular-sum", {"horizon": 4, "actions": 3, "modulus": 4, "prompts": 4}),
    ("modular-sum", {"horizon": 3, "actions": 5, "modulus": 3}),
    ("modular-sum", {"horizon": 2, "actions": 3, "modulus": 9, "prompts": 7}),
    ("brackets", {"horizon": 6, "depth": 3, "prompts": 3}),
    ("brackets", {"horizon": 5, "depth": 1}),
    ("brackets", {"horizon": 4, "kinds": 2, "depth": 3, "prompts": 3}),
    ("brackets", {"horizon": 3, "kinds": 4, "depth": 2}),
    ("addition", {"horizon": 4, "actions": 3, "digits": 2, "prompts": 4}),
    ("addition", {"horizon": 5, "actions": 3, "digits": 2, "credit": "partial", "seed": 3}),
    ("addition", {"horizon": 4, "actions": 4, "digits": 1, "prompts": 2, "credit": "partial"}),
    ("addition", {"horizon": 3, "actions": 12, "digits": 1, "prompts": 2}),
    ("commitment", {"horizon": 4, "actions": 3, "length": 2, "prompts": 2}),
    ("commitment", {"horizon": 5, "actions": 2, "length": 3, "prompts": 2, "seed": 1}),
    ("commitment", {"horizon": 3, "actions": 4, "length": 1, "prompts": 4}),
    ("commitment", {"horizon": 4, "actions": 2, "length": 2, "prompts": 1}),
    ("state-tracking", {"horizon": 4, "actions": 2, "prompts": 6}),
    ("state-tracking", {"horizon": 3, "actions": 7, "prompts": 3}),
    ("needle", {"horizon": 4, "actions": 3, "place": 1, "prompts": 3}),
    ("needle", {"horizon": 4, "actions": 3, "place": 3, "prompts": 2}),
    ("needle", {"horizon": 5, "actions": 2, "place": 5, "prompts": 1}),
    ("stopping", {"horizon": 5, "actions": 4, "length": 2, "prompts": 2}),
    ("stopping", {"horizon": 4, "actions": 5, "length": 3, "prompts": 1, "seed": 1}),
    ("stopping", {"horizon": 3, "actions": 3, "length": 1, "prompts": 2}),
    ("random-automaton", {"horizon": 4, "actions": 3, "states": 5, "accepting": 2}),
    ("random-automaton", {"horizon": 4, "actions": 3, "states": 5, "accepting": 2, "stationary": True}),
    ("random-automaton", {"horizon": 5, "actions": 2, "states": 2, "seed": 4}),
]
"""Several settings of every task with at most 1,728 responses to a prompt."""

FIRST = list({name: (name, given) for name, given in reversed(SMALL)}.values())[::-1]
"""One setting of every task."""


def title(value):
    """Name of a setting in the list of tests."""
    return value if isinstance(value, str) else "-".join(f"{key}={x}" for key, x in value.items())


every_setting = pytest.mark.parametrize(("name", "given"), SMALL, ids=title)
every_task = pytest.mark.parametrize(("name", "given"), FIRST, ids=title)


def responses(made: Task) -> np.ndarray:
    """All V^T responses, (V^T, T), in lexicographic order."""
    return np.array(list(product(range(made.actions), repeat=made.horizon)))


def follow(made: Task, state: int, tokens: np.ndarray) -> np.ndarray:
    """States that the responses (n, T) pass from a state of level 0 on; (n, T + 1)."""
    states = [np.full(len(tokens), state)]
    for t in range(made.horizon):
        states.append(made.space.table(t)[states[-1], tokens[:, t]])
    return np.stack(states, axis=-1)


def lengths(made: Task, states: np.ndarray) -> list[int]:
    """How many tokens were written before the response was over."""
    return [sum(not made.ended[t][path[t]] for t in range(made.horizon)) for path in states]


def rational_policies(made: Task, seed: int):
    """Two rational policies with zeros, pi << mu; on a stationary machine mu repeats its table."""
    rng = np.random.default_rng(seed)
    mu = random_rational_policy(made.space.sizes, made.actions, rng)
    if made.space.stationary:
        mu = mu[:1] * made.horizon
    return mu, random_rational_policy(made.space.sizes, made.actions, rng, support=mu)


def make(name: str, given: dict) -> Task:
    return task(name, **given)
