"""The objective of a hunt: candidates in, scores out.

A candidate holds, for V actions and R rows per policy, 2 R (V - 1) logits and T + 1 numbers x that stand
for factors of the measured thresholds c_1..c_T and of the measured budget delta_b.  |x| <= 1 stands for
exactly 1, so that "as measured" is not a set of measure zero.

The reward is the worst one for a bound on |Delta|: the sign of G (`trees.path_gap`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from cppo_theory.arithmetic import Array, full, to_float
from cppo_theory.claims import Case, Claim, Outcome, decide
from cppo_theory.constraints import Constraints
from cppo_theory.instance import Instance
from cppo_theory.policy import Policy, softmax
from cppo_theory.spaces import PrefixTree
from cppo_theory.trees import path_gap

LOGIT_LIMIT = 24.0
FACTOR_LIMITS = (-4.0, 2.5)
"""Of the numbers that stand for factors: these are exp(-3) to exp(1.5)."""

LEAST_RIGHT = 1e-7
"""Smaller right sides say nothing in float64: hypotheses are decided up to 1e-12, no small part of them."""

NEGLIGIBLE = 1e-7
"""Smaller constraints stay as measured: up to 1e-12 they are met whatever they are multiplied by."""

UNUSABLE = -1.0
"""Score where a hypothesis fails that was not dropped."""

BEYOND = 1e6
"""Score from which on the right side is 0, negative or too small, and the left side exceeds it."""


class ScaledCase(Case):
    """A case whose thresholds and budget are multiples of the measured ones, by instance.

    Parameters
    ----------
    instance : Instance
        A batch (B,).
    weights : array (T,)
    factors : array (B, T + 1)
        Of the thresholds, then of the budget.
    """

    def __init__(self, instance: Instance, weights: Array, factors: Array) -> None:
        super().__init__(instance, Constraints(weights))
        self.factors = factors

    @cached_property
    def used(self) -> Array:
        """Factors, with 1 where the measured constraint is negligible; (B, T + 1)."""
        measured = np.concatenate([self.values.ell, np.asarray(super().delta_b)[:, None]], axis=-1)
        return np.asarray(np.where(measured < NEGLIGIBLE, self.factors * 0 + 1, self.factors))

    @cached_property
    def ell(self) -> Array:
        return np.asarray(self.values.ell * self.used[:, :-1])

    @property
    def delta_b(self) -> Array:
        return np.asarray(super().delta_b * self.used[:, -1])

    @property
    def terminal_delta_b(self) -> Array:
        """Measured at m = T - 1 alone only where the budget is: a prescribed one is the same everywhere."""
        measured = self.used[:, -1] == 1
        return np.asarray(np.where(measured, super().terminal_delta_b, self.delta_b))


@dataclass
class Search:
    """The objective for one claim, one tree and one vector of weights; remembers the best candidate.

    Attributes
    ----------
    claim : Claim
    space : PrefixTree
    weights : array (T,) of Fractions
    drop : str, optional
        Hypothesis to ignore.
    evaluations : int
    best_score : float
        lhs / rhs, or |lhs - rhs| for an equality, of the best usable candidate; -inf before.
    best : array (size,)
        Zeros before.
    """

    claim: Claim
    space: PrefixTree
    weights: Array
    drop: str | None
    evaluations: int = 0
    best_score: float = -np.inf
    best: Array = field(init=False)

    def __post_init__(self) -> None:
        self.best = np.zeros(self.size)

    @property
    def has_found(self) -> bool:
        """Whether some candidate was usable."""
        return self.best_score > UNUSABLE

    @property
    def rows(self) -> int:
        """Rows of one policy."""
        return sum(self.space.sizes[:-1])

    @property
    def logits(self) -> int:
        """Number of logits of a candidate."""
        return 2 * self.rows * (self.space.actions - 1)

    @property
    def size(self) -> int:
        """Length of a candidate."""
        return self.logits + self.space.horizon + 1

    @property
    def limits(self) -> list[tuple[float, float]]:
        return [(-LOGIT_LIMIT, LOGIT_LIMIT)] * self.logits + [FACTOR_LIMITS] * (self.size - self.logits)

    def policies(self, candidates: Array) -> tuple[Policy, Policy]:
        """mu and pi of candidates (B, size): tables (B, n_t, V); the last logit of a row is 0."""
        free = self.space.actions - 1
        logits = candidates[:, : self.logits].reshape(len(candidates), 2, self.rows, free)
        full = np.concatenate([logits, np.zeros((*logits.shape[:-1], 1))], axis=-1)
        cuts = np.cumsum(self.space.sizes[:-1])[:-1]
        mu, pi = (softmax(np.split(full[:, i], cuts, axis=1)) for i in range(2))
        return mu, pi

    def factors(self, candidates: Array) -> Array:
        """Factors (B, T + 1) of thresholds and budget."""
        x = candidates[:, self.logits :]
        return np.asarray(np.exp(np.sign(x) * np.maximum(abs(x) - 1, 0)))

    def case(self, candidates: Array) -> ScaledCase:
        """The instances of candidates under their constraints."""
        instance = with_worst_reward(self.space, *self.policies(candidates))
        return ScaledCase(instance, self.weights, self.factors(candidates))

    def score(self, candidates: Array) -> Array:
        """How much each candidate strains the claim; `UNUSABLE` where another hypothesis fails."""
        case = self.case(candidates)
        outcome = decide(self.claim, case, (self.drop,) if self.drop else ())
        scores = np.where(outcome.applicable, strain(outcome), UNUSABLE)
        self.evaluations += len(candidates)
        top = int(scores.argmax())
        if scores[top] > max(self.best_score, UNUSABLE):
            self.best_score, self.best = float(scores[top]), candidates[top].copy()
        return scores


def strain(outcome: Outcome) -> Array:
    """lhs / rhs where rhs is not too small, |lhs - rhs| for an equality; finite, >= 0, float64 (B,)."""
    assert outcome.lhs is not None
    assert outcome.rhs is not None
    lhs, rhs = to_float(outcome.lhs), to_float(outcome.rhs)
    if outcome.claim.relation == "==":
        return np.asarray(np.nan_to_num(abs(lhs - rhs)))
    inside = rhs >= LEAST_RIGHT
    quotient = np.maximum(lhs, 0) / np.where(inside, rhs, 1)
    outside = np.where(lhs > rhs + LEAST_RIGHT, BEYOND + lhs - rhs, 0)
    return np.asarray(np.nan_to_num(np.where(inside, quotient, outside)))


def with_worst_reward(space: PrefixTree, mu: Policy, pi: Policy) -> Instance:
    """The instance whose reward is the sign of G on every path, xi = 1, in the tier of the policies."""
    reward = full((*mu[0].shape[:-2], space.sizes[-1]), 1, mu[0])
    draft = Instance(space, full((1,), 1, mu[0]), mu, pi, reward)
    return replace(draft, reward=np.where(path_gap(draft) >= 0, reward, -reward))
