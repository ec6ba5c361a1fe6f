"""`lemma-3` and `lemma-3-union`: the most strained level by enumeration, equality, dropped hypotheses."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given

import cppo_theory as ct
from tests import convert, oracles, oracles_bounds, strategies
from tests.claims.common import (
    BATCH_SPACES,
    assert_batch_is_one_by_one,
    assert_needed,
    assert_sides,
    cases,
    jump_world,
    limits_of_first,
    random_batch,
    unit,
    verdict,
)
from tests.claims.worlds import RARE, UNEVEN_CASES, also
from tests.oracles_world import tree_world
from tests.tolerances import ROUNDING

F = Fraction
CLAIMS = ("lemma-3", "lemma-3-union")
TREES = strategies.worlds()


def most_strained(world, limits):
    """Of the largest suffix TV of each level and its limit the first pair of largest quotient."""
    tv, visited = oracles.suffix_tv(world), oracles.reachable(world)
    largest = [max(d for d, r in zip(tv[t], visited[t], strict=True) if r) for t in range(world.horizon)]

    def strain(pair):
        return pair[0] / pair[1] if pair[1] > 0 else (inf if pair[0] > pair[1] else 0)

    return max(zip(largest, limits, strict=True), key=strain)


@given(cases(TREES))
@also("case", UNEVEN_CASES[:2])
def test_product_form(case):
    sides = most_strained(case.world, oracles_bounds.lemma_3_product(case.ell))
    assert_sides(case.world, "lemma-3", *sides, case.limits, ("thresholds", "ell-at-most-1"))


@given(cases(TREES))
@also("case", UNEVEN_CASES[:2])
def test_union_form(case):
    sides = most_strained(case.world, oracles_bounds.lemma_3_union(case.ell))
    assert_sides(case.world, "lemma-3-union", *sides, case.limits, ("thresholds",))


@given(cases(TREES))
@also("case", UNEVEN_CASES[:2])
def test_symbols(case):
    values = ct.evaluate(convert.instance(case.world), keep=["suffix_tv"])
    assert [list(level) for level in values.suffix_tv] == oracles.suffix_tv(case.world)
    from_root = np.array([F(0), *case.ell], dtype=object)
    assert list(ct.bounds.suffix_product(from_root)[:-1]) == oracles_bounds.lemma_3_product(case.ell)
    assert list(ct.bounds.suffix_union(from_root)[:-1]) == oracles_bounds.lemma_3_union(case.ell)


@given(strategies.automaton_worlds() | strategies.kernel_worlds())
def test_only_on_trees(world):
    for claim in CLAIMS:
        found = verdict(world, claim)
        assert (found.status, found.failed) == ("not applicable", ("prefix tree",))
        assert found.lhs is found.rhs is None


def test_by_hand():
    # P^mu = 1/4 each, P^pi = (35, 21, 3, 5)/64: TV from the root (19 + 5)/64 = 3/8; at the last token 1/8.
    # l = (3/8, 1/4): 1 - 5/8 * 3/4 = 17/32 and 3/8 + 1/4 = 5/8 from the root, where 12/17 and 3/5 of the
    # limit are used, against 1/2 at the last token.
    half = ["1/2", "1/2"]
    pi = [[["7/8", "1/8"]], [["5/8", "3/8"], ["3/8", "5/8"]]]
    world = tree_world([1], [[half], [half, half]], pi, [0, 0, 0, 0])
    limits = unit(2, [F(3, 8), F(1, 4)])
    assert_sides(world, "lemma-3", F(3, 8), F(17, 32), limits)
    assert_sides(world, "lemma-3-union", F(3, 8), F(5, 8), limits)


def test_unreachable_states_do_not_count():
    # Token 1 is never drawn, after it D = 1/2. After token 0 it is 1/4, and so is the TV from the root.
    half = ["1/2", "1/2"]
    world = tree_world([1], [[[1, 0]], [half, half]], [[[1, 0]], [["3/4", "1/4"], [1, 0]]], [0, 0, 0, 0])
    for claim in CLAIMS:
        assert_sides(world, claim, F(1, 4), F(1, 4), hypotheses=("thresholds",))


def test_equality():
    # mu = (1 - l_t, l_t) and pi = (1, 0) in every state: D_t = l_t, and only the path 00..0 is common, so the
    # TV from the root is 1 - (1 - 1/2)(1 - 1/3)(1 - 1/5) = 11/15, the first of the levels that attain.
    ell = [F(1, 2), F(1, 3), F(1, 5)]
    mu = [[[1 - x, x]] * 2**t for t, x in enumerate(ell)]
    world = tree_world([1], mu, [[[1, 0]] * 2**t for t in range(3)], [0] * 8)
    assert_sides(world, "lemma-3", F(11, 15), F(11, 15))
    # The union bound attains at the last token, whatever the instance (with measured thresholds).
    assert_sides(world, "lemma-3-union", ell[2], ell[2])


def test_the_union_bound_is_sharp_from_the_root():
    # At l_t = d = 1/10000 the same TV is 1 - (1 - d)^3 of at most 3 d: 1 - d + d^2 / 3 of it.
    d = F(1, 10_000)
    values = ct.evaluate(convert.instance(jump_world([d] * 3, d**3)), keep=["suffix_tv"])
    limit = ct.bounds.suffix_union(np.array([F(0), d, d, d], dtype=object))[0]
    assert F(999, 1000) < values.suffix_tv[0][0] / limit < 1


# --- dropped hypotheses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("claim", CLAIMS)
def test_thresholds_are_needed_at_rare_states(claim):
    # Thresholds as 500 rollouts measure them that never visit the rare state (probability .999^500 = .61).
    assert assert_needed(RARE, claim, "thresholds", unit(2, [F(1, 5), 0])) == (F(1, 2), 0)


def test_ell_at_most_1_is_needed():
    # l = (3, 3) bounds the TV of two tokens by 1 - (1 - 3)^2 = -3; the union bound 6 is true.
    lhs, rhs = assert_needed(RARE, "lemma-3", "ell-at-most-1", unit(2, [3, 3]))
    # From the root: 00 gains 201/1000 - 1/2000, 01 loses 1/2000, 10 and 11 lose 1/10 each: TV 401/2000.
    assert (lhs, rhs) == (F(401, 2000), -3)
    assert verdict(RARE, "lemma-3-union", unit(2, [3, 3])).status == "holds"


@given(cases(TREES))
@also("case", UNEVEN_CASES[:2])
def test_floats(case):
    # Levels that tie exactly may differ by rounding, so the quotients are compared and not the sides.
    constraints = case.limits.package()
    exact, floats = (
        ct.check(make(case.world), CLAIMS, constraints) for make in (convert.instance, convert.float_instance)
    )
    for found, expected in zip(floats, exact, strict=True):
        assert (found.status, found.failed) == (expected.status, expected.failed)
        if expected.rhs > 0:
            assert found.lhs / found.rhs == pytest.approx(float(expected.lhs / expected.rhs), abs=ROUNDING)


def test_batch():
    tree, *others = BATCH_SPACES
    batch = random_batch(tree)
    assert assert_batch_is_one_by_one(batch, CLAIMS) == {"holds"}
    limits = limits_of_first(batch)
    assert assert_batch_is_one_by_one(batch, CLAIMS, limits) == {"holds", "not applicable"}
    for space in others:
        assert assert_batch_is_one_by_one(random_batch(space), CLAIMS) == {"not applicable"}
