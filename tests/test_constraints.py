"""The constraints of Eq. (5): what is given, what is measured, and what is refused."""

from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from tests import convert, oracles, oracles_bounds, strategies
from tests.claims.examples import BY_HAND
from tests.oracles_world import ONE

F = Fraction
NAN, INFINITY = float("nan"), float("inf")


def numbers(*values):
    return np.array([F(x) for x in values], dtype=object)


# --- what is given ----------------------------------------------------------------------------------------


def test_given_numbers_are_kept():
    found = ct.Constraints([1, F(1, 2)], [0, F(3, 20)], F(3, 200))
    assert (list(found.weights), list(found.thresholds), found.delta_b) == (
        [1, F(1, 2)],
        [0, F(3, 20)],
        F(3, 200),
    )
    assert all(isinstance(x, F) for x in [*found.weights, *found.thresholds, found.delta_b])
    assert (found.horizon, found.exact) == (2, True)
    with pytest.raises(FrozenInstanceError):
        found.delta_b = F(1)


def test_measured():
    found = ct.Constraints.measured(3)
    assert list(found.weights) == [1, 1, 1]
    assert found.thresholds is found.delta_b is None
    assert found.exact
    assert found.budget(numbers(1, 2)) is None


@given(strategies.settings())
def test_schedule(s):
    found = ct.Constraints.schedule(s.horizon, s.delta, s.delta_b, s.w_min)
    assert list(found.weights) == oracles_bounds.linear_weights(s.horizon, s.w_min)
    assert list(found.thresholds) == [s.delta] * s.horizon
    assert (found.delta_b, found.exact) == (s.delta_b, True)


def test_schedule_by_default():
    found = ct.Constraints.schedule(2)
    assert list(found.weights) == [1, 1]
    assert found.thresholds is found.delta_b is None
    assert ct.Constraints.schedule(2, delta=F(1, 2)).delta_b is None
    assert ct.Constraints.schedule(2, delta_b=F(1, 2)).thresholds is None


@pytest.mark.parametrize(
    "inexact",
    [
        ct.Constraints([1.0, 0.5], numbers(1, 1), F(1)),
        ct.Constraints(numbers(1, 1), [0.5, F(1)], F(1)),
        ct.Constraints(numbers(1, 1), numbers(1, 1), 0.5),
        ct.Constraints.schedule(2, delta=0.5),
        ct.Constraints.schedule(2, delta_b=0.5),
        ct.Constraints.schedule(2, w_min=0.5),
    ],
)
def test_one_float_makes_them_inexact(inexact):
    assert not inexact.exact
    with pytest.raises(ct.InputError, match=r"^constraints: found floats for an exact instance; .*in_floats"):
        ct.check(convert.instance(BY_HAND), ["thm-1"], inexact)
    (verdict,) = ct.check(convert.float_instance(BY_HAND), ["thm-1"], inexact)
    assert isinstance(verdict.rhs, float)


def test_in_floats():
    found = ct.Constraints([1, F(1, 2)], [F(1, 4), 0], F(1, 8)).in_floats()
    assert found.weights.dtype == found.thresholds.dtype == np.float64
    assert (found.weights.tolist(), found.thresholds.tolist(), found.delta_b) == ([1, 0.5], [0.25, 0], 0.125)
    assert isinstance(found.delta_b, float)
    bare = ct.Constraints.measured(2).in_floats()
    assert bare.weights.dtype == np.float64
    assert bare.thresholds is bare.delta_b is None


def test_budget_takes_the_shape_and_tier_of_a_quantity():
    found = ct.Constraints.schedule(2, delta_b=F(1, 8))
    exact = found.budget(numbers(0, 0, 0))
    assert exact.tolist() == [F(1, 8)] * 3
    assert all(isinstance(x, F) for x in exact)
    floats = found.budget(np.zeros((2, 1)))
    assert (floats.dtype, floats.tolist()) == (np.float64, [[0.125], [0.125]])


# --- what is measured -------------------------------------------------------------------------------------


