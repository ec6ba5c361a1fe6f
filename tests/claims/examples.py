"""Worlds by hand that several claims about Eq. (5) share."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from tests.oracles_world import ONE, ZERO, World, product, total, tree_world

HALVES = [["1/2", "1/2"]]

BY_HAND = tree_world([1], [HALVES, HALVES * 2], [[["3/4", "1/4"]], [[1, 0], *HALVES]], reward=[4, -2, 1, 3])
"""T = 2: D_1 = 1/4; D_2 = 1/2 after token 0 and 0 after token 1; xi = 4.

Only after token 0 do V^mu = 1 and V^pi = 4 differ: Delta = (pi - mu)(0) (V^mu - V^pi) = 1/4 * (1 - 4) = -3/4.
"""


def plain(horizon: int, reward: int = 3) -> World:
    """One state, two tokens of probability 1/2 under mu and pi: only xi and T matter."""
    row, links = ((Fraction(1, 2), Fraction(1, 2)),), ((((ONE, 0),), ((ONE, 0),)),)
    tables = (row,) * horizon
    return World("automaton", horizon, 2, (ONE,), tables, tables, (Fraction(reward),), (links,) * horizon)


def diluted(world: World, part: Fraction) -> World:
    """This tree on a part of the prompts; on the others pi = mu."""
    mu = tuple(level + level for level in world.mu)
    pi = tuple(moved + quiet for moved, quiet in zip(world.pi, world.mu, strict=True))
    return replace(world, initial=(part, 1 - part), mu=mu, pi=pi, final_reward=world.final_reward * 2)


def spend_first(horizon: int, delta: Fraction, jump: Fraction, part: Fraction = ZERO) -> World:
    """V = 3: a jump gains what a kill loses, D = delta; on a part of the prompts at every state.

    On the others D_1 = delta, and D_t = delta for t > 1 only after a jump or a kill at position 1, so
    u_t = delta (delta + p) there. The reward is the worst one.
    """
    rest = 1 - jump - delta
    quiet, moved = (jump, delta, rest), (jump + delta, ZERO, rest)
    pi = [(moved, moved)]
    for t in range(1, horizon):
        after = 3 ** (t - 1)
        pi.append((moved,) * 3**t + (moved,) * 2 * after + (quiet,) * after)
    mu = [(quiet,) * len(level) for level in pi]
    world = World("tree", horizon, 3, (part, 1 - part), tuple(mu), tuple(pi), (ZERO,) * 2 * 3**horizon)
    return with_worst_reward(world)


def with_worst_reward(world: World) -> World:
    """R = sign G, G = sum_t (rho_t - 1) - (rho_{1:T} - 1)."""
    reward = [ONE] * len(world.final_reward)
    for y in world.trajectories:
        gap = total(rho - 1 for rho in y.ratios) - (product(y.ratios) - 1)
        reward[y.states[-1]] = ONE if gap >= 0 else -ONE
    return replace(world, final_reward=tuple(reward))
