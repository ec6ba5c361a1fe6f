"""One instance in several forms: `World` to `World`, and `World` to the package's objects.

The only bridge between the oracles and the package: it translates, it computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

import cppo_theory as ct
from tests.oracles_world import ONE, Successors, World

# --- World to World ---------------------------------------------------------------------------------------


def tree_to_automaton(world: World) -> World:
    """The same tree as an automaton whose states of level t are the prefixes."""
    return replace(world, kind="automaton", links=_tree_links(world, (ONE,)), end=())


def tree_to_kernel(world: World, split: Sequence[Fraction] = (ONE,)) -> World:
    """The same tree as a kernel, each child listed once per entry of `split` (it sums to 1, 0 allowed)."""
    return replace(world, kind="kernel", links=_tree_links(world, split), end=())


def _tree_links(world: World, split: Sequence[Fraction]) -> tuple[tuple[tuple[Successors, ...], ...], ...]:
    def children(s: int, a: int) -> Successors:
        return tuple((chance, s * world.actions + a) for chance in split)

    return tuple(
        tuple(tuple(children(s, a) for a in range(world.actions)) for s in range(n)) for n in world.sizes[:-1]
    )


def automaton_to_kernel(world: World) -> World:
    """The same automaton as a kernel of one successor."""
    return replace(world, kind="kernel")


def automaton_to_tree(world: World) -> World:
    """The tree whose prefixes carry the rows and rewards of the automaton's state that they lead to."""
    state = list(range(world.sizes[0]))  # the automaton's state of every prefix
    mu, pi, steps = [], [], []
    for t in range(world.horizon):
        mu.append(tuple(world.mu[t][s] for s in state))
        pi.append(tuple(world.pi[t][s] for s in state))
        if world.steps is not None:
            steps.append(tuple(world.steps[t][s] for s in state))
        state = [_only(world.successors(t, s, a)) for s in state for a in range(world.actions)]
    return replace(
        world,
        kind="tree",
        mu=tuple(mu),
        pi=tuple(pi),
        final_reward=tuple(world.final_reward[s] for s in state),
        links=None,
        steps=tuple(steps) if world.steps is not None else None,
        stationary=False,
    )


def _only(successors: Successors) -> int:
    ((chance, following),) = successors
    if chance != 1:
        raise ValueError("only a deterministic automaton has an equivalent tree")
    return following


# --- World to the package ---------------------------------------------------------------------------------


def instance(world: World) -> ct.Instance:
    """The package's exact instance: object arrays of Fractions."""
    return _instance(world, lambda numbers: np.array(numbers, dtype=object))


def float_instance(world: World) -> ct.Instance:
    """The same in float64."""
    return _instance(world, lambda numbers: np.array(numbers, dtype=object).astype(np.float64))


def space(world: World) -> ct.PrefixTree | ct.Automaton | ct.Kernel:
    """The package's exact space."""
    return _space(world, lambda numbers: np.array(numbers, dtype=object))


def _instance(world: World, array: Any) -> ct.Instance:
    only_steps = world.steps is not None and not any(world.final_reward)
    return ct.Instance(
        _space(world, array),
        array(world.initial),
        _tables(world, world.mu, array),
        _tables(world, world.pi, array),
        reward=None if only_steps else array(world.final_reward),
        step_reward=None if world.steps is None else [array(level) for level in world.steps],
    )


def _tables(world: World, policy: Sequence[Any], array: Any) -> list[Any]:
    """One array per level, the same object where the world repeats its table."""
    arrays: dict[int, Any] = {}
    return [arrays.setdefault(id(table), array(table)) for table in policy]


def _space(world: World, array: Any) -> ct.PrefixTree | ct.Automaton | ct.Kernel:
    if world.links is None:
        return ct.PrefixTree(world.actions, world.horizon, prompts=len(world.initial), end=world.end)
    levels = world.links[:1] if world.stationary else world.links
    following = [np.array([[[n for _, n in x] for x in row] for row in level]) for level in levels]
    final: dict[str, int] = {} if world.stationary else {"final_states": len(world.final_reward)}
    if world.kind == "automaton":
        table = [n[..., 0] for n in following]
        return ct.Automaton(table[0] if world.stationary else table, world.horizon, **final)
    prob = [array([[[p for p, _ in x] for x in row] for row in level]) for level in levels]
    if world.stationary:
        return ct.Kernel(following[0], prob[0], world.horizon)
    return ct.Kernel(following, prob, world.horizon, **final)
