"""What every task promises: exact rewards, prompts, words for all states, responses that stay over."""

import inspect
from fractions import Fraction

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.policy import uniform_policy
from cppo_theory.recursions import fold_back
from cppo_theory.tasks import TASKS, task, with_memory
from tests.tasks.common import SMALL, every_setting, make

F = Fraction
STATES = {
    "password": 2 * 4 + 3 + 2,  # places of two secrets, places after a mistake, right and failed
    "modular-sum": 7,
    "brackets": 5 + 2,  # 0 to 4 open, closed and failed
    "addition": 4 * 5 + 4 + 2,
    "commitment": 2 + (2 + 4) * 3 + 2,  # prompts, places of two right and four wrong codes, paid and not
    "state-tracking": 6,
    "needle": 2 + 2,
    "stopping": 2 * 4 + 2,
    "random-automaton": 16,
}


@every_setting
def test_law_and_rewards(name, given):
    made = make(name, given)
    assert np.flatnonzero(made.initial > 0).tolist() == sorted(made.prompts)
    assert {made.initial[state] for state in made.prompts} == {F(1, len(made.prompts))}
    assert all(isinstance(x, Fraction) for x in [*made.initial, *made.reward])
    assert all(0 <= reward <= 1 for reward in made.reward)
    assert len(made.reward) == made.space.sizes[-1]


@every_setting
def test_a_response_that_is_over_stays_over(name, given):
    made = make(name, given)
    assert len(made.ended) == made.horizon
    assert not made.ended[0][list(made.prompts)].any()
    for t in range(made.horizon):
        over = np.flatnonzero(made.ended[t])
        assert made.ended[t].shape == (made.space.sizes[t],)
        assert (made.space.table(t)[over] == over[:, None]).all()
        assert [("over" in made.describe(t, s)) for s in range(made.space.sizes[t])] == made.ended[t].tolist()


@every_setting
def test_words(name, given):
    made = make(name, given)
    assert (made.name, len(made.alphabet), made.padding) == (name, made.actions, made.actions - 1)
    assert made.statement.endswith(".")
    assert "\n" not in made.statement
    assert len(set(made.prompts.values())) == len(made.prompts) or name in (
        "password",
        "addition",
        "stopping",
    )
    for t in (0, made.horizon):
        described = [made.describe(t, state) for state in range(made.space.sizes[t])]
        assert len(set(described)) == len(described)


@every_setting
def test_the_parameters_make_the_task_again(name, given):
    made = make(name, given)
    again = task(name, **made.parameters)
    assert set(made.parameters) == set(inspect.signature(TASKS[name]).parameters)
    assert {key: made.parameters[key] for key in given} == given
    assert all((made.space.table(t) == again.space.table(t)).all() for t in range(made.horizon))
    assert (made.reward.tolist(), made.prompts) == (again.reward.tolist(), again.prompts)
    assert (made.statement, made.alphabet) == (again.statement, again.alphabet)


@pytest.mark.parametrize("name", TASKS)
def test_no_state_is_idle(name):
    made = task(name)
    assert set(made.space.sizes) == {STATES[name]}
    seen, visited = set(made.prompts), set(made.prompts)
    for t in range(made.horizon):
        seen = set(made.space.table(t)[list(seen)].ravel().tolist())
        visited |= seen
    assert visited == set(range(STATES[name]))


LEAST = {"addition": 3, "random-automaton": 4}  # T >= 3 for the one; the other says what it needs
SIZES = [(name, horizon) for name in TASKS for horizon in (2, 3, 4, 16) if horizon >= LEAST.get(name, 2)]


@pytest.mark.parametrize(("name", "horizon"), SIZES)
def test_every_prompt_can_be_answered(name, horizon):
    made = task(name, horizon=horizon)
    uniform = uniform_policy(made.space.sizes, made.actions)
    best = fold_back(made.instance(uniform, uniform).in_floats(), ("best_return",))[0]["best_return"]
    answered = {made.prompts[state]: best[state] for state in made.prompts}
    if (name, horizon) == ("state-tracking", 2):
        assert answered == {"reach 102": 0, "reach 120": 0, "reach 021": 1}  # as its Notes say
    else:
        assert set(answered.values()) == {1}


@pytest.mark.parametrize("name", ["password", "addition", "commitment", "stopping", "random-automaton"])
def test_the_seed_draws_the_task(name):
    def shown(seed):
        made = task(name, seed=seed)
        return [made.prompts, made.statement, *(made.space.table(t).tolist() for t in range(made.horizon))]

    assert shown(5) == shown(5)
    assert shown(5) != shown(6)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("memory", [0, 2])
def test_memory_is_a_parameter_of_every_task(name, memory):
    given = dict(SMALL)[name]
    made, plain = task(name, **given, memory=memory), make(name, given)
    assert made.space.sizes[0] == plain.space.sizes[0] * (plain.actions + 1) ** memory
    assert list(made.prompts.values()) == list(plain.prompts.values())
    if memory:
        again = with_memory(plain, memory)
        assert made.parameters == again.parameters == {**plain.parameters, "memory": memory}
        assert task(name, **made.parameters).space.sizes == made.space.sizes


# --- what single docstrings claim -------------------------------------------------------------------------


@pytest.mark.parametrize("stationary", [False, True])
@pytest.mark.parametrize("horizon", [2, 5, 12])
def test_the_difficulty_of_a_random_automaton_does_not_depend_on_t(stationary, horizon):
    made = task("random-automaton", horizon=horizon, states=12, accepting=5, stationary=stationary)
    for t in range(horizon):
        for successors in made.space.table(t).T:
            assert sorted(successors) == list(range(12))  # every action permutes
    uniform = uniform_policy(made.space.sizes, made.actions)
    every_start = np.full(12, F(1, 12))
    instance = ct.Instance(made.space, every_start, uniform, uniform, made.reward)
    assert ct.evaluate(instance).value_mu == F(5, 12)


def test_stationary_tasks_have_one_table():
    kinds = {name: task(name).space.stationary for name in TASKS}
    assert [name for name, one in kinds.items() if not one] == ["needle", "random-automaton"]
    assert task("random-automaton", stationary=True).space.stationary
    needle = task("needle", horizon=9, place=4)
    assert len({id(table) for table in needle.space.next}) == 2


def test_many_accepting_states_are_counted():
    assert task("random-automaton", states=30, accepting=9).statement.endswith(", ... (9 in all).")
    assert task("random-automaton", states=30, accepting=8).statement.count(",") == 7


def test_numbers_above_base_ten_have_spaces():
    words = task("addition", actions=17, digits=2, prompts=64, seed=1).prompts.values()
    assert all(text.endswith(" in base 16") for text in words)
    assert all(len(text.removesuffix(" in base 16").split()) == 5 for text in words)
    assert max(int(word) for text in words for word in text.split(" in ")[0].replace("+", "").split()) == 15


def test_brackets_of_all_kinds_are_asked():
    assert list(task("brackets", kinds=3, depth=4, prompts=4).prompts.values()) == [
        "close (",
        "close ([",
        "close ([{",
        "close ([{(",
    ]
    for kinds, depth, stacks in ((2, 11, 4095), (3, 7, 3280), (4, 5, 1365)):
        assert task("brackets", kinds=kinds, depth=depth).space.sizes[0] == stacks + 2
