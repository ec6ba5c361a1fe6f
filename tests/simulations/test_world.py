"""Worlds and their responses: the tasks' own automata, exact laws of the draws, all responses once."""

import math
from itertools import product

import numpy as np
import pytest

from cppo_theory.tasks import task
from simulations import world as module
from simulations.world import World, draws, enumerate_responses, sample
from tests.simulations.common import every_world, log_probabilities, make
from tests.tasks.verifiers import verdict
from tests.tolerances import ROUNDING

FAILURE = 1e-6  # probability that one of the comparisons of frequencies fails although the code is right
COMPARISONS = 10 * 3000  # worlds, and prompts and responses of each, at most


def is_plausible(found, probability, count):
    """Chernoff: P(count KL(frequency || p) >= x) <= 2 exp(-x) for a sum of independent events."""
    share = found / count
    if probability in (0.0, 1.0):
        return share == probability
    pairs = ((share, probability), (1 - share, 1 - probability))
    kl = sum(q * math.log(q / p) for q, p in pairs if q > 0)
    return count * kl <= math.log(2 * COMPARISONS / FAILURE)


def reached(made):
    """(level, state) in which a token is still to be chosen, in the order of levels and states."""
    out, here = [], set(made.prompts)
    for t in range(made.horizon):
        chosen = sorted(s for s in here if not made.ended[t][s])
        out += [(t, s) for s in chosen]
        over = {s for s in here if made.ended[t][s]}
        after = {(s, a) for s in chosen for a in range(made.actions)} | {(s, made.padding) for s in over}
        here = {int(made.space.table(t)[s, a]) for s, a in after}
    return out


def followed(world, rollouts, seed, i):
    """Level, state, token of every position of a response, by the task's own machine."""
    state, path = int(rollouts.prompt[seed, i]), []
    for t in range(world.horizon):
        token = int(rollouts.token[seed, i, t])
        path.append((t, state, token))
        state = int(world.task.space.table(t)[state, token])
    return path, state


@every_world
def test_a_world_is_the_automaton_of_its_task(name, given):
    world = make(name, given)
    made = world.task
    pairs = list(zip(world.row_level.tolist(), world.row_state.tolist(), strict=True))
    assert set(reached(made)) <= set(pairs)
    assert len(set(pairs)) == len(pairs) == world.rows
    assert (world.horizon, world.actions) == (made.horizon, made.actions)
    for row, (t, s) in enumerate(pairs):
        assert world.row[t, s] == row
        assert not made.ended[t][s]
    for t, size in enumerate(made.space.sizes[:-1]):
        assert (world.next[t, :size] == made.space.table(t)).all()
        assert (world.ended[t, :size] == made.ended[t]).all()
        assert world.ended[t, size:].all()
    assert world.initial[: made.space.sizes[0]].tolist() == [float(p) for p in made.initial]
    assert world.reward[: made.space.sizes[-1]].tolist() == [float(r) for r in made.reward]
    assert not world.initial[made.space.sizes[0] :].any()


@every_world
def test_tables_put_every_row_at_its_state(name, given):
    world = make(name, given)
    probability = np.exp(log_probabilities(world, 2))
    tables = world.tables(probability)
    for t, table in enumerate(tables):
        np.testing.assert_allclose(table.sum(-1), 1, rtol=0, atol=ROUNDING)
        for s in range(world.task.space.sizes[t]):
            if world.task.ended[t][s]:
                assert (table[:, s] == np.eye(world.actions)[world.task.padding]).all()
    for row in range(world.rows):
        mine = tables[world.row_level[row]][:, world.row_state[row]]
        np.testing.assert_array_equal(mine, probability[:, row])


# --- samples ----------------------------------------------------------------------------------------------


def drawn_from(world, log_mu, seeds, count, group=4, key=(1, 0)):
    return sample(world, np.exp(log_mu), draws(seeds, key, (count, world.horizon + 1)), group)


@every_world
def test_samples_follow_the_machine(name, given):
    world = make(name, given)
    found = drawn_from(world, log_probabilities(world, 2), [3, 4], 40)
    assert found.token.shape == found.row.shape == found.mask.shape == (2, 40, world.horizon)
    for seed, i in np.ndindex(found.reward.shape):
        path, end = followed(world, found, seed, i)
        reward, length = verdict(world.task, path[0][1], [token for _, _, token in path])
        assert found.reward[seed, i] == world.reward[end] == float(reward)
        assert found.mask[seed, i].sum() == length
        for t, s, token in path:
            over = bool(world.task.ended[t][s])
            assert found.mask[seed, i, t] == (not over)
            assert token == world.task.padding if over else found.row[seed, i, t] == world.row[t, s]


@every_world
def test_groups_share_a_prompt_and_prompts_differ(name, given):
    world = make(name, given)
    found = drawn_from(world, log_probabilities(world, 3), [3, 4, 5], 80)
    groups = found.prompt.reshape(3, 20, 4)
    assert (groups == groups[..., :1]).all()
    assert len(np.unique(groups)) == len(world.task.prompts)
    assert set(np.unique(groups).tolist()) == set(world.task.prompts)


