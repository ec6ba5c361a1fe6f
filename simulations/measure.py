"""What is recorded after a round: exact quantities of (mu, pi), what the rule masked, how the run fares.

Every entry is one number per seed; u_t is one per position.  mu is the policy that drew the round's
responses, pi the one after its updates.  Names of exact quantities are those of `cppo_theory.evaluate`.

Source: arXiv:2606.10968v2, Sections 1-3 and Figures 7-11.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cppo_theory.claims import CLAIMS, Case, decide
from cppo_theory.constraints import Constraints
from cppo_theory.rules import Ledger, TokenBatch, decision_sums, ledger
from cppo_theory.schedules import linear
from cppo_theory.weights import linear_weights
from simulations.policies import log_softmax
from simulations.trainer import Update
from simulations.world import World

Array = Any

UNWEIGHTED = ("prop-4", "half-range", "eq-4", "uniform", "thm-1", "eq-18-terminal", "b9-product", "b9-closed")
WEIGHTED = ("eq-7", "prop-8")
BOUNDS = (*UNWEIGHTED, *WEIGHTED)
"""Bounds on |Delta| that need no whole paths, with the measured l_t, delta_b and xi: at w = 1, and at the
weights that violations are judged by."""

LEAST = -700.0
"""Log-probabilities below are raised to this: exp of them is 0, and mu = 0 < pi has no ratio."""

REFERENCE = {"delta": 0.15, "delta_b": 0.015, "w_min": 0.8}
"""Constraints of Eq. (5) that violations are judged by where a rule names none: the paper's."""

PER_POSITION = ("expected_tv",)
"""Quantities of every position t = 1..T: u_t."""

COUNTS = (
    "scored",
    "scored_up",
    "removed",
    "removed_up",
    "by_token",
    "by_budget",
    "by_sequence",
    "by_clip",
    "toward",
    "tokens",
    "ratio_high",
    "ratio_low",
)
"""Sums over the tokens of a round; shares are formed where they are read.  Responses that stand for more or
less than one (the whole population, weighted by mu) count accordingly."""


QUANTITIES = (
    *("value_mu", "value", "surrogate", "delta", *PER_POSITION, "ell_max", "kl_mu_pi", "kl_pi_mu"),
    *(f"{kind}.{name}" for name in BOUNDS for kind in ("bound", "certifies")),
    *("violates_token", "violates_budget_worst_path", "violates_budget_sampled"),
    *(*COUNTS, "length", "mean_divergence", "max_divergence", "gradient_norm", "delta_b", "entropy"),
)
"""Everything that is recorded; docs/records.md says what each is."""


@dataclass(eq=False)
class Watcher:
    """Collects one row of numbers per round; `arrays` gives them as (N, rounds), (N, rounds, T) per position.

    Parameters
    ----------
    world : World
    limits : dict
        delta, delta_b and w_min that violations are judged by, and ``budget`` where delta_b is one of
        Eq. (22): its smallest value judges the worst path, what it allows each the sampled responses.
    account : function of a batch to its `Ledger`, optional
        That of the rule, whose delta_b is recorded; without one it is inf.
    """

    world: World
    limits: dict[str, Any] = field(default_factory=lambda: dict(REFERENCE))
    account: Callable[[TokenBatch], Ledger] | None = None
    rows: list[dict[str, Array]] = field(default_factory=list)

    def __call__(self, index: int, log_mu: Array, log_pi: Array, updates: list[Update]) -> None:
        alive = ~(np.isnan(log_mu) | np.isnan(log_pi)).any((1, 2))
        uniform = log_softmax(np.zeros_like(log_pi))
        safe = [np.where(alive[:, None, None], x, uniform) for x in (log_mu, log_pi)]
        near_mu, near_pi = (np.maximum(x, LEAST) for x in safe)
        row = {**exact(self.world, near_mu, near_pi, self.limits), **of_updates(updates, self.limits)}
        row["delta_b"] = budget_in_force(updates[-1], self.account)
        row["entropy"] = entropy(near_pi, updates[-1])
        self.rows.append({name: np.where(alive, x.T, np.nan).T for name, x in row.items()})

    def arrays(self) -> dict[str, Array]:
        """Every quantity as float32 (N, rounds); those of `PER_POSITION` (N, rounds, T)."""
        names = self.rows[0]
        return {name: np.stack([row[name] for row in self.rows], axis=1).astype(np.float32) for name in names}


