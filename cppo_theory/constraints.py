"""The constraints of Eq. (5): weights, token thresholds and a prefix budget.

w_t D_t <= c_t for t = 1..T, and sum_{j<=m} w_j D_j <= delta_b W_m for m = 1..T-1, on every path of
positive mu-probability.  What is not given is measured on the instance at hand.

Source: arXiv:2606.10968v2, Section 3.2, Eq. (5).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, Number, as_numbers, full, is_exact, scalar, to_exact, to_float
from cppo_theory.errors import InputError, indexed
from cppo_theory.weights import linear_weights, uniform_weights


@dataclass(frozen=True, eq=False)
class Constraints:
    """Weights w_t, thresholds c_t and budget delta_b of Eq. (5).

    Parameters
    ----------
    weights : array (T,), positive
    thresholds : array (T,), optional
        c_t >= 0; None: measured, the smallest that hold (c_t = w_t times the largest D_t).
    delta_b : number, optional
        Budget per token, >= 0; None: measured, the smallest that holds.
    """

    weights: Array
    thresholds: Array | None = None
    delta_b: Number | None = None

    def __post_init__(self) -> None:
        weights = as_numbers("weights", self.weights)
        if weights.ndim != 1 or len(weights) == 0:
            raise InputError("weights", f"found shape {weights.shape}", "shape (T,) is required")
        _check_each("weights", weights, weights > 0, "positive")
        object.__setattr__(self, "weights", weights)
        if self.thresholds is not None:
            thresholds = as_numbers("thresholds", self.thresholds)
            if thresholds.shape != weights.shape:
                found = f"found shape {thresholds.shape}"
                raise InputError("thresholds", found, f"the weights have shape {weights.shape}")
            _check_each("thresholds", thresholds, thresholds >= 0, "non-negative")
            object.__setattr__(self, "thresholds", thresholds)
        if self.delta_b is not None:
            object.__setattr__(self, "delta_b", _one_number("delta_b", self.delta_b))

    @classmethod
    def schedule(cls, horizon: int, delta: Any = None, delta_b: Any = None, w_min: Any = 1) -> Constraints:
        """The linear schedule of Eq. (9) with one threshold c_t = delta for every token.

        Parameters
        ----------
        horizon : int
            T >= 1.
        delta, delta_b : number, optional
            Token threshold and budget per token, >= 0; None: measured.
        w_min : number
            Floor of the weights, in (0, 1]; 1 means w_t = 1.
        """
        weights = linear_weights(horizon, w_min)
        thresholds = None if delta is None else np.full(horizon, _one_number("delta", delta), dtype=object)
        return cls(weights, thresholds, delta_b)

    @classmethod
    def measured(cls, horizon: int) -> Constraints:
        """w_t = 1, everything else measured."""
        return cls(uniform_weights(horizon))

    @property
    def horizon(self) -> int:
        return len(self.weights)

    @property
    def exact(self) -> bool:
        """Whether every number given is rational."""
        given = [self.weights] + ([] if self.thresholds is None else [self.thresholds])
        return all(is_exact(array) for array in given) and not isinstance(self.delta_b, float)

    def in_floats(self) -> Constraints:
        """The same constraints in float64."""
        thresholds = None if self.thresholds is None else to_float(self.thresholds)
        return Constraints(
            to_float(self.weights), thresholds, None if self.delta_b is None else float(self.delta_b)
        )

    def in_fractions(self) -> Constraints:
        """The same constraints in Fractions; every float is taken at its exact binary value."""
        thresholds = None if self.thresholds is None else to_exact(self.thresholds)
        delta_b = None if self.delta_b is None else Fraction(self.delta_b)
        return Constraints(to_exact(self.weights), thresholds, delta_b)

    def budget(self, like: Array) -> Array | None:
        """delta_b as an array of the shape and tier of ``like``, or None."""
        return None if self.delta_b is None else full(like.shape, self.delta_b, like)


def _one_number(field: str, value: Any) -> Number:
    """A non-negative number of either tier; it has no index to be named by."""
    array = as_numbers(field, value)
    if array.ndim:
        raise InputError(field, f"found shape {array.shape}", "one number is required")
    _check_each(field, array, array >= 0, "non-negative")
    return scalar(array)


def _check_each(field: str, array: Array, fine: Array, required: str) -> None:
    bad = np.argwhere(np.logical_not(fine))
    if len(bad):
        place, found = indexed(field, bad[0]), array[tuple(bad[0])]
        raise InputError(place, f"found {found}", f"a {required} number is required")
