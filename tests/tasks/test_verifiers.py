"""The machine of every task pays what a verifier written from its description pays, on all responses."""

from fractions import Fraction

import pytest

import cppo_theory as ct
from cppo_theory.policy import uniform_policy
from cppo_theory.tasks import TASKS, task
from tests.tasks.common import SMALL, every_setting, follow, lengths, make, responses
from tests.tasks.verifiers import VERIFIERS, verdict

F = Fraction


@every_setting
def test_reward_and_length_of_every_response(name, given):
    made = make(name, given)
    tokens = responses(made)
    assert len(tokens) == made.actions**made.horizon
    for state in made.prompts:
        states = follow(made, state, tokens)
        expected = [verdict(made, state, response) for response in tokens.tolist()]
        assert made.reward[states[:, -1]].tolist() == [reward for reward, _ in expected]
        assert lengths(made, states) == [length for _, length in expected]


def test_every_task_is_verified():
    assert set(VERIFIERS) == set(TASKS) == {name for name, _ in SMALL}


# Under the uniform policy every response is equally likely, so the value counts those that are paid.
BY_HAND = [
    # the L tokens of the secret; each token of a partial one
    ("password", {"horizon": 5, "actions": 3, "length": 4}, F(1, 81)),
    ("password", {"horizon": 5, "actions": 3, "length": 4, "credit": "partial"}, F(1, 3)),
    # 1 of 4 residues, equally likely as V = m; with V = 2, m = 3, T = 2 the sums 0, 1, 2 have 1, 2, 1 of 4
    ("modular-sum", {"horizon": 3, "actions": 4, "modulus": 4}, F(1, 4)),
    ("modular-sum", {"horizon": 2, "actions": 2, "modulus": 3, "prompts": 2}, F(3, 8)),
    # ")e" and, with two tokens more, ")()e" and "())e"
    ("brackets", {"horizon": 2, "prompts": 1}, F(1, 9)),
    ("brackets", {"horizon": 4, "prompts": 1}, F(1, 9) + F(2, 81)),
    ("brackets", {"horizon": 4, "prompts": 1, "depth": 1}, F(1, 9) + F(1, 81)),
    # one closing of five tokens, then the end; two for the prompt "(["
    ("brackets", {"horizon": 3, "kinds": 2, "prompts": 2}, (F(1, 25) + F(1, 125)) / 2),
    # two digits and the end token
    ("addition", {"horizon": 4, "actions": 5, "digits": 1}, F(1, 125)),
    # place 1 of three with probability 1/5; place 2 if the first was no end token, and so on: 4/5, 16/25
    (
        "addition",
        {"horizon": 4, "actions": 5, "digits": 1, "credit": "partial"},
        (F(1, 5) + F(4, 5) * F(1, 5) + F(16, 25) * F(1, 5)) / 3,
    ),
    ("commitment", {"horizon": 4, "actions": 3, "length": 2}, F(1, 27)),
    # all six tokens: the last one decides
    ("state-tracking", {"horizon": 2, "actions": 6}, F(1, 6)),
    # a transposition s and a 3-cycle c: of the four products none is s and none is c; sc, cs are the other
    # transpositions, 021 (the third prompt) is one of them
    ("state-tracking", {"horizon": 2, "actions": 2}, F(1, 12)),
    ("needle", {"horizon": 6, "actions": 5, "place": 4}, F(1, 5)),
    # "c end", and "think" before either
    ("stopping", {"horizon": 3, "actions": 4, "length": 1}, F(1, 16) + F(2, 64)),
]


@pytest.mark.parametrize(("name", "given", "expected"), BY_HAND)
def test_value_of_the_uniform_policy_by_hand(name, given, expected):
    made = task(name, **given)
    uniform = uniform_policy(made.space.sizes, made.actions)
    assert ct.evaluate(made.instance(uniform, uniform)).value_mu == expected