def exact(world: World, log_mu: Array, log_pi: Array, limits: dict[str, Any]) -> dict[str, Array]:
    """Quantities of the package's `evaluate`, the bounds, and whether Eq. (5) holds on every path."""
    instance = world.task.instance(world.tables(np.exp(log_mu)), world.tables(np.exp(log_pi)))
    weights = linear_weights(world.horizon, limits["w_min"])
    unweighted_case = Case(instance)
    weighted_case = Case(instance, Constraints(weights), keep=("expected_kl_mu_pi", "expected_kl_pi_mu"))
    values, weighted = unweighted_case.values, weighted_case.values
    out = {
        "value_mu": values.value_mu,
        "value": values.value_pi,
        "surrogate": values.surrogate,
        "delta": values.residual,
        "expected_tv": values.expected_tv,
        "ell_max": values.ell.max(-1),
        "kl_mu_pi": weighted.expected_kl_mu_pi.sum(-1),
        "kl_pi_mu": weighted.expected_kl_pi_mu.sum(-1),
    }
    for name in BOUNDS:
        found = decide(CLAIMS[name], weighted_case if name in WEIGHTED else unweighted_case)
        out[f"bound.{name}"] = np.where(found.applicable, np.asarray(found.rhs, dtype=float), np.nan)
        out[f"certifies.{name}"] = out[f"bound.{name}"] < out["surrogate"]
    out["violates_token"] = (weights.astype(float) * weighted.ell > limits["delta"]).any(-1)
    out["violates_budget_worst_path"] = np.asarray(weighted.delta_b) > limits["delta_b"]
    return out


def of_updates(updates: list[Update], limits: dict[str, Any]) -> dict[str, Array]:
    """Counts over the round's tokens, and the ledger and the gradient of its last update."""
    seeds = len(updates[0].minibatch.weight)
    sums = [decision_sums(update.batch, update.decision) for update in updates]
    parts = list(zip(sums, map(multiplicity, updates), strict=True))
    out = {name: sum((per_seed(x[name], seeds) * w).sum(-1) for x, w in parts) for name in COUNTS}
    last, weight = updates[-1], updates[-1].minibatch.weight
    account = ledger(last.batch, last.decision, weights=linear, **limits)
    mask = last.batch.mask
    length = mask.sum(-1)
    before_last = np.arange(1, mask.shape[1] + 1) < length[:, None]
    over = mask & before_last & (account.excess > 0)

    def mean(x: Array) -> Array:
        return (per_seed(x, seeds) * weight).sum(-1)

    out["length"] = mean(length)
    out["violates_budget_sampled"] = mean(over.any(-1))
    divergence = np.where(mask, account.divergence, 0)
    out["mean_divergence"] = mean(divergence.sum(-1)) / out["length"]
    out["max_divergence"] = per_seed(divergence.max(-1), seeds).max(-1)
    squares = sum((x.reshape(seeds, -1) ** 2).sum(-1) for x in last.slopes)
    out["gradient_norm"] = np.sqrt(squares)
    return out


def budget_in_force(update: Update, account: Callable[[TokenBatch], Ledger] | None) -> Array:
    """delta_b of the rule, mean over the responses; inf without a budget; (N,)."""
    weight = update.minibatch.weight
    per_token = np.inf if account is None else account(update.batch).delta_b[:, 0]
    if np.isinf(per_token).all():
        return np.full(len(weight), np.inf)
    return np.asarray((per_seed(per_token, len(weight)) * weight).sum(-1))


def per_seed(x: Array, seeds: int) -> Array:
    """Numbers per response (N n,) as (N, n)."""
    return np.asarray(x).reshape(seeds, -1)


def entropy(log_pi: Array, update: Update) -> Array:
    """Mean entropy of pi at the states of the last update, in nats; (N,)."""
    rows = -(np.exp(log_pi) * log_pi).sum(-1)
    rollouts = update.minibatch.rollouts
    visited = rows[np.arange(len(rows))[:, None, None], rollouts.row]
    weight = rollouts.mask * update.minibatch.weight[..., None]
    return np.asarray((visited * weight).sum((1, 2)) / weight.sum((1, 2)))


def multiplicity(update: Update) -> Array:
    """How many responses each one stands for: 1 of a sample, in proportion to mu of a population; (N, n)."""
    weight = update.minibatch.weight
    return np.asarray(weight / weight.mean(-1, keepdims=True))
