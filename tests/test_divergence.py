"""Total variation in both tiers; KL to full precision for close, far and vanishing probabilities."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import inf, log

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cppo_theory.divergence import kl_divergence, total_variation
from tests import oracles, oracles_bounds, strategies
from tests.tolerances import KL_NEAR, RELATIVE, ROUNDING

F = Fraction
PAIRS = strategies.distribution_pairs()


def kl(p, q) -> float:
    """sum p log(p / q) of the very numbers, floats or Fractions, in 60 digits; 0 log 0 = 0."""
    with localcontext(prec=60):
        result = Decimal(0)
        for x, y in zip(map(F, p), map(F, q), strict=True):
            if x > 0:
                ratio = x / y
                logarithm = Decimal(ratio.numerator).ln() - Decimal(ratio.denominator).ln()
                result += Decimal(x.numerator) / Decimal(x.denominator) * logarithm
        return float(result)


# --- total variation --------------------------------------------------------------------------------------


@given(PAIRS)
def test_total_variation(pair):
    p, q = (np.array(x) for x in pair)
    expected = oracles_bounds.tv_by_events(*pair)
    assert total_variation(p, q).item() == total_variation(q, p).item() == expected
    found = total_variation(p.astype(float), q.astype(float))
    assert found.item() == pytest.approx(float(expected), abs=ROUNDING)


def test_a_small_total_variation_keeps_its_digits():
    # 2^-40 apart, exactly representable; 1 - sum min would be off by 1e-16 / 2^-40.
    d = 2.0**-40
    assert total_variation(np.array([0.5, 0.5]), np.array([0.5 + d, 0.5 - d])).item() == d


@pytest.mark.parametrize("change", [np.asarray, lambda x: np.asarray(x, dtype=float)])
def test_rows_and_batch_axes(change):
    p = change(np.array([[[F(1, 2), F(1, 2)], [F(1, 4), F(3, 4)]]] * 3))
    q = change(np.array([[F(1), F(0)], [F(1, 2), F(1, 2)]]))
    assert total_variation(p, q).tolist() == [[0.5, 0.25]] * 3
    for divergence in (total_variation, kl_divergence):
        rows = [[divergence(a, b).item() for a, b in zip(level, q, strict=True)] for level in p]
        assert divergence(p, q).tolist() == rows


# --- KL ---------------------------------------------------------------------------------------------------


@given(PAIRS)
@example(((F(1, 2), F(1, 2)), (F(0), F(1))))
def test_kl_both_ways(pair):
    p, q = pair
    found = kl_divergence(np.array(p), np.array(q)).item(), kl_divergence(np.array(q), np.array(p)).item()
    assert found[0] == pytest.approx(oracles.kl(p, q), rel=RELATIVE)
    assert found[1] == pytest.approx(oracles.kl(q, p), rel=RELATIVE)


def test_kl_by_hand():
    # 1/2 log 2 + 1/2 log(2/3) and, the other way round, 1/4 log(1/2) + 3/4 log(3/2).
    p, q = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    assert kl_divergence(p, q).item() == pytest.approx(log(4 / 3) / 2, rel=RELATIVE)
    assert kl_divergence(q, p).item() == pytest.approx(log(0.5) / 4 + 0.75 * log(1.5), rel=RELATIVE)
    assert kl_divergence(p, p).item() == 0


@given(
    st.floats(1e-8, 0.4), st.lists(st.floats(-1, 1), min_size=2, max_size=5).filter(lambda x: abs(x[0]) > 0.1)
)
@example(1e-8, [1.0, -1.0])
@example(1e-6, [0.5, -0.25, -0.25])
def test_kl_for_p_near_q(scale, directions):
    """sum p log(p / q) = sum of p log(p / q) - p + q minus (sum q - sum p), which cancels to nothing here."""
    p = np.full(len(directions), 1 / len(directions))
    q = p * (1 + scale * np.array(directions))
    expected = kl(p, q) + float(sum(map(F, q)) - sum(map(F, p)))
    assert kl_divergence(p, q).item() == pytest.approx(expected, rel=KL_NEAR, abs=0)


@given(st.floats(1e-300, 0.5), st.floats(1e-300, 0.5))
@example(0.5, 1e-20)  # q / p - 1 rounds to -1: was inf
@example(0.5, 1e-14)  # and loses digits: was wrong by 5e-4
@example(1e-310, 0.5)  # q / p overflows
@example(5e-324, 5e-324)
def test_kl_for_p_far_from_q(x, y):
    p, q = np.array([x, 1 - x]), np.array([y, 1 - y])
    assert kl_divergence(p, q).item() == pytest.approx(kl(p, q), rel=KL_NEAR, abs=ROUNDING)


def test_kl_of_vanishing_probabilities():
    p, q = np.array([0.5, 0.5, 0.0]), np.array([1.0, 0.0, 0.0])
    assert kl_divergence(p, q).item() == inf
    assert kl_divergence(q, p).item() == pytest.approx(log(2), rel=RELATIVE)
    assert kl_divergence(np.array([0.0, 1.0]), np.array([0.5, 0.5])).item() == pytest.approx(log(2))
    assert kl_divergence(np.array([F(1, 2), F(1, 2)]), np.array([F(1), F(0)])).item() == inf


@given(PAIRS)
def test_pinsker_and_signs(pair):
    p, q = (np.array(x) for x in pair)
    found = kl_divergence(p, q)
    assert found >= 0
    assert (found == 0) == (pair[0] == pair[1])
    assert found.dtype == np.float64
