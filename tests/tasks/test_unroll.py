"""The tree of a task has the values of its automaton, in Fractions; so has the task with a memory."""

from dataclasses import fields
from fractions import Fraction

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.tasks import task, with_memory
from cppo_theory.trees import literal_residual, unroll
from tests.tasks.common import (
    SMALL,
    every_setting,
    every_task,
    follow,
    make,
    rational_policies,
    responses,
)
from tests.tolerances import ROUNDING

F = Fraction
KL = ("expected_kl_mu_pi", "expected_kl_pi_mu")
PER_STATE = ("token_tv", "overlap", "occupancy_mu", "occupancy_pi")
NUMBERS = [field.name for field in fields(ct.Values) if field.name != "kept"]


def numbers(values):
    """Every quantity of `evaluate` that is no table of states, as plain numbers."""
    return {name: np.asarray(getattr(values, name)).tolist() for name in NUMBERS}


def assert_equal(found, expected):
    assert numbers(found) == numbers(expected)
    for name in KL:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=0, atol=ROUNDING)


@every_setting
def test_the_tree_has_the_same_values(name, given):
    made = make(name, given)
    instance = made.instance(*rational_policies(made, seed=1))
    tree = unroll(instance)
    assert isinstance(tree.space, ct.PrefixTree)
    assert tree.exact
    assert (tree.space.prompts, tree.name) == (len(made.prompts), name)
    found, expected = (ct.evaluate(each, keep=[*PER_STATE, *KL]) for each in (tree, instance))
    assert_equal(found, expected)
    assert literal_residual(tree).item() == expected.residual


@every_task
def test_a_prefix_has_the_values_of_its_state(name, given):
    made = make(name, given)
    instance = made.instance(*rational_policies(made, seed=2))
    tokens = responses(made)
    paths = [follow(made, state, tokens) for state in sorted(made.prompts)]
    found, expected = (ct.evaluate(each, keep=PER_STATE) for each in (unroll(instance), instance))
    for t in range(made.horizon):
        states = np.concatenate([path[:: made.actions ** (made.horizon - t), t] for path in paths])
        for quantity in ("token_tv", "overlap"):
            of_states, of_prefixes = getattr(expected, quantity)[t], getattr(found, quantity)[t]
            assert of_prefixes.tolist() == of_states[states].tolist()
        for quantity in ("occupancy_mu", "occupancy_pi"):
            of_states, of_prefixes = getattr(expected, quantity)[t], getattr(found, quantity)[t]
            sums = [sum(of_prefixes[states == s], F(0)) for s in range(len(of_states))]
            assert sums == of_states.tolist()


@pytest.mark.parametrize("name", ["needle", "modular-sum"])
def test_step_rewards_and_constraints_stay(name):
    made = make(name, dict(SMALL)[name])
    mu, pi = rational_policies(made, seed=3)
    rng = np.random.default_rng(4)
    steps = [rng.integers(-3, 4, (n, made.actions)).astype(object) for n in made.space.sizes[:-1]]
    constraints = ct.Constraints([F(1, t + 1) for t in range(made.horizon)], delta_b=F(1, 3))
    instance = ct.Instance(
        made.space, made.initial, mu, pi, made.reward, steps, constraints=constraints, name="steps"
    )
    tree = unroll(instance)
    assert tree.constraints is constraints
    assert tree.name == "steps"
    found, expected = (ct.evaluate(each, keep=KL) for each in (tree, instance))
    assert expected.weights.tolist() == [F(1, t + 1) for t in range(made.horizon)]
    assert_equal(found, expected)


def test_only_one_automaton_is_unrolled():
    made = task("needle", horizon=3, actions=2)
    mu, _ = rational_policies(made, seed=5)
    instance = made.instance(mu, mu)
    for wrong, found in (
        (unroll(instance), r"found a tree with batch axes \(\)"),
        (instance.batched(), r"found a automaton with batch axes \(1,\)"),
    ):
        with pytest.raises(ct.InputError, match=f"^instance: {found}; one instance on an automaton"):
            unroll(wrong)
    large = task("needle", horizon=24, actions=2)
    tables = [np.full((4, 2), 0.5)] * 24
    with pytest.raises(
        ct.InputError, match=r"^instance: found 2 prompts, V = 2, T = 24; a tree of at most 16,7"
    ):
        unroll(large.instance(tables, tables))


# --- memory -----------------------------------------------------------------------------------------------


@every_task
@pytest.mark.parametrize("memory", [1, 2])
def test_a_policy_that_ignores_the_memory_has_the_same_values(name, given, memory):
    made = make(name, given)
    larger = with_memory(made, memory)
    copies = (made.actions + 1) ** memory
    policies = rational_policies(made, seed=6)
    blind = [[np.repeat(table, copies, axis=0) for table in policy] for policy in policies]
    found, expected = (
        ct.evaluate(each.instance(*both), keep=KL) for each, both in ((larger, blind), (made, policies))
    )
    assert_equal(found, expected)


@every_task
@pytest.mark.parametrize("memory", [1, 2, 3])
def test_the_memory_holds_the_last_tokens(name, given, memory):
    made = make(name, {**given, "horizon": 4})
    larger = with_memory(made, memory)
    tokens = responses(made)[::7]
    assert larger.space.stationary == made.space.stationary
    for state, start in zip(made.prompts, larger.prompts, strict=True):
        plain, remembering = follow(made, state, tokens), follow(larger, start, tokens)
        assert (larger.reward[remembering[:, -1]] == made.reward[plain[:, -1]]).all()
        for i, t in np.ndindex(len(tokens), made.horizon + 1):
            before = ["-"] * memory + [made.alphabet[a] for a in tokens[i, :t]]
            words = f"{made.describe(t, plain[i, t])}; last tokens {' '.join(before[-memory:])}"
            assert larger.describe(t, remembering[i, t]) == words
            if t < made.horizon:
                assert larger.ended[t][remembering[i, t]] == made.ended[t][plain[i, t]]


def test_a_policy_can_use_the_memory():
    # Repeat the last token: from the first token on all are equal, and four equal digits 0 or 1 or 2 or 3
    # have the sums 0, 4, 8, 12, all of residue 0 modulo 4.
    made = task("modular-sum", horizon=4, actions=4, modulus=4, prompts=1, memory=1)
    table = np.full((4, 5, 4), F(0), dtype=object)
    table[:, np.arange(4), np.arange(4)] = F(1)
    table[:, 4] = F(1, 4)
    table = table.reshape(20, 4)
    assert ct.evaluate(made.instance(table, table)).value_mu == 1


def test_tables_are_shared_with_a_memory():
    made = task("needle", horizon=12, place=4, memory=2)
    assert len({id(table) for table in made.space.next}) == 2
    assert len({id(marks) for marks in made.ended}) == 1


@pytest.mark.parametrize("value", [None, 1.0, True, "2"])
def test_a_memory_is_an_integer(value):
    with pytest.raises(TypeError, match=r"^memory: found .*; an integer is required"):
        task("needle", memory=value)
