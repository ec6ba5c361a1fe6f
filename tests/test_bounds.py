"""The formulas of `bounds` by themselves: batch axes, tiers, refusals. Their values are in tests/claims."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory import bounds
from tests import oracles_bounds

F = Fraction
NEED_A_HORIZON = {
    "lam": lambda horizon: bounds.lam(1, horizon, F(1, 2)),
    "thm_1": lambda horizon: bounds.thm_1(1, horizon, F(1, 2), F(1, 4)),
    "eq_7": lambda horizon: bounds.eq_7(1, horizon, F(1, 2), F(1, 4), 1),
    "uniform": lambda horizon: bounds.uniform(1, horizon, F(1, 2)),
    "prop_8": lambda horizon: bounds.prop_8(1, horizon, F(1, 2), F(1, 4), F(1, 8), 1),
    "eq_18_terminal": lambda horizon: bounds.eq_18_terminal(1, horizon, F(1, 2), F(1, 4)),
    "b9_closed": lambda horizon: bounds.b9_closed(1, horizon, F(1, 2), F(1, 4)),
}
NEED_POSITIONS = {
    "suffix_union": ("ell", bounds.suffix_union),
    "suffix_product": ("ell", bounds.suffix_product),
    "eq_4": ("expected_tv", lambda u: bounds.eq_4(1, u, F(1, 2))),
    "prop_4": ("expected_tv", lambda u: bounds.prop_4(1, u, [F(1, 2)])),
    "eq_8_slack": ("weights", lambda weights: bounds.eq_8_slack(F(1, 2), F(1, 4), weights)),
}


@pytest.mark.parametrize("formula", NEED_A_HORIZON.values(), ids=NEED_A_HORIZON)
def test_a_horizon_is_a_positive_integer(formula):
    with pytest.raises(ct.InputError, match=r"^horizon: found 0; an integer of at least 1 is required$"):
        formula(0)
    with pytest.raises(TypeError, match=r"^horizon: found 2\.0; an integer is required$"):
        formula(2.0)


@pytest.mark.parametrize(("field", "formula"), NEED_POSITIONS.values(), ids=NEED_POSITIONS)
def test_positions_are_the_last_axis(field, formula):
    with pytest.raises(ct.InputError, match=rf"^{field}: found shape \(\); one entry per position"):
        formula(F(1, 2))
    with pytest.raises(ct.InputError, match=rf"^{field}: found shape \(2, 0\); one entry per position"):
        formula(np.zeros((2, 0)))


def test_lengths_must_agree():
    with pytest.raises(ct.InputError, match=r"^expected_tv, ell: found 2 and 3 positions; one entry per "):
        bounds.prop_4(1, [F(1, 2)] * 2, [F(1, 2)] * 3)


def test_every_formula_takes_batch_axes():
    """Two of them, of different length than T and each other; every entry is that of the oracle."""
    rng, shape, horizon = Random(7), (2, 3), 4

    def numbers(*axes: int) -> np.ndarray:
        return np.array([F(rng.randint(1, 99), 100) for _ in range(np.prod(axes))]).reshape(axes)

    u, ell, w = (numbers(*shape, horizon) for _ in range(3))
    xi, d, b = (numbers(*shape) for _ in range(3))
    found = {
        "suffix_union": bounds.suffix_union(ell),
        "suffix_product": bounds.suffix_product(ell),
        "lam": bounds.lam(xi, horizon, d),
        "prop_4": bounds.prop_4(xi, u, ell),
        "eq_4": bounds.eq_4(xi, u, ell.max(-1)),
        "b9_product": bounds.b9_product(xi, u, ell),
        "b9_closed": bounds.b9_closed(xi, horizon, d, b),
        "thm_1": bounds.thm_1(xi, horizon, d, b),
        "eq_8_slack": bounds.eq_8_slack(d, b, w),
    }
    for i in np.ndindex(shape):
        rows = [list(table[i]) for table in (u, ell, w)]
        expected = {
            "suffix_union": [sum(rows[1][t + 1 :], F(0)) for t in range(horizon)],
            "suffix_product": oracles_bounds.beta(rows[1]),
            "lam": oracles_bounds.lam(xi[i], horizon, d[i]),
            "prop_4": oracles_bounds.prop_4(xi[i], rows[0], rows[1]),
            "eq_4": oracles_bounds.eq_4(xi[i], rows[0], rows[1]),
            "b9_product": oracles_bounds.b9_product(xi[i], rows[0], rows[1]),
            "b9_closed": oracles_bounds.b9_closed(xi[i], horizon, d[i], b[i]),
            "thm_1": oracles_bounds.thm_1(xi[i], horizon, d[i], b[i]),
            "eq_8_slack": oracles_bounds.eq_8_sharp_slack(rows[2], d[i], b[i]),
        }
        assert {name: np.asarray(array[i]).tolist() for name, array in found.items()} == expected


def test_one_sequence_needs_no_batch_axis():
    # xi = 2, lbar = 1/2: lambda = 4 (2, 1, 0), so 4 (2 * 1/4 + 1/8). b9: 4 * 2 * 1/4 * (3/4 + 1/2).
    u = [F(1, 4), F(1, 8), F(1)]
    assert bounds.lam(2, 3, F(1, 2)).tolist() == [8, 4, 0]
    assert bounds.eq_4(2, u, F(1, 2)) == F(5, 2)
    assert bounds.b9_closed(2, 3, F(1, 2), F(1, 4)) == F(5, 2)


def test_floats_stay_floats():
    found = bounds.lam(2.0, 3, 0.5)
    assert (found.dtype, found.tolist()) == (np.float64, [8, 4, 0])
    for formula in (bounds.suffix_union, bounds.suffix_product):
        assert formula([0.5, 0.25]).dtype == np.float64


def test_integers_are_exact():
    assert bounds.suffix_union([1, 2, 3]).dtype == object
    assert bounds.suffix_union(np.array([1, 2, 3], dtype=np.uint8)).tolist() == [5, 3, 0]
    empty = bounds.eq_4(F(2), [F(1)], F(1, 2))  # T = 1: a sum over no position
    assert (empty, type(empty)) == (0, Fraction)
