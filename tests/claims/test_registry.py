"""The registry as a whole: every claim of the paper's list, and what the two calls refuse."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.claims import select
from cppo_theory.claims.case import at_most
from cppo_theory.claims.claim import worst

IDS = (
    "pdl lemma-2 lemma-3 lemma-3-union prop-4 eq-4 thm-1 eq-7 prop-5 cor-6 cor-7 uniform prop-8 eq-8-slack "
    "eq-18-terminal eq-18-weights b9-product b9-closed b10-abel b11-tv b11-ratio b11-coupling b11-averaging "
    "b11-abel pinsker mixture half-range"
)
F = Fraction
ROOT = Path(__file__).parents[2]
EQUALITIES = "pdl lemma-2 prop-5 cor-6 cor-7 b11-tv b11-ratio b11-coupling b11-abel mixture"
SUBJECTS = {
    "setting": "prop-5 cor-6 cor-7 eq-18-weights",
    "pair": "b11-tv b11-ratio b11-coupling mixture pinsker",
    "sequence": "b10-abel b11-abel b11-averaging",
}
COIN = ct.jump_family([0], 0.5)


def test_every_claim_of_the_list_is_registered():
    assert list(ct.CLAIMS) == IDS.split()
    assert all(claim.source.startswith("arXiv:2606.10968v2, ") for claim in ct.CLAIMS.values())
    assert select(["thm-1", "pdl"]) == [ct.CLAIMS["thm-1"], ct.CLAIMS["pdl"]]


@pytest.mark.parametrize("claim", ct.CLAIMS.values(), ids=ct.CLAIMS)
def test_a_claim_says_what_it_is(claim):
    assert claim.relation == ("==" if claim.id in EQUALITIES.split() else "<=")
    assert f" {claim.relation} " in claim.formula
    assert claim.statement.endswith(".")
    assert claim.subject == next((s for s, ids in SUBJECTS.items() if claim.id in ids.split()), "instance")
    assert f'"{claim.id}"' in (ROOT / claim.tested_in).read_text("utf-8")


def test_unknown_ids_and_hypotheses_are_refused():
    with pytest.raises(ct.InputError, match=r"claims\[1\]: found 'prop-44'; known ids are pdl, "):
        ct.check(COIN, ["prop-4", "prop-44"])
    with pytest.raises(ct.InputError, match=r"drop\[0\]: found the unknown hypothesis 'threshold'; "):
        ct.check(COIN, ["prop-4"], drop=["threshold"])
    with pytest.raises(ct.InputError, match="the claims asked for have none"):
        ct.check(COIN, ["pdl"], drop=["thresholds"])


def test_a_hypothesis_of_one_claim_can_be_dropped_for_all():
    assert len(ct.check(COIN, drop=["prefix-budget"])) == len(ct.CLAIMS)


def test_check_takes_one_instance():
    batch = ct.Instance(COIN.space, COIN.initial, COIN.mu, COIN.pi, np.ones((3, 2)))
    with pytest.raises(ct.InputError, match=r"instance: found batch axes \(3,\); use check_batch"):
        ct.check(batch)
    assert [outcome.holds.shape for outcome in ct.check_batch(batch, ["pdl"])] == [(3,)]


def test_a_verdict_in_one_line():
    space = ct.Automaton(np.zeros((1, 2), dtype=int), 2)
    one, other = (np.array([[F(1, 2) + d, F(1, 2) - d]]) for d in (0, F(1, 4)))
    instance = ct.Instance(space, [1], one, other, [F(3)])
    # D = 1/4 twice, xi = 3: 2 * 3 * 2 / 16; c = 1/8 and delta_b = 1/16 are both too small, 12 / 128.
    small = ct.Constraints([1, 1], [F(1, 8)] * 2, F(1, 16))
    assert str(ct.check(instance, ["thm-1"])[0]) == "thm-1: holds  0 <= 3/4"
    assert str(ct.check(instance, ["thm-1"], small)[0]) == (
        "thm-1: not applicable  0 <= 3/32  (thresholds, prefix-budget)"
    )
    assert str(ct.check(instance, ["lemma-3"])[0]) == "lemma-3: not applicable  (prefix tree)"


def test_the_pair_that_strains_a_relation_most():
    # ==: 2 and 2 where all are equal, else the largest difference; element by element of a batch.
    lhs, rhs = np.array([[1, 2, 2], [3, 0, 1]]), np.array([[1, 2, 2], [3, 1, 1]])
    assert [side.tolist() for side in worst("==", lhs, rhs)] == [[2, 0], [2, 1]]
    # <=: 2/3 is more than 3/5; 1 <= 0 more than any ratio; and -2, -1 <= 0 strain alike.
    lhs, rhs = np.array([[3.0, 2, 0], [9, 1, 0], [-1, -2, -1]]), np.array([[5.0, 3, 0], [1, 0, 0], [0, 0, 0]])
    assert [side.tolist() for side in worst("<=", lhs, rhs)] == [[2, 1, -2], [3, 0, 0]]


def test_measured_floats_are_compared_up_to_a_relative_rounding():
    # 1e-12 (1 + |y|): 1e-12 about 0 and 1e-11 about 9; Fractions leave no room at all.
    x, y = np.array([0.9e-12, 1.1e-12, 9 + 9e-12, 9 + 1.1e-11]), np.array([0.0, 0, 9, 9])
    assert at_most(x, y).tolist() == [True, False, True, False]
    assert at_most(np.array([F(1), 1 + F(1, 10**15)]), np.array([F(1), F(1)])).tolist() == [True, False]


def test_nothing_is_violated_or_certified_where_all_is_zero():
    still = ct.jump_family([0, 0], 0.5)
    for given in (still, ct.Instance(still.space, still.initial, still.mu, still.pi, np.zeros(4))):
        assert {verdict.status for verdict in ct.check(given)} == {"holds", "not applicable"}
        assert {verdict.status for verdict in ct.check(given, ["thm-1", "pdl", "b11-abel"])} == {"holds"}
        assert not any(verdict.certifies for verdict in ct.check(given))
    assert ct.check(given, ["thm-1"])[0].vacuous  # L' - C = 0 = -xi - J(mu)


def test_exact_constraints_of_a_float_instance_are_floats():
    # 0.8 - 0.5 is above 0.3 in floats, by rounding; the threshold 3/10 is kept all the same.
    assert 0.8 - 0.5 > 0.3
    half, moved = np.array([[0.5, 0.5]]), np.array([[0.8, 0.2]])
    instance = ct.Instance(ct.PrefixTree(2, 1), [1.0], [half], [moved], [1.0, -1.0])
    (found,) = ct.check(instance, ["prop-4"], ct.Constraints([F(1)], [F(3, 10)]))
    assert (found.status, found.failed) == ("holds", ())


@pytest.mark.parametrize(
    ("relation", "off", "status"),
    [
        ("==", [1.1e-8, 0.9e-8, -0.9e-8, -1.1e-8], ["violated", "holds", "holds", "violated"]),
        ("<=", [1.1e-8, 0.9e-8, -0.9e-8, -1.1e-8], ["violated", "holds", "holds", "holds"]),
    ],
)
def test_float_sides_are_compared_in_the_unit_of_the_claim(relation, off, status):
    # 1e-10 in units of 100.
    for lhs, expected in zip(off, status, strict=True):
        claim = replace(
            ct.CLAIMS["pdl"],
            relation=relation,
            sides=lambda case, lhs=lhs: (np.array([lhs]), np.zeros(1)),
            scale=lambda case: np.array([100.0]),
        )
        assert ct.claims.verdict_of(ct.claims.decide(claim, ct.claims.Case(COIN))).status == expected


def test_a_bound_at_its_trivial_value_is_vacuous():
    claim = replace(ct.CLAIMS["pinsker"], sides=lambda case: (np.zeros(3), np.array([0.99, 1, 1.01])))
    batch = ct.Instance(COIN.space, COIN.initial, COIN.mu, COIN.pi, np.ones((3, 2)))
    outcome = ct.claims.decide(claim, ct.claims.Case(batch))
    assert outcome.vacuous is not None
    assert outcome.vacuous.tolist() == [False, True, True]


def test_what_needs_a_tree_is_neither_held_nor_violated_elsewhere():
    half = np.array([[0.5, 0.5]])
    coin = ct.Instance(ct.Automaton(np.zeros((1, 2), dtype=int), 1), [1.0], half, half)
    (outcome,) = ct.check_batch(coin, ["lemma-3"])
    for found in (outcome.applicable, outcome.holds, outcome.violated, outcome.met["prefix tree"]):
        assert (found.dtype, found.tolist()) == (bool, [False])


def test_a_case_has_one_batch_axis():
    batch = ct.Instance(COIN.space, COIN.initial, COIN.mu, COIN.pi, np.ones((3, 1, 2)))
    with pytest.raises(ct.InputError, match=r"^instance: found batch axes \(3, 1\); at most one is allowed$"):
        ct.claims.Case(batch)
