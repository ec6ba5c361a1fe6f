"""Rows forced onto one action; policies of tasks are padded after the end and cannot differ there."""

from fractions import Fraction

import numpy as np

import cppo_theory as ct
from cppo_theory.policy import uniform_policy, with_rows
from tests.tasks.common import every_setting, make, rational_policies

F = Fraction


def test_marked_rows_are_certain():
    exact = np.array([[F(1, 2), F(1, 2)], [F(1, 3), F(2, 3)]])
    first, second = with_rows([exact, exact], [np.array([True, False]), np.array([False, True])], 1)
    assert first.tolist() == [[0, 1], [F(1, 3), F(2, 3)]]
    assert second.tolist() == [[F(1, 2), F(1, 2)], [0, 1]]
    assert all(isinstance(x, Fraction) for x in [*first.ravel(), *second.ravel()])
    assert exact.tolist() == [[F(1, 2), F(1, 2)], [F(1, 3), F(2, 3)]]  # untouched
    (close,) = with_rows([exact.astype(float)], [np.array([False, True])], 0)
    assert close.dtype == np.float64
    assert close.tolist() == [[0.5, 0.5], [1.0, 0.0]]


def test_batches():
    batch = np.random.default_rng(1).dirichlet([1, 1, 1], (2, 5, 4))
    marked = np.array([False, True, True, False])
    (found,) = with_rows([batch], [marked], 2)
    assert found.shape == (2, 5, 4, 3)
    assert (found[..., marked, :] == [0, 0, 1]).all()
    assert (found[..., ~marked, :] == batch[..., ~marked, :]).all()


def test_levels_share_what_they_shared():
    table, other = np.full((2, 2), 0.5), np.full((2, 2), 0.5)
    marked, free = np.array([True, False]), np.array([False, False])
    found = with_rows([table, table, other, table], [marked, marked, marked, free], 0)
    assert found[0] is found[1]
    assert found[0] is not found[2]
    assert found[3] is table


@every_setting
def test_policies_do_not_differ_after_the_end(name, given):
    made = make(name, given)
    mu, pi = rational_policies(made, seed=1)
    instance = made.instance(mu, pi)
    kept = ct.evaluate(instance, keep=["token_tv", "kl_mu_pi"])
    for t in range(made.horizon):
        over = made.ended[t]
        assert not kept.token_tv[t][over].any()
        assert not kept.kl_mu_pi[t][over].any()
        for table, given_table in ((instance.mu[t], mu[t]), (instance.pi[t], pi[t])):
            assert (table[over, made.padding] == 1).all()
            assert (table[~over] == given_table[~over]).all()


@every_setting
def test_one_array_stands_for_every_level(name, given):
    made = make(name, given)
    table = uniform_policy(made.space.sizes[:2], made.actions)[0]
    once, every = made.instance(table, table), made.instance([table] * made.horizon, [table] * made.horizon)
    assert len({id(x) for x in once.mu}) == 1
    assert ct.evaluate(once).value_mu == ct.evaluate(every).value_mu
    assert all((x == y).all() for x, y in zip(once.mu, every.mu, strict=True))