@every_world
def test_frequencies_of_prompts_and_responses_are_exact(name, given):
    world = make(name, given)
    log_mu, n, seeds = log_probabilities(world, 1), 2000, [21, 22]
    found = drawn_from(world, np.repeat(log_mu, 2, axis=0), seeds, n, group=1)
    count = n * len(seeds)
    for prompt, law in enumerate(world.initial):
        assert is_plausible(int((found.prompt == prompt).sum()), float(law), count)
    whole = enumerate_responses(world)
    chance = np.where(whole.mask, log_mu[0][whole.row, whole.token], 0.0).sum(-1)
    chance = world.initial[whole.prompt] * np.exp(chance)
    tally = {}
    for prompt, tokens in zip(found.prompt.ravel(), found.token.reshape(count, -1), strict=True):
        key = (int(prompt), *tokens.tolist())
        tally[key] = tally.get(key, 0) + 1
    for i in range(whole.reward.shape[1]):
        key = (int(whole.prompt[0, i]), *whole.token[0, i].tolist())
        assert is_plausible(tally.pop(key, 0), float(chance[0, i]), count)
    assert not tally


def test_every_seed_draws_from_its_own_policy():
    world = make("modular-sum", {"horizon": 3, "actions": 4, "modulus": 2, "prompts": 2})
    probability = np.repeat(np.eye(4)[[3, 0, 2]][:, None], world.rows, axis=1)
    found = sample(world, probability, draws([5, 5, 5], (1, 0), (8, world.horizon + 1)), 4)
    for seed, token in enumerate((3, 0, 2)):
        assert (found.token[seed] == token).all()


def test_draws_belong_to_the_seed_and_the_key():
    both, alone = draws([5, 9], (1, 3), (6, 4)), draws([9], (1, 3), (6, 4))
    np.testing.assert_array_equal(both[1], alone[0])
    np.testing.assert_array_equal(both[1], np.random.default_rng([9, 1, 3]).random((6, 4)))
    parts = [both[0], both[1], draws([5], (1, 4), (6, 4))[0], draws([5], (2, 3), (6, 4))[0]]
    assert all((x != y).all() for i, x in enumerate(parts) for y in parts[:i])
    assert ((both >= 0) & (both < 1)).all()


def test_a_token_is_found_by_inverting_the_cumulative_probabilities():
    world = make("modular-sum", {"horizon": 2, "actions": 4, "modulus": 2, "prompts": 2})
    probability = np.tile(np.array([0.125, 0.0, 0.375, 0.5]), (1, world.rows, 1))
    cases = [(0.0, 0), (0.1249, 0), (0.125, 2), (0.4999, 2), (0.5, 3), (1 - 2**-53, 3)]
    for u, token in cases:
        found = sample(world, probability, np.array([[[0.75, u, u]]]), 1)
        assert found.token.tolist() == [[[token, token]]]
        assert found.prompt.tolist() == [[1]]


# --- enumeration ------------------------------------------------------------------------------------------


@every_world
def test_all_responses_are_enumerated_once(name, given):
    world = make(name, given)
    made = world.task
    found = enumerate_responses(world)
    listed = [(int(x), *y) for x, y in zip(found.prompt[0], found.token[0].tolist(), strict=True)]
    expected = set()
    for prompt in made.prompts:
        for tokens in product(range(made.actions), repeat=made.horizon):
            _, length = verdict(made, prompt, list(tokens))
            expected.add((prompt, *tokens[:length], *[made.padding] * (made.horizon - length)))
    assert len(listed) == len(set(listed))
    assert set(listed) == expected
    for i in range(len(listed)):
        path, end = followed(world, found, 0, i)
        reward, length = verdict(made, listed[i][0], list(listed[i][1:]))
        assert found.reward[0, i] == world.reward[end] == float(reward)
        assert found.mask[0, i].tolist() == [t < length for t in range(world.horizon)]
        for t, s, _ in path[:length]:
            assert found.row[0, i, t] == world.row[t, s]


@every_world
def test_probabilities_of_all_responses_sum_to_one(name, given):
    world = make(name, given)
    log_mu, found = log_probabilities(world, 1), enumerate_responses(world)
    chance = np.exp(np.where(found.mask, log_mu[0][found.row, found.token], 0.0).sum(-1))
    for prompt in world.task.prompts:
        assert chance[found.prompt == prompt].sum() == pytest.approx(1, abs=ROUNDING)


def test_repeated_gives_every_seed_the_same_responses():
    found = enumerate_responses(make("brackets", {"horizon": 4, "depth": 2}))
    many = found.repeated(3)
    for name in ("row", "token", "mask", "reward", "prompt"):
        for seed in range(3):
            np.testing.assert_array_equal(getattr(many, name)[seed], getattr(found, name)[0])


def test_too_many_responses_are_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"^population: found more than 131,072 responses; .* sampled mode"):
        enumerate_responses(World.of(task("modular-sum", horizon=16)))
    world = make("modular-sum", {"horizon": 3, "actions": 3, "modulus": 3, "prompts": 1})
    monkeypatch.setattr(module, "MAX_RESPONSES", 27)
    assert enumerate_responses(world).reward.shape == (1, 27)
    monkeypatch.setattr(module, "MAX_RESPONSES", 26)
    with pytest.raises(ValueError, match=r"^population: found more than 26 responses"):
        enumerate_responses(world)
