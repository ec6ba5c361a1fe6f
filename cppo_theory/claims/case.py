"""A case: instances of one space with constraints, and the quantities that claims read from them.

What `Constraints` leaves open is measured: c_t = w_t l_t with l_t the largest D_t over mu-reachable
states, and delta_b the smallest budget that Eq. (5) holds with.

Source: arXiv:2606.10968v2, Section 3.2, Eq. (5), l_t = c_t / w_t.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

import numpy as np

from cppo_theory.arithmetic import Array, is_exact, to_float
from cppo_theory.constraints import Constraints
from cppo_theory.errors import InputError
from cppo_theory.evaluation import Values, evaluate, settle_weights
from cppo_theory.instance import Instance, distinct
from cppo_theory.recursions import fold_back, fold_forward

HYPOTHESIS_TOLERANCE = 1e-12
"""Relative rounding allowed when a measured float quantity is compared with the constraint it defines."""


class Case:
    """Quantities of a batch of instances under one set of constraints; arrays (B,), (B, T).

    Parameters
    ----------
    instance : Instance
        A single one is treated as a batch of one.
    constraints : Constraints, optional
        Default: those of the instance, else w = 1 and all else measured.
    keep : collection of str
        What `evaluate` keeps in `values`.
    """

    def __init__(
        self, instance: Instance, constraints: Constraints | None = None, keep: Collection[str] = ()
    ) -> None:
        if len(instance.batch_shape) > 1:
            raise InputError("instance", f"found batch axes {instance.batch_shape}", "at most one is allowed")
        given = constraints or instance.constraints or Constraints.measured(instance.horizon)
        if instance.exact and not given.exact:
            remedy = "give rational numbers, or use instance.in_floats()"
            raise InputError("constraints", "found floats for an exact instance", remedy)
        self.instance = instance.batched()
        self.constraints = given if instance.exact else given.in_floats()
        self.weights = settle_weights(instance, self.constraints.weights)
        self.keep = tuple(keep)

    @cached_property
    def values(self) -> Values:
        return evaluate(self.instance, self.keep, weights=self.weights)

    @cached_property
    def drift(self) -> float:
        """How far values drift because float rows do not sum to one exactly: 4 T times the worst row."""
        tables = distinct([*self.instance.mu, *self.instance.pi])
        worst = max(float(np.abs(to_float(table.sum(-1)) - 1.0).max()) for table in tables)
        return 4.0 * self.horizon * worst

    @property
    def horizon(self) -> int:
        return self.instance.horizon

    @property
    def reward_bound(self) -> Array:
        """xi; (B,)."""
        return np.asarray(self.values.reward_bound)

    @property
    def abs_residual(self) -> Array:
        """|Delta|, by its recursion; (B,)."""
        return np.asarray(abs(self.values.residual))

    @property
    def expected_tv(self) -> Array:
        """u_t; (B, T)."""
        return self.values.expected_tv

    @cached_property
    def ell(self) -> Array:
        """l_t = c_t / w_t where thresholds are prescribed, else the largest D_t; (B, T)."""
        given = self.constraints.thresholds
        return self.values.ell if given is None else (given / self.weights)[None]

    @property
    def ell_max(self) -> Array:
        """lbar = max_t l_t; (B,)."""
        return np.asarray(self.ell.max(-1))

    @property
    def delta(self) -> Array:
        """The smallest common threshold c_t <= delta of the weighted tokens; (B,)."""
        return np.asarray((self.ell * self.weights).max(-1))

    @property
    def delta_b(self) -> Array:
        """Budget per token, prescribed or the smallest that Eq. (5) holds with; (B,)."""
        measured = np.asarray(self.values.delta_b)
        given = self.constraints.budget(measured)
        return measured if given is None else given

    @property
    def terminal_delta_b(self) -> Array:
        """The same for the budget at m = T - 1 alone; (B,), T >= 2."""
        if self.constraints.delta_b is not None:
            return self.delta_b
        last = np.cumsum(self.weights)[max(self.horizon - 2, 0)]
        return np.asarray(self.cum_budget[..., self.horizon - 1] / last)

    @property
    def cum_budget(self) -> Array:
        """Largest path sums of w_j D_j over j <= m, m = 0..T; (B, T + 1)."""
        return self.values.cum_budget

    @cached_property
    def reachable(self) -> list[Array]:
        """States of positive mu-probability; T arrays (B, n_t)."""
        return fold_forward(self.instance, self.weights, keep=True).reachable

    @cached_property
    def advantage_pi(self) -> Array:
        """sum_t E_{s ~ d_t^pi} sum_a pi(a|s) A^mu(s, a); (B,)."""
        roots, _ = fold_back(self.instance, ("advantage_pi",))
        return np.asarray((self.instance.initial * roots["advantage_pi"]).sum(-1))


def at_most(x: Array, y: Array) -> Array:
    """x <= y: exact for Fractions, up to relative rounding for floats."""
    if is_exact(np.asarray(x)) or is_exact(np.asarray(y)):
        return np.asarray(x <= y)
    return np.asarray(x <= y + HYPOTHESIS_TOLERANCE * (1.0 + np.abs(y)))
