"""Tabular policies: random, softmax, mixtures, and neighbours at a prescribed total variation.

A policy is a list of T tables, entry t of shape (..., n_t, V), rows summing to one.

Source: arXiv:2606.10968v2, Section 1 (policies), Appendix C.2, Eq. (21) (mixture).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, as_numbers, full, in_one_tier, zero
from cppo_theory.errors import InputError, indexed

Policy = list[Array]


def uniform_policy(sizes: Sequence[int], actions: int) -> Policy:
    """Every action with probability 1/V, exact; tables (n_t, V) for t = 0..T-1."""
    return [np.full((n, actions), Fraction(1, actions), dtype=object) for n in sizes[:-1]]


def softmax(logits: Sequence[Array]) -> Policy:
    """Softmax of each row; tables (..., n_t, V) to the same shapes, float64."""
    out = []
    for table in logits:
        weights = np.exp(table - table.max(-1, keepdims=True))
        out.append(weights / weights.sum(-1, keepdims=True))
    return out


def random_policy(
    sizes: Sequence[int],
    actions: int,
    rng: np.random.Generator,
    batch: tuple[int, ...] = (),
    scale: float = 1.0,
) -> Policy:
    """Softmax of Gaussian logits of standard deviation ``scale``; tables (*batch, n_t, V).

    A large scale (5 and more) gives near-deterministic rows.
    """
    return softmax([scale * rng.standard_normal((*batch, n, actions)) for n in sizes[:-1]])


def random_rational_policy(
    sizes: Sequence[int], actions: int, rng: np.random.Generator, support: Policy | None = None, top: int = 6
) -> Policy:
    """Rows proportional to random integers 0..top, exact; within ``support`` where one is given.

    Zeros occur, so paths can be unreachable; a row without a positive entry gets its first allowed
    action.
    """
    out = []
    for t, n in enumerate(sizes[:-1]):
        counts = rng.integers(0, top + 1, size=(n, actions)).astype(object)
        allowed = np.ones((n, actions), dtype=bool) if support is None else support[t] > 0
        counts = np.where(allowed, counts, 0)
        empty = counts.sum(-1) == 0
        counts[empty, allowed.argmax(-1)[empty]] = 1
        out.append(np.frompyfunc(Fraction, 2, 1)(counts, counts.sum(-1, keepdims=True)))
    return out


def mixture(mu: Policy, pi: Policy, share: Any) -> Policy:
    """(1 - g) mu + g pi with g = ``share`` in [0, 1], a number or an array over batch axes.

    Source: arXiv:2606.10968v2, Appendix C.2, Eq. (21); its TV to mu is g TV(mu, pi).
    """
    share = as_numbers("share", share)
    if not ((share >= 0) & (share <= 1)).all():
        raise InputError("share", f"found {share}", "a share in [0, 1] is required")
    mixed = []
    for behaviour, target in zip(mu, pi, strict=True):
        m, p, g = in_one_tier(behaviour, target, share)
        mixed.append((1 - g[..., None, None]) * m + g[..., None, None] * p)
    return mixed


def at_total_variation(mu: Policy, distance: Sequence[Any], gainer: int = 0) -> Policy:
    """Neighbour of mu whose rows at level t have total variation exactly ``distance[t]``.

    The mass is moved to action ``gainer`` from the others in proportion to what they have.

    Parameters
    ----------
    mu : list of T arrays (..., n_t, V)
        Behaviour policy; the gainer must have positive probability.
    distance : sequence of T numbers, or of arrays that broadcast against (..., n_t)
        Total variation per level, or per state of each level.
    gainer : int
        Action that receives the mass.

    Raises
    ------
    InputError
        If a row cannot be that far from mu: the others together have less mass than that, or the
        gainer has none (pi << mu).
    """
    out = []
    for t, behaviour in enumerate(mu):
        table, given = in_one_tier(behaviour, as_numbers(f"distance[{t}]", distance[t]))
        step = np.broadcast_to(given, table.shape[:-1])
        others = 1 - table[..., gainer]
        fine = (step == 0) | ((step > 0) & (step <= others) & (table[..., gainer] > 0))
        bad = np.argwhere(np.logical_not(fine))
        if len(bad):
            place = tuple(bad[0])
            found = f"found {step[place]} where the others have mass {others[place]}"
            raise InputError(
                indexed(f"distance[{t}]", bad[0]), found, "a TV between 0 and that mass is required"
            )
        one = full((), 1, table)
        kept = 1 - step / np.where(others == 0, one, others)
        moved = table * kept[..., None]
        moved[..., gainer] = table[..., gainer] + step
        out.append(moved)
    return out


def with_rows(policy: Policy, where: Sequence[Array], action: int) -> Policy:
    """The policy with probability one on ``action`` in the states marked, level by level.

    Parameters
    ----------
    policy : list of T arrays (..., n_t, V)
    where : sequence of T bool arrays (n_t,)
    action : int

    Returns
    -------
    list of T arrays
        Levels that share table and marks share the result, so a stationary policy stays one object.
    """
    made: dict[tuple[int, int], Array] = {}
    out = []
    for table, marked in zip(policy, where, strict=True):
        key = id(table), id(marked)
        if key not in made:
            changed = table.copy() if marked.any() else table
            if marked.any():
                changed[..., marked, :] = zero(table)
                changed[..., marked, action] = zero(table) + 1
            made[key] = changed
        out.append(made[key])
    return out