@given(strategies.worlds(64) | strategies.kernel_worlds(64), st.data())
def test_measured_is_the_smallest_that_holds(world, data):
    weights = data.draw(strategies.weights(world.horizon))
    thresholds = [w * x for w, x in zip(weights, oracles.ell(world), strict=True)]
    budget = oracles.delta_b(world, weights)

    def failed(c, delta_b):
        constraints = ct.Constraints(numbers(*weights), c, delta_b)
        return ct.check(convert.instance(world), ["eq-7"], constraints, drop=["falling-ratio"])[0].failed

    assert failed(None, None) == failed(numbers(*thresholds), budget) == ()
    less = F(99, 100)
    if max(thresholds) > 0:
        assert failed(numbers(*thresholds) * less, None) == ("thresholds",)
    if budget > 0:
        assert failed(None, budget * less) == ("prefix-budget",)


def test_an_instance_brings_its_own():
    given_ = ct.Constraints.schedule(2, delta=F(1, 2), delta_b=F(1, 3))
    plain = convert.instance(BY_HAND)
    bound = ct.Instance(plain.space, plain.initial, plain.mu, plain.pi, plain.reward, constraints=given_)
    # 2 xi T (T - 1) lbar delta_b with xi = 4: 16 * 1/2 * 1/3; measured, given in the call, 16 * 1/2 * 1/4.
    assert ct.check(bound, ["thm-1"])[0].rhs == F(8, 3)
    assert ct.check(bound, ["thm-1"], ct.Constraints.measured(2))[0].rhs == 2
    assert ct.check(bound.in_floats(), ["thm-1"])[0].rhs == pytest.approx(8 / 3, rel=1e-15)


# --- what is refused --------------------------------------------------------------------------------------

REFUSED = [
    ({"weights": []}, "weights: found shape (0,); shape (T,) is required"),
    ({"weights": [[1, 1]]}, "weights: found shape (1, 2); shape (T,) is required"),
    ({"weights": F(1)}, "weights: found shape (); shape (T,) is required"),
    # w_t ~ T - t has w_T = 0: no l_T = c_T / w_T.
    ({"weights": [1, F(1, 2), 0]}, "weights[2]: found 0; a positive number is required"),
    ({"weights": [1, -0.5, -1]}, "weights[1]: found -0.5; a positive number is required"),
    ({"weights": [1.0, NAN]}, "weights[1]: found nan; a finite number is required"),
    ({"weights": [1, INFINITY]}, "weights[1]: found inf; a finite number is required"),
    ({"thresholds": [0, 0]}, "thresholds: found shape (2,); the weights have shape (3,)"),
    ({"thresholds": F(1, 2)}, "thresholds: found shape (); the weights have shape (3,)"),
    ({"thresholds": [0, 1, F(-1, 2)]}, "thresholds[2]: found -1/2; a non-negative number is required"),
    ({"thresholds": [NAN, 1, 1]}, "thresholds[0]: found nan; a finite number is required"),
    ({"delta_b": F(-1, 2)}, "delta_b: found -1/2; a non-negative number is required"),
    ({"delta_b": NAN}, "delta_b: found nan; a finite number is required"),
    ({"delta_b": [1, 2]}, "delta_b: found shape (2,); one number is required"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refused(fields, message):
    with pytest.raises(ct.InputError) as caught:
        ct.Constraints(**{"weights": [ONE] * 3, **fields})
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": [1, "1/2"]}, "weights[1]: found '1/2'; an integer, a Fraction or a float is required"),
        (
            {"thresholds": [None, 1, 1]},
            "thresholds[0]: found None; an integer, a Fraction or a float is required",
        ),
    ],
)
def test_wrong_kind(fields, message):
    with pytest.raises(TypeError) as caught:
        ct.Constraints(**{"weights": [ONE] * 3, **fields})
    assert str(caught.value) == message


def test_schedule_refuses_what_its_parts_refuse():
    with pytest.raises(ct.InputError, match=r"^w_min: found 0; "):
        ct.Constraints.schedule(3, w_min=0)
    with pytest.raises(ct.InputError, match=r"^delta: found -1; "):
        ct.Constraints.schedule(3, delta=-1)
    with pytest.raises(ct.InputError, match=r"^horizon: found -1; "):
        ct.Constraints.schedule(-1, delta=F(1, 2))


def test_horizons_must_agree():
    instance = convert.instance(BY_HAND)
    with pytest.raises(ct.InputError, match=r"^weights: found 3 weights; the horizon 2 needs 2$"):
        ct.check(instance, ["thm-1"], ct.Constraints.measured(3))
