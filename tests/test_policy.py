"""Tabular policies: rows are distributions, prescribed total variation, mixtures."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cppo_theory as ct
from cppo_theory import policy
from tests import oracles, oracles_bounds, strategies
from tests.tolerances import ROUNDING

F = Fraction
SIZES = ct.PrefixTree(3, 3, prompts=2).sizes
RNG = np.random.default_rng


def rows(tables):
    return [row for table in tables for row in table.reshape(-1, table.shape[-1]).tolist()]


# --- drawn policies ---------------------------------------------------------------------------------------


def test_uniform_policy():
    tables = policy.uniform_policy(SIZES, 3)
    assert [table.shape for table in tables] == [(2, 3), (6, 3), (18, 3)]
    assert all(row == [F(1, 3)] * 3 for row in rows(tables))


def test_softmax():
    # Logits log 1, log 2, log 5 and the same far away: 1/8, 2/8, 5/8.
    logits = np.log([[1.0, 2.0, 5.0]])
    for shift in (0.0, 800.0, -800.0):
        (found,) = policy.softmax([logits + shift])
        np.testing.assert_allclose(found, [[0.125, 0.25, 0.625]], rtol=0, atol=ROUNDING)


def test_random_policy():
    tables = policy.random_policy(SIZES, 3, RNG(1), batch=(4,))
    assert [table.shape for table in tables] == [(4, 2, 3), (4, 6, 3), (4, 18, 3)]
    assert all(abs(sum(row) - 1) < ROUNDING and min(row) > 0 for row in rows(tables))
    assert len({tuple(row) for row in rows(tables)}) == 4 * 26
    again = policy.random_policy(SIZES, 3, RNG(1), batch=(4,))
    assert all((x == y).all() for x, y in zip(tables, again, strict=True))


def test_the_scale_concentrates():
    # The mean of the largest entry over 624 rows: 1/3 at scale 0, about .55 at 1, .95 at 20. The standard
    # error is below .01 (entries in [1/3, 1], deviation below 1/4), so the margins are 10 of them.
    def sharpness(scale):
        return np.mean([max(row) for row in rows(policy.random_policy(SIZES, 3, RNG(2), (24,), scale))])

    assert sharpness(0.0) == pytest.approx(1 / 3)
    assert 0.4 < sharpness(1.0) < 0.7
    assert sharpness(20.0) > 0.85


def test_random_rational_policy():
    mu = policy.random_rational_policy(SIZES, 3, RNG(3), top=2)
    pi = policy.random_rational_policy(SIZES, 3, RNG(4), support=mu, top=2)
    assert all(sum(row) == 1 and min(row) >= 0 for row in rows(mu) + rows(pi))
    assert all(isinstance(x, Fraction) for row in rows(mu) + rows(pi) for x in row)
    assert all(
        x > 0 or y == 0 for p, q in zip(rows(mu), rows(pi), strict=True) for x, y in zip(p, q, strict=True)
    )
    assert any(0 in row for row in rows(mu))
    assert any(p != q for p, q in zip(rows(mu), rows(pi), strict=True))


def test_a_row_without_counts_gets_an_allowed_action():
    support = [np.array([[F(0), F(1, 2), F(1, 2)]] * 40)]
    (found,) = policy.random_rational_policy((40, 1), 3, RNG(5), support, top=1)
    assert {tuple(row) for row in found.tolist()} == {(0, 1, 0), (0, 0, 1), (0, F(1, 2), F(1, 2))}


# --- mixtures ---------------------------------------------------------------------------------------------


@given(strategies.distribution_pairs(), strategies.unit_fractions() | st.just(F(0)))
def test_mixture(pair, share):
    mu, pi = ([np.array([row])] for row in pair)
    (found,) = policy.mixture(mu, pi, share)
    assert found[0].tolist() == oracles_bounds.mixture(*pair, share)
    assert oracles.tv(pair[0], found[0].tolist()) == share * oracles.tv(*pair)


def test_one_share_per_element_of_a_batch():
    mu, pi = [np.array([[0.5, 0.5]])], [np.array([[1.0, 0.0]])]
    (found,) = policy.mixture(mu, pi, np.array([0.0, 0.5, 1.0]))
    assert found.tolist() == [[[0.5, 0.5]], [[0.75, 0.25]], [[1.0, 0.0]]]


@pytest.mark.parametrize("share", [-0.1, F(11, 10), np.array([0.5, 2.0]), float("nan")])
def test_a_share_outside_the_unit_interval_is_refused(share):
    row = [np.array([[0.5, 0.5]])]
    with pytest.raises(ct.InputError, match=r"share: found .*; a (share in|finite number)"):
        policy.mixture(row, row, share)


# --- a prescribed total variation -------------------------------------------------------------------------


@given(st.data(), strategies.distribution_pairs(min_size=2, zeros=False), st.integers(0, 1))
def test_at_total_variation(data, pair, gainer):
    mu = [np.array([pair[0], pair[1]])]
    steps = [data.draw(strategies.unit_fractions()) * (1 - row[gainer]) for row in pair]
    (found,) = policy.at_total_variation(mu, [np.array(steps)], gainer)
    for row, moved, step in zip(pair, found.tolist(), steps, strict=True):
        assert oracles.tv(row, moved) == step
        assert (sum(moved), moved[gainer]) == (1, row[gainer] + step)
        assert len({x / y for i, (x, y) in enumerate(zip(moved, row, strict=True)) if i != gainer}) == 1


def test_one_distance_per_level():
    mu = [np.array([[F(1, 2), F(1, 4), F(1, 4)]]), np.array([[F(1), F(0), F(0)], [F(1, 2), F(1, 2), F(0)]])]
    first, last = policy.at_total_variation(mu, [F(1, 4), 0])
    assert first.tolist() == [[F(3, 4), F(1, 8), F(1, 8)]]
    assert last.tolist() == mu[1].tolist()


@pytest.mark.parametrize(
    ("distance", "message"),
    [
        ([F(3, 4)], r"distance\[0\]\[0\]: found 3/4 where the others have mass 1/2; a TV between 0"),
        ([np.array([F(1, 4), F(1, 4)])], r"distance\[0\]\[1\]: found 1/4 where the others have mass 0"),
        ([F(-1, 4)], r"distance\[0\]\[0\]: found -1/4"),
    ],
)
def test_a_distance_out_of_reach_is_refused(distance, message):
    with pytest.raises(ct.InputError, match=message):
        policy.at_total_variation([np.array([[F(1, 2), F(1, 2)], [F(1), F(0)]])], distance)


def test_the_gainer_needs_mass():
    with pytest.raises(ct.InputError, match=r"distance\[0\]\[0\]: found 1/4"):
        policy.at_total_variation([np.array([[F(0), F(1)]])], [F(1, 4)])


def test_a_distance_that_is_no_number_is_refused():
    with pytest.raises(ct.InputError, match=r"distance\[0\]: found nan"):
        policy.at_total_variation([np.array([[0.5, 0.5]])], [float("nan")])
