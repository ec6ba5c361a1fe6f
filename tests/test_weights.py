"""Weights of the constraints, in both tiers."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given

import cppo_theory as ct
from cppo_theory.weights import linear_weights, uniform_weights
from tests import oracles_bounds, strategies

F = Fraction


@given(strategies.settings())
def test_linear_against_the_formula(s):
    found = linear_weights(s.horizon, s.w_min)
    assert list(found) == oracles_bounds.linear_weights(s.horizon, s.w_min)
    assert all(isinstance(w, F) for w in found)


def test_linear_by_hand():
    # T = 5, w_min = .8: steps of .05. T = 1, where Eq. (9) is 0/0: 1. w_min = 1: no schedule at all.
    assert list(linear_weights(5, F(4, 5))) == [1, F(19, 20), F(9, 10), F(17, 20), F(4, 5)]
    assert list(linear_weights(2, F(4, 5))) == [1, F(4, 5)]
    assert list(linear_weights(1, F(4, 5))) == [1]
    assert list(linear_weights(3, 1)) == list(uniform_weights(3)) == [1, 1, 1]
    assert all(isinstance(w, F) for w in [*linear_weights(3, 1), *uniform_weights(3)])


def test_linear_at_full_horizon():
    # w_t = 1 - (t - 1) / (5 * 8191): the step at T = 8192, w_min = .8.
    found = linear_weights(8192, F(4, 5))
    assert (found[0], found[1], found[-1]) == (1, 1 - F(1, 40955), F(4, 5))


@pytest.mark.parametrize("horizon", [1, 2, 3, 16384])
def test_floats(horizon):
    found = linear_weights(horizon, 0.8)
    assert found.dtype == np.float64
    assert found[0] == 1
    # One rounding each of the position, the product and the difference, all at most 1.
    exact = linear_weights(horizon, F(4, 5)).astype(np.float64)
    assert np.abs(found - exact).max() <= 2 * np.finfo(np.float64).eps


@pytest.mark.parametrize("w_min", [0, -1, F(11, 10), 0.0, 1.5, float("nan"), float("inf")])
def test_bad_floors(w_min):
    with pytest.raises(ct.InputError) as caught:
        linear_weights(3, w_min)
    assert str(caught.value) == f"w_min: found {w_min}; a floor in (0, 1] is required"


@pytest.mark.parametrize(
    ("horizon", "kind", "message"),
    [
        (0, ct.InputError, "horizon: found 0; an integer of at least 1 is required"),
        (-2, ct.InputError, "horizon: found -2; an integer of at least 1 is required"),
        (2.0, TypeError, "horizon: found 2.0; an integer is required"),
        (True, TypeError, "horizon: found True; an integer is required"),
    ],
)
def test_bad_horizons(horizon, kind, message):
    for call in (lambda: linear_weights(horizon, F(1, 2)), lambda: uniform_weights(horizon)):
        with pytest.raises(kind) as caught:
            call()
        assert str(caught.value) == message
