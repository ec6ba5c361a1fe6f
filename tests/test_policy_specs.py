"""Policies by name: what --policies means, and what it refuses."""

import json
from fractions import Fraction

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.divergence import total_variation
from cppo_theory.policy import random_policy
from cppo_theory.policy_specs import policies, save_policy

STATIONARY = ct.Automaton(np.array([[0, 1, 1], [1, 0, 1]]), 5)
LEVELS = ct.Automaton([np.array([[0, 1]]), np.array([[0, 0], [1, 1]])], 2, 2)


def test_uniform_is_exact_and_one_object_on_a_stationary_machine():
    mu, pi = policies("uniform", STATIONARY)
    assert pi is mu
    assert all(table is mu[0] for table in mu)
    assert mu[0].tolist() == [[Fraction(1, 3)] * 3] * 2


def test_softmax_is_drawn_from_its_seed():
    (mu, pi), (again, other) = (policies(f"softmax:{seed},softmax:7:2", STATIONARY) for seed in (3, 4))
    expected = random_policy([2, 1], 3, np.random.default_rng(3))[0]
    np.testing.assert_array_equal(mu[0], expected)
    np.testing.assert_array_equal(pi[0], other[0])
    assert np.abs(mu[0] - again[0]).max() > 0.01
    wider = random_policy([2, 1], 3, np.random.default_rng(7), scale=2.0)[0]
    np.testing.assert_array_equal(pi[0], wider)


def test_levels_of_a_machine_that_varies_get_their_own_tables():
    mu, _ = policies("softmax:0", LEVELS)
    assert [table.shape for table in mu] == [(1, 2), (2, 2)]


def test_mixture_and_neighbour_of_the_behaviour_policy():
    mu, mixed = policies("uniform,mixture:1/4:tv:1/3", STATIONARY)
    _, moved = policies("uniform,tv:1/3", STATIONARY)
    assert moved[0].tolist() == [[Fraction(2, 3), Fraction(1, 6), Fraction(1, 6)]] * 2
    assert set(total_variation(mu[0], mixed[0])) == {Fraction(1, 12)}
    assert all(table is mixed[0] for table in mixed)


def test_a_float_behaviour_policy_makes_float_neighbours():
    mu, near = policies("softmax:1,tv:0.05", STATIONARY)
    np.testing.assert_allclose(total_variation(mu[0], near[0]), 0.05, atol=1e-15)


@pytest.mark.parametrize("space", [STATIONARY, LEVELS], ids=["stationary", "levels"])
def test_a_policy_file_gives_back_what_was_saved(space, tmp_path):
    mu, _ = policies("softmax:5", space)
    save_policy(mu, tmp_path / "trained.json")
    read, _ = policies(f"file:{tmp_path / 'trained.json'}", space)
    for table, given in zip(read, mu, strict=True):
        np.testing.assert_array_equal(table, given)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "found ''; known forms are uniform, softmax:SEED"),
        ("greedy", "found 'greedy'; known forms are"),
        ("uniform:2", "uniform has no number"),
        ("softmax:x", "softmax:SEED is required"),
        ("mixture:1/2:uniform", "is for the target policy"),
        ("tv:1/2", "is for the target policy"),
        ("uniform,mixture:1/2", "mixture:SHARE:POLICY"),
        ("uniform,tv:x", "tv: found"),
        ("uniform,tv:1/0", "denominator"),
        ("uniform,tv:3/4", r"distance\[0\]\[0\]: found 3/4 where the others have mass 2/3"),
        ("uniform,mixture:2:uniform", "share: found 2"),
    ],
)
def test_bad_specs(spec, words):
    with pytest.raises(ct.InputError, match=words):
        policies(spec, STATIONARY)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"schema": "cppo-policy/2"}, '"cppo-policy/1" is required'),
        ({"schema": "cppo-policy/1", "policies": []}, "did you mean 'policy'"),
        (
            {"schema": "cppo-policy/1", "policy": [[[1, 0, 0]]]},
            "policy: found a list of 1 levels; the horizon 5 needs",
        ),
        (
            {"schema": "cppo-policy/1", "policy": {"stationary": [[1, 0, 0]]}},
            "policy.stationary: found a list of 1; a list of 2",
        ),
    ],
)
def test_bad_policy_files(content, words, tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ct.InputError, match=words):
        policies(f"file:{path}", STATIONARY)
