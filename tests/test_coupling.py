"""The sampler of the stepwise maximal coupling: laws of both sides, and how often they part.

Every test has a fixed seed; a stated bound fails with probability at most 1e-6 over seeds (Hoeffding).
"""

from fractions import Fraction
from itertools import product
from math import log, sqrt

import numpy as np
import pytest

from cppo_theory import Automaton, InputError, Instance, Kernel, PrefixTree
from cppo_theory.coupling import sample_coupling

PAIRS = 40_000


def within(cases):
    """How far a frequency of `PAIRS` draws may be from its probability, for `cases` of them at once."""
    return sqrt(log(2 * cases / 1e-6) / (2 * PAIRS))


def tree():
    """V = 3, T = 3, two prompts; uneven, with zeros of pi, rows that are equal, and disjoint ones."""
    rng = np.random.default_rng(7)
    mu, pi = [], []
    for t in range(3):
        counts = rng.integers(1, 7, (2 * 3**t, 3)).astype(object)
        other = rng.integers(0, 7, (2 * 3**t, 3)).astype(object) + np.array([1, 0, 0], dtype=object)
        other[0] = counts[0]
        for rows, out in ((counts, mu), (other, pi)):
            out.append(np.frompyfunc(Fraction, 2, 1)(rows, rows.sum(-1, keepdims=True)))
    half = Fraction(1, 2)
    return Instance(PrefixTree(3, 3, 2), [half, half], mu, pi)


def law(instance, tables, level, state):
    """Probability of every suffix, by the chain rule."""
    out = {}
    for suffix in product(range(3), repeat=3 - level):
        s, p = state, Fraction(1)
        for t, token in enumerate(suffix, start=level):
            p *= tables[t][s][token]
            s = 3 * s + token
        out[suffix] = p
    return out


def staying(instance, level, state):
    """Probability of never parting, sum over shared suffixes of prod min(mu, pi)."""
    total = Fraction(0)
    for suffix in product(range(3), repeat=3 - level):
        s, p = state, Fraction(1)
        for t, token in enumerate(suffix, start=level):
            p *= min(instance.mu[t][s][token], instance.pi[t][s][token])
            s = 3 * s + token
        total += p
    return total


@pytest.mark.parametrize(("level", "state"), [(0, 1), (1, 4), (2, 0)])
def test_each_side_has_the_law_of_its_policy(level, state):
    instance = tree()
    drawn = sample_coupling(instance, level, state, PAIRS, np.random.default_rng(1))
    for tokens, tables in ((drawn.mu_tokens, instance.mu), (drawn.pi_tokens, instance.pi)):
        expected = law(instance, tables, level, state)
        for suffix, probability in expected.items():
            share = (tokens == suffix).all(-1).mean()
            assert abs(share - float(probability)) <= within(2 * len(expected)), suffix


@pytest.mark.parametrize(("level", "state"), [(0, 0), (0, 1), (1, 2), (2, 11)])
def test_they_part_with_the_probability_of_the_coupling(level, state):
    instance = tree()
    drawn = sample_coupling(instance, level, state, PAIRS, np.random.default_rng(2))
    assert abs(drawn.differ / PAIRS - float(1 - staying(instance, level, state))) <= within(1)


def test_parting_is_the_first_difference():
    drawn = sample_coupling(tree(), 1, 3, 500, np.random.default_rng(3))
    for mu, pi, parted in zip(drawn.mu_tokens, drawn.pi_tokens, drawn.parted, strict=True):
        different = np.flatnonzero(mu != pi)
        assert parted == (different[0] + 2 if len(different) else 0)  # level 1 draws position 2 first
    assert drawn.differ == (drawn.mu_tokens != drawn.pi_tokens).any(-1).sum() > 0


def test_one_token_by_hand():
    """mu = (1/2, 1/2, 0), pi = (1/4, 0, 3/4) would break pi << mu; so (1/2, 1/4, 1/4) to (1/4, 0, 3/4).

    min = (1/4, 0, 1/4), D = 1/2; apart, mu's token is 0 or 1 with odds 1 : 1, pi's is 2.
    """
    quarter = Fraction(1, 4)
    mu, pi = [[[2 * quarter, quarter, quarter]]], [[[quarter, 0 * quarter, 3 * quarter]]]
    instance = Instance(PrefixTree(3, 1), [1], mu, pi)
    drawn = sample_coupling(instance, 0, 0, PAIRS, np.random.default_rng(4))
    pairs = {(0, 0): 1 / 4, (2, 2): 1 / 4, (0, 2): 1 / 4, (1, 2): 1 / 4}
    for x, y in product(range(3), repeat=2):
        share = ((drawn.mu_tokens[:, 0] == x) & (drawn.pi_tokens[:, 0] == y)).mean()
        assert abs(share - pairs.get((x, y), 0)) <= (within(4) if (x, y) in pairs else 0)


def test_equal_policies_never_part_and_an_automaton_draws_as_its_tree():
    space = Automaton(np.array([[0, 1], [1, 0]]), 4)
    table = np.array([[0.3, 0.7], [0.9, 0.1]])
    moved = np.array([[0.5, 0.5], [0.8, 0.2]])
    same = Instance(space, [1.0, 0.0], table, table)
    assert sample_coupling(same, 0, 0, 1000, np.random.default_rng(5)).differ == 0
    other = Instance(space, [1.0, 0.0], table, moved)
    states = [np.array([0]), np.array([0, 1])]
    for _ in range(2):
        states.append(np.ravel([[s, 1 - s] for s in states[-1]]))
    unrolled = Instance(PrefixTree(2, 4), [1.0], [table[s] for s in states], [moved[s] for s in states])
    one, two = (sample_coupling(i, 0, 0, 1000, np.random.default_rng(6)) for i in (other, unrolled))
    for name in ("mu_tokens", "pi_tokens", "parted"):
        assert (getattr(one, name) == getattr(two, name)).all()


def kernel():
    """Kernel of one state."""
    space = Kernel(np.zeros((1, 2, 1), dtype=int), np.ones((1, 2, 1)), horizon=2)
    return Instance(space, [1.0], np.array([[0.5, 0.5]]), np.array([[0.5, 0.5]]))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((kernel(), 0, 0, 1), InputError, "instance: found a kernel"),
        ((tree().in_floats().batched(), 0, 0, 1), InputError, r"batch axes \(1,\)"),
        ((tree(), 3, 0, 1), InputError, "level: found 3; 0..2 is possible"),
        ((tree(), -1, 0, 1), InputError, "level: found -1"),
        ((tree(), 1, 6, 1), InputError, "state: found 6; 0..5 is possible at level 1"),
        ((tree(), 0, -1, 1), InputError, "state: found -1"),
        ((tree(), 0, 0, 0), InputError, "count"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        sample_coupling(*arguments, np.random.default_rng(0))


@pytest.mark.parametrize("name", ["level", "state"])
@pytest.mark.parametrize("value", [0.5, True, "1"])
def test_whole_numbers_are_required(name, value):
    place = {"level": 1, "state": 0} | {name: value}
    with pytest.raises(TypeError, match=f"{name}: found {value!r}; an integer is required"):
        sample_coupling(tree(), **place, count=1, rng=np.random.default_rng(0))


def test_a_generator_is_required():
    with pytest.raises(TypeError, match=r"rng: found 3; a numpy\.random\.Generator is required"):
        sample_coupling(tree(), 0, 0, 1, 3)
