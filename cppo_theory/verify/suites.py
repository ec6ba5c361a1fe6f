"""The instances that `verify` checks: families of subjects, each drawn from the seed alone.

A unit of work is one (suite, index); it is built where it is run, from a generator keyed by the
seed, the suite and the index, so that results do not depend on how units are spread over workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array
from cppo_theory.documents import parse_document
from cppo_theory.errors import InputError
from cppo_theory.gymnasium_tables import from_gymnasium
from cppo_theory.instance import Instance
from cppo_theory.instance_files import instance_arguments
from cppo_theory.policy import (
    Policy,
    at_total_variation,
    mixture,
    random_policy,
    random_rational_policy,
    softmax,
)
from cppo_theory.spaces import Automaton, Kernel, PrefixTree, Space
from cppo_theory.tables import jump_family
from cppo_theory.tasks import TASKS, ascend
from cppo_theory.tasks import task as make_task
from cppo_theory.trees import unroll

Built = Iterator[Instance]
BATCH = 10_000
"""Instances of one float batch."""

GOLDEN = ("I1_T2V2_state_dependent", "I2_T3V2_jump_family_worst_reward")


@dataclass(frozen=True)
class Suite:
    """A family of instances; ``sizes`` are its numbers of units in smoke, paper and full."""

    name: str
    description: str
    build: Callable[[np.random.Generator, int], Built]
    sizes: tuple[int, int, int]


def golden_instance(name: str) -> Instance:
    """A golden instance of the package by the stem of its file, for example ``GOLDEN[0]``."""
    resource = files("cppo_theory").joinpath("data", f"{name}.instance.json")
    return Instance(**instance_arguments(parse_document(resource.read_text(encoding="utf-8"))))


def _golden(rng: np.random.Generator, index: int) -> Built:
    instance = golden_instance(GOLDEN[index % len(GOLDEN)])
    yield instance
    yield instance.in_floats()


def _absorb(policy: Policy, space: PrefixTree) -> Policy:
    """The policy with probability 1 on the first end token after any end token."""
    out = []
    for t, table in enumerate(policy):
        ended, absorbed = space.ended(t), table.copy()
        absorbed[..., ended, :] = Fraction(0)
        absorbed[..., ended, space.end[0]] = Fraction(1)
        out.append(absorbed)
    return out


def _rational_law(rng: np.random.Generator, prompts: int) -> Array:
    counts = rng.integers(0, 5, prompts).astype(object)
    counts[rng.integers(prompts)] += 1
    return np.asarray(np.frompyfunc(Fraction, 2, 1)(counts, counts.sum()))


def _rewards(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(np.frompyfunc(Fraction, 2, 1)(rng.integers(-6, 7, shape).astype(object), 4))


def _policies(rng: np.random.Generator, space: Space) -> tuple[Policy, Policy]:
    mu = random_rational_policy(space.sizes, space.actions, rng)
    return mu, random_rational_policy(space.sizes, space.actions, rng, support=mu)


def _rational_tree(rng: np.random.Generator, index: int) -> Built:
    """State- and path-dependent rows, several prompts, sometimes an end token or step rewards."""
    actions, horizon = int(rng.integers(2, 5)), int(rng.integers(1, 6))
    while actions**horizon > 256:
        horizon -= 1
    prompts = int(rng.integers(1, 4))
    end = (int(rng.integers(actions)),) if index % 3 == 1 else ()
    space = PrefixTree(actions, horizon, prompts, end)
    mu, pi = _policies(rng, space)
    if end:
        mu, pi = _absorb(mu, space), _absorb(pi, space)
    steps = [_rewards(rng, (n, actions)) for n in space.sizes[:-1]] if index % 4 == 2 else None
    law, reward = _rational_law(rng, prompts), _rewards(rng, space.sizes[-1:])
    yield Instance(space, law, mu, pi, reward, steps, name=f"rational tree {index}")


def _large_rational_tree(rng: np.random.Generator, index: int) -> Built:
    space = PrefixTree(4, 5)
    mu, pi = _policies(rng, space)
    yield Instance(space, _rational_law(rng, 1), mu, pi, _rewards(rng, space.sizes[-1:]))


def _rational_machine(rng: np.random.Generator, index: int) -> Built:
    """An automaton and a kernel, stationary or not, with step rewards on every second one."""
    actions, horizon, states = int(rng.integers(2, 5)), int(rng.integers(1, 9)), int(rng.integers(2, 6))
    levels = None if index % 2 else [int(n) for n in rng.integers(1, 5, horizon + 1)]
    sizes = [states] * (horizon + 1) if levels is None else levels
    shapes = [(n, actions) for n in (sizes[:1] if levels is None else sizes[:-1])]
    automaton = [rng.integers(0, sizes[t + 1], shape) for t, shape in enumerate(shapes)]
    kernel = [rng.integers(0, sizes[t + 1], (*shape, 3)) for t, shape in enumerate(shapes)]
    prob = random_rational_policy([n * actions for n, _ in shapes] + [1], 3, rng)
    prob = [table.reshape(*shape, 3) for table, shape in zip(prob, shapes, strict=True)]
    spaces: list[Space]
    if levels is None:
        spaces = [Automaton(automaton[0], horizon), Kernel(kernel[0], prob[0], horizon)]
    else:
        spaces = [Automaton(automaton, horizon, sizes[-1]), Kernel(kernel, prob, horizon, sizes[-1])]
    for space in spaces:
        mu, pi = _policies(rng, space)
        if levels is None:
            mu, pi = mu[:1] * horizon, pi[:1] * horizon
        branches = (3,) if isinstance(space, Kernel) else ()
        steps = [_rewards(rng, (n, actions, *branches)) for n in sizes[:-1]] if index % 4 < 2 else None
        law, reward = _rational_law(rng, sizes[0]), _rewards(rng, (sizes[-1],))
        yield Instance(space, law, mu, pi, reward, steps, name=f"rational {space.kind} {index}")


_SHAPES = ((2, 3), (3, 3), (2, 5), (4, 3), (5, 2), (2, 1), (3, 4))


def _float_space(index: int) -> PrefixTree:
    actions, horizon = _SHAPES[index % len(_SHAPES)]
    return PrefixTree(actions, horizon)


def _float_batch(rng: np.random.Generator, space: PrefixTree, mu: Policy, pi: Policy, name: str) -> Instance:
    reward = rng.uniform(-1.0, 1.0, (BATCH, space.sizes[-1]))
    return Instance(space, np.ones(1), mu, pi, reward, name=name)


def _float_trees(rng: np.random.Generator, index: int) -> Built:
    space = _float_space(index)
    mu, pi = (random_policy(space.sizes, space.actions, rng, (BATCH,)) for _ in range(2))
    yield _float_batch(rng, space, mu, pi, "float trees")


def _prescribed_tv(rng: np.random.Generator, index: int) -> Built:
    """pi at a chosen total variation from mu in every state, in floats and in rationals."""
    space = _float_space(index)
    mu = random_policy(space.sizes, space.actions, rng, (BATCH,))
    limits = [rng.uniform(0.0, 1.0, (BATCH, 1)) * (1.0 - table[..., 0]) for table in mu]
    yield _float_batch(rng, space, mu, at_total_variation(mu, limits), "prescribed TV")
    raised = [table + Fraction(1, 9) for table in _policies(rng, space)[0]]
    exact = [table / table.sum(-1, keepdims=True) for table in raised]
    steps = [Fraction(int(rng.integers(0, 8)), 8) * (1 - table[..., 0]) for table in exact]
    reward = _rewards(rng, space.sizes[-1:])
    yield Instance(
        space, np.array([1]), exact, at_total_variation(exact, steps), reward, name="prescribed TV"
    )


def _mixtures(rng: np.random.Generator, index: int) -> Built:
    """pi a mixture with mu: shares over (0, 1) in floats, and near-identical rationals."""
    space = _float_space(index)
    mu, other = (random_policy(space.sizes, space.actions, rng, (BATCH,)) for _ in range(2))
    yield _float_batch(rng, space, mu, mixture(mu, other, rng.uniform(0, 1, BATCH)), "mixture")
    mu, other = _policies(rng, space)
    reward = _rewards(rng, space.sizes[-1:])
    for share in (Fraction(1, 3), Fraction(1, 10**6)):
        yield Instance(space, np.array([1]), mu, mixture(mu, other, share), reward, name=f"mixture {share}")


def _near_deterministic(rng: np.random.Generator, index: int) -> Built:
    space = _float_space(index)
    mu, pi = (random_policy(space.sizes, space.actions, rng, (BATCH,), scale=12.0) for _ in range(2))
    yield _float_batch(rng, space, mu, pi, "near-deterministic")


def _near_identical(rng: np.random.Generator, index: int) -> Built:
    space = _float_space(index)
    mu, other = (random_policy(space.sizes, space.actions, rng, (BATCH,)) for _ in range(2))
    yield _float_batch(rng, space, mu, mixture(mu, other, 1e-6), "near-identical")


def _jump_family(rng: np.random.Generator, index: int) -> Built:
    """The worst case of the token bounds, at uneven thresholds and at a shrinking one."""
    horizon = int(rng.integers(1, 8))
    uneven = [Fraction(int(rng.integers(0, 10)), 20) for _ in range(horizon)]
    yield jump_family(uneven, Fraction(1, 10 ** int(rng.integers(1, 7))))
    yield jump_family([Fraction(1, 10 ** int(rng.integers(2, 5)))] * horizon, Fraction(1, 10**9))


_TABLES = (("FrozenLake-v1", 50), ("CliffWalking-v1", 50), ("Taxi-v4", 20))


def _gymnasium(rng: np.random.Generator, index: int) -> Built:
    name, horizon = _TABLES[index % len(_TABLES)]
    states = from_gymnasium(name, 1).space.sizes[0] - 1
    actions = from_gymnasium(name, 1).actions
    mu, other = (random_policy([states, 1], actions, rng)[0] for _ in range(2))
    near = mixture([mu], [other], float(rng.uniform(0.02, 0.5)))[0]
    yield from_gymnasium(name, horizon, policy=mu, target=near)


_SMALL: dict[str, dict[str, Any]] = {
    "password": {"horizon": 4, "actions": 2, "length": 3, "credit": "partial"},
    "modular-sum": {"horizon": 4, "actions": 3, "modulus": 4},
    "brackets": {"horizon": 5, "depth": 2},
    "addition": {"horizon": 4, "actions": 3, "digits": 2, "prompts": 2},
    "commitment": {"horizon": 4, "actions": 2, "length": 2},
    "state-tracking": {"horizon": 5, "actions": 3},
    "needle": {"horizon": 4, "actions": 3, "place": 2},
    "stopping": {"horizon": 4, "actions": 4, "length": 2},
    "random-automaton": {"horizon": 4, "actions": 3, "states": 5},
}


def _tasks(rng: np.random.Generator, index: int) -> Built:
    """One task: its tree with rational policies, exact; its automaton after exact policy gradients."""
    name = list(TASKS)[index % len(TASKS)]
    small = make_task(name, **_SMALL[name])
    yield unroll(small.instance(*_policies(rng, small.space)))
    large = make_task(name, horizon=int(rng.choice([16, 64, 256])))
    sizes = [large.space.sizes[0], 1] if large.space.stationary else large.space.sizes
    start = [rng.standard_normal((n, large.actions)) for n in sizes[:-1]]
    before = ascend(large, start, int(rng.integers(0, 5)), rate=8.0)
    after = ascend(large, before, int(rng.integers(1, 4)), rate=8.0)
    mu, pi = (softmax(logits) * (large.horizon if len(logits) == 1 else 1) for logits in (before, after))
    yield large.instance(mu, pi)


SUITES = (
    Suite("golden", "the golden instances, exact and in floats", _golden, (2, 2, 2)),
    Suite("rational-trees", "V 2-4, T 1-5, prompts, end tokens, zeros", _rational_tree, (40, 400, 3000)),
    Suite("large-rational-trees", "V = 4, T = 5", _large_rational_tree, (1, 20, 200)),
    Suite("rational-machines", "automata and kernels", _rational_machine, (16, 160, 1200)),
    Suite("float-trees", f"batches of {BATCH:,}", _float_trees, (2, 28, 140)),
    Suite("prescribed-tv", f"batches of {BATCH:,} and rational trees", _prescribed_tv, (1, 14, 70)),
    Suite("mixtures", f"batches of {BATCH:,} and rational trees", _mixtures, (1, 14, 70)),
    Suite("near-deterministic", f"batches of {BATCH:,}", _near_deterministic, (1, 7, 35)),
    Suite("near-identical", f"batches of {BATCH:,}", _near_identical, (1, 7, 35)),
    Suite("jump-family", "worst cases, exact", _jump_family, (8, 60, 400)),
    Suite("tasks", "trees in rationals; automata, T up to 256, after training", _tasks, (9, 45, 180)),
    Suite("gymnasium-tables", "FrozenLake, CliffWalking, Taxi", _gymnasium, (3, 9, 30)),
)
"""Every suite, in the order of the report."""

PRESETS = ("smoke", "paper", "full")


def units(preset: str) -> list[tuple[int, int]]:
    """(suite, index) of every unit of a preset, in order."""
    if preset not in PRESETS:
        raise InputError("preset", f"found {preset!r}", f"known presets are {', '.join(PRESETS)}")
    size = PRESETS.index(preset)
    return [(s, i) for s, suite in enumerate(SUITES) for i in range(suite.sizes[size])]


def build(seed: int, unit: tuple[int, int]) -> Built:
    """The instances of one unit."""
    suite, index = unit
    generator: Any = np.random.default_rng([seed, suite, index])
    yield from SUITES[suite].build(generator, index)
