"""The trainer: one update of every rule by hand, exact gradients, draws, staleness, seeds in a batch."""

import math
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory.rules import RULES
from simulations.measure import Watcher
from simulations.optimizers import adam, sgd
from simulations.policies import MLP, Tabular
from simulations.records import Record
from simulations.statistics import Failure
from simulations.summary import FAILURES, scores
from simulations.trainer import Round, Settings, Trainer, centred, group_relative
from simulations.world import Rollouts, enumerate_responses
from tests.rules import oracles
from tests.simulations.common import (
    Seen,
    log_probabilities,
    logits,
    make,
    policy,
    recorded,
    trainer,
    two_states,
)
from tests.tolerances import DIFFERENCE, RELATIVE, ROUNDING

F = Fraction
FAILURE = 1e-6  # probability that a comparison of means fails although the code is right
STEP = 1e-4

# --- one update by hand -----------------------------------------------------------------------------------

MU = ((F(1, 2), F(3, 10), F(1, 5)), (F(1, 4), F(1, 4), F(1, 2)))
PI = ((F(3, 5), F(1, 5), F(1, 5)), (F(1, 8), F(1, 2), F(3, 8)))
RESPONSES = ((0, 0), (1, 1), (2,), (0, 2))
ADVANTAGE = (F(1), F(-1), F(1, 2), F(-3, 2))
"""Two rows of three tokens; four responses, the third over after one token."""

REFERENCES = {
    "pg-is": (oracles.pg_is, {}),
    "ppo": (oracles.ppo, {}),
    "grpo": (oracles.ppo, {}),
    "dapo": (partial(oracles.ppo, eps_high=F(7, 25)), {}),
    "cispo": (oracles.cispo, {"eps_high": F(1, 10)}),
    "dppo": (oracles.dppo, {"delta": F(3, 20)}),
    "cppo": (oracles.cppo, {"delta": F(1, 4), "delta_b": F(1, 20), "w_min": F(4, 5)}),
    "cppo-soft": (oracles.cppo_soft, {"delta": F(1, 10), "delta_b": F(1, 20), "w_min": F(4, 5)}),
    "trm-max": (oracles.trm_max, {"delta": F(1, 20)}),
    "trm-avg": (oracles.trm_avg, {"delta_avg": F(1, 20)}),
    "trm-max-avg": (oracles.trm, {"delta": F(1), "delta_avg": F(1, 20)}),
    "minpro": (oracles.minpro, {"eps_low": F(1, 5), "eps_high": F(3, 10)}),
    "gspo": (oracles.gspo, {"eps_low": F(1, 5), "eps_high": F(1, 5)}),
    "gmpo": (oracles.gmpo, {"eps_low": F(2, 5), "eps_high": F(2, 5)}),
    "sapo": (oracles.sapo, {}),
    "drpo": (oracles.drpo, {"eps": F(1, 2)}),
    "spo": (oracles.spo, {"eps": F(2)}),
    "icepop": (partial(oracles.icepop, low=F(1, 2), high=F(5)), {}),
    "tis": (partial(oracles.tis, cap=F(2)), {}),
    "fipo": (oracles.fipo, {}),
    "opsm": (oracles.opsm, {"delta": F(1, 100)}),
    "ipo": (oracles.ipo, {"delta": F(3, 20)}),
    "kpop": (oracles.kpop, {"phi": F(1, 20)}),
    "ratio-window": (oracles.ratio_window, {"low": F(3, 4), "high": F(3, 2)}),
    "seq-tis": (partial(oracles.seq_tis, cap=F(3)), {}),
    "seq-mis": (oracles.seq_mis, {"cap": F(3)}),
    "geometric-mis": (oracles.geometric_mis, {"low": F(9, 10), "high": F(11, 10)}),
    "vespo": (oracles.vespo, {}),
    "topr": (oracles.topr, {}),
}
"""Reference and parameters of every rule; what the reference presets is the default of the rule."""


def log_table(rows):
    return np.array([[[math.log(x) for x in row] for row in rows]])


def minibatch():
    """The four responses as a round of one seed, weights 1/4."""
    row = np.array([[[0, 1 if len(y) == 2 else 0] for y in RESPONSES]])
    token = np.array([[list(y) if len(y) == 2 else [*y, 2] for y in RESPONSES]])
    mask = np.array([[[True, len(y) == 2] for y in RESPONSES]])
    reward = np.zeros((1, 4))
    rollouts = Rollouts(row, token, mask, reward, np.zeros((1, 4), dtype=int))
    return Round(rollouts, np.array([[float(a) for a in ADVANTAGE]]), np.full((1, 4), 0.25))


def response(tokens, advantage):
    """What a rule sees of one response, with the TV and KL of the whole rows."""
    rows = [(PI[t], MU[t]) for t in range(len(tokens))]
    p, q = (tuple(x[k][y] for x, y in zip(rows, tokens, strict=True)) for k in (0, 1))
    tv = tuple(oracles.tv_of(pi, mu) for pi, mu in rows)
    kl = tuple(oracles.kl_of(mu, pi) for pi, mu in rows)
    n = len(tokens)
    return oracles.Response(p, q, q, (advantage,) * n, (True,) * n, tv, kl)


def by_hand(reference, parameters):
    """Gradient of 1/4 sum_y A sum_t g_t log pi(y_t|s_t) in the logits: sum c (e_{y_t} - pi), c = A g / 4."""
    out = [[0.0] * 3 for _ in range(2)]
    for tokens, advantage in zip(RESPONSES, ADVANTAGE, strict=True):
        decided = reference(response(tokens, advantage), **parameters)
        for t, (token, y) in enumerate(zip(decided, tokens, strict=True)):
            c = float(advantage) * float(token.g) / 4
            for a in range(3):
                out[t][a] += c * ((a == y) - float(PI[t][a]))
    return out


def one_update(name, parameters=None, settings=None):
    made = trainer(two_states(), name, settings, parameters=parameters or {})
    start = Tabular(log_table(PI)[0], [0])
    return made.update(start, log_table(MU), minibatch()), start


def test_every_rule_is_here():
    assert REFERENCES.keys() == RULES.keys()


@pytest.mark.parametrize("name", REFERENCES)
def test_one_update_of_every_rule(name):
    reference, exact = REFERENCES[name]
    presets = reference.keywords if isinstance(reference, partial) else {}
    if name in ("dapo", "tis", "icepop", "seq-tis"):
        presets = {}  # these are the defaults of the rule
    found, _ = one_update(name, {k: float(x) for k, x in {**presets, **exact}.items()})
    np.testing.assert_allclose(found.slopes[0][0], by_hand(reference, exact), rtol=RELATIVE, atol=ROUNDING)


def test_pg_is_in_numbers():
    # r = p/q: (0,0): 6/5, 1/2; (1,1): 2/3, 2; (2): 1; (0,2): 6/5, 3/4.  c = A r / 4:
    # row 0: token 0: 3/10 - 9/20 = -3/20, token 1: -1/6, token 2: 1/8; sum -23/120
    #        minus sum times pi (3/5, 1/5, 1/5): -3/20 + 23/200 = -7/200, -1/6 + 23/600 = -77/600,
    #        1/8 + 23/600 = 49/300
    # row 1: token 0: 1/8, token 1: -1/2, token 2: -9/32; sum -21/32
    #        minus sum times (1/8, 1/2, 3/8): 1/8 + 21/256 = 53/256, -1/2 + 21/64 = -11/64,
    #        -9/32 + 63/256 = -9/256
    expected = [[-7 / 200, -77 / 600, 49 / 300], [53 / 256, -11 / 64, -9 / 256]]
    found, _ = one_update("pg-is")
    np.testing.assert_allclose(found.slopes[0][0], expected, rtol=0, atol=ROUNDING)


def test_dppo_and_cppo_in_numbers():
    # D: row 0 (1/10 + 1/10 + 0)/2 = 1/10, row 1 (1/8 + 1/4 + 1/8)/2 = 1/4.  Away: A (r - 1) > 0:
    # (0,0): r - 1 > 0 and A > 0 at t = 1, toward at t = 2; (1,1): A < 0, r < 1 away at t = 1, r = 2 toward;
    # (2): a tie, toward; (0,2): A < 0: 6/5 toward, 3/4 away.
    # DPPO .15 drops the last alone: row 1 is 1/8, -1/2, 0, sum -3/8: 1/8 + 3/64, -1/2 + 3/16, 9/64.
    expected = [[-7 / 200, -77 / 600, 49 / 300], [11 / 64, -5 / 16, 9 / 64]]
    found, _ = one_update("dppo", {"delta": 0.15})
    np.testing.assert_allclose(found.slopes[0][0], expected, rtol=0, atol=ROUNDING)
    # CPPO (.25, .05), w = 1, 4/5: Z_2 = 1/5, X_1 = 1/10 - 1/20 = 1/20, and 1/5 + 1/20 = .25 is kept up to
    # rounding; (.24, .05) drops it by the budget alone, since 1/5 <= .24.
    found, _ = one_update("cppo", {"delta": 0.24, "delta_b": 0.05})
    np.testing.assert_allclose(found.slopes[0][0], expected, rtol=0, atol=ROUNDING)
    assert found.decision.rows_reason.tolist() == [[0, 0], [0, 0], [0, 5], [0, 2]]
    found, _ = one_update("cppo", {"delta": 0.26, "delta_b": 0.05})
    assert found.decision.rows_reason.tolist() == [[0, 0], [0, 0], [0, 5], [0, 0]]


def test_divergences_are_those_of_the_whole_rows():
    found, _ = one_update("pg-is")
    mask = minibatch().rollouts.mask[0]
    tv = [[0.1, 0.25]] * 4  # |p - q| of the sampled tokens would be 1/10, 1/8, ... and 0 for the third
    np.testing.assert_allclose(found.batch.tv[mask], np.array(tv)[mask], rtol=0, atol=ROUNDING)
    kl = [[float(oracles.kl_of(q, p)) for p, q in zip(PI, MU, strict=True)]] * 4
    np.testing.assert_allclose(found.batch.kl[mask], np.array(kl)[mask], rtol=RELATIVE)
    back = [[float(oracles.kl_of(p, q)) for p, q in zip(PI, MU, strict=True)]] * 4
    np.testing.assert_allclose(found.batch.kl_reverse[mask], np.array(back)[mask], rtol=RELATIVE)


@pytest.mark.parametrize(
    ("aggregation", "share"),
    [
        ("sum", [1 / 4] * 4),
        ("sequence", [1 / 8, 1 / 8, 1 / 4, 1 / 8]),  # 1/4 by the length
        ("token", [1 / 7] * 4),  # seven tokens
    ],
)
def test_aggregation(aggregation, share):
    expected = np.zeros((2, 3))
    for tokens, advantage, each in zip(RESPONSES, ADVANTAGE, share, strict=True):
        for t, y in enumerate(tokens):
            c = float(advantage * PI[t][y] / MU[t][y]) * each
            expected[t] += [c * ((a == y) - float(PI[t][a])) for a in range(3)]
    found, _ = one_update("pg-is", settings=Settings(aggregation=aggregation))
    np.testing.assert_allclose(found.slopes[0][0], expected, rtol=0, atol=ROUNDING)


def test_an_unknown_aggregation():
    with pytest.raises(ValueError, match=r"^aggregation: found 'mean'; sum, sequence or token is required"):
        one_update("pg-is", settings=Settings(aggregation="mean"))


def test_a_step_of_each_optimiser():
    # SGD adds rate times the gradient; the first step of Adam is rate times its sign, g / (|g| + 1e-8).
    world = two_states()
    for step, rate in ((sgd, 0.5), (adam, 0.1)):
        made = Trainer(world, RULES["pg-is"], step(rate), Settings(1, 1, 2, 4), watch=(seen := Seen()))
        after = made.train(Tabular(log_table(PI)[0], [3]), [3]).parameters[0][0]
        g = seen.rounds[0][2][0].slopes[0][0]
        assert np.abs(g).max() > 0.01
        moved = rate * g if step is sgd else rate * g / (np.abs(g) + 1e-8)
        np.testing.assert_allclose(after, log_table(PI)[0] + moved, rtol=0, atol=ROUNDING)


# --- population mode --------------------------------------------------------------------------------------

POPULATION = Settings(1, 1, population=True)
SMALL = [
    ("modular-sum", {"horizon": 3, "actions": 3, "modulus": 4, "prompts": 4}),
    ("brackets", {"horizon": 4, "depth": 2}),
    ("stopping", {"horizon": 4, "actions": 3, "length": 2, "prompts": 2}),
    ("random-automaton", {"horizon": 3, "actions": 3, "states": 4, "accepting": 2}),
]
small_worlds = pytest.mark.parametrize(("name", "given"), SMALL, ids=[name for name, _ in SMALL])


def surrogate(world, log_mu, log_pi):
    tables = (world.tables(np.exp(x)) for x in (log_mu, log_pi))
    return ct.evaluate(world.task.instance(*tables)).surrogate


def log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


@small_worlds
def test_the_population_step_is_the_gradient_of_the_surrogate(name, given):
    world = make(name, given)
    log_mu, start = log_probabilities(world, 1, seed=1), logits(world, 1, seed=2)[0]
    made = trainer(world, settings=POPULATION)
    found = made.update(Tabular(start, [0]), log_mu, made.roll_out(log_mu, [0], 0)).slopes[0][0]
    moves = STEP * np.eye(start.size).reshape(-1, *start.shape)
    batch = log_softmax(start + np.concatenate([moves, -moves]))
    above, below = np.split(surrogate(world, np.repeat(log_mu, len(batch), axis=0), batch), 2)
    slope = ((above - below) / (2 * STEP)).reshape(start.shape)
    np.testing.assert_allclose(found, slope, rtol=0, atol=DIFFERENCE)
    assert np.abs(slope).max() > 1000 * DIFFERENCE


def test_the_population_step_of_a_network():
    world = make(*SMALL[0])
    log_mu, network = log_probabilities(world, 1, seed=3), MLP(world, [5], hidden=3)
    rng = np.random.default_rng(4)
    network.parameters = [0.5 * rng.standard_normal(p.shape) for p in network.parameters]
    made = trainer(world, settings=POPULATION)
    found = made.update(network, log_mu, made.roll_out(log_mu, [0], 0)).slopes
    every = np.arange(world.rows)
    for index, parameter in enumerate(network.parameters):
        for place in list(np.ndindex(parameter.shape))[::3]:
            values = []
            for move in (STEP, -STEP):
                parameter[place] += move
                values.append(surrogate(world, log_mu, log_softmax(network.logits(every)[0]))[0])
                parameter[place] -= move
            assert abs(found[index][place] - (values[0] - values[1]) / (2 * STEP)) <= DIFFERENCE


@small_worlds
def test_advantages_of_the_population(name, given):
    world = make(name, given)
    log_mu = log_probabilities(world, 2, seed=5)
    drawn = trainer(world, settings=POPULATION).roll_out(log_mu, [0, 1], 0)
    rollouts = drawn.rollouts
    for seed in range(2):
        for prompt in set(rollouts.prompt[seed].tolist()):
            mine = [i for i, x in enumerate(rollouts.prompt[seed]) if x == prompt]
            chances = []
            for i in mine:
                cells = zip(
                    rollouts.row[seed, i], rollouts.token[seed, i], rollouts.mask[seed, i], strict=True
                )
                chances.append(math.prod(math.exp(log_mu[seed, r, y]) for r, y, valid in cells if valid))
            assert sum(chances) == pytest.approx(1, abs=ROUNDING)
            value = sum(p * rollouts.reward[seed, i] for p, i in zip(chances, mine, strict=True))
            for p, i in zip(chances, mine, strict=True):
                assert drawn.weight[seed, i] == pytest.approx(p * world.initial[prompt], abs=ROUNDING)
                assert drawn.advantage[seed, i] == pytest.approx(
                    rollouts.reward[seed, i] - value, abs=ROUNDING
                )


def test_the_mean_of_sampled_steps_is_the_population_step():
    # With A = R - J(mu|x) a sampled step has the population's as its mean.  Responses are independent at one
    # per prompt, no row occurs twice in one, and a response adds x = A rho (e_y - pi) to the entries of it:
    # Bernstein for each of the 15 entries, with the exact second moments and |x| <= most.
    world = make("modular-sum", {"horizon": 2, "actions": 3, "modulus": 3, "prompts": 2})
    seeds, n = list(range(500)), 64
    log_mu = log_probabilities(world, 1, seed=6)
    start = log_mu[0] + logits(world, 1, seed=7, scale=0.5)[0]
    exact = trainer(world, settings=POPULATION)
    whole = exact.roll_out(log_mu, [0], 0)
    expected = exact.update(Tabular(start, [0]), log_mu, whole).slopes[0][0]
    pi, second, most = np.exp(log_softmax(start)), np.zeros_like(start), 0.0
    for i, (rows, tokens) in enumerate(zip(whole.rollouts.row[0], whole.rollouts.token[0], strict=True)):
        for r, y in zip(rows, tokens, strict=True):
            x = whole.advantage[0, i] * pi[r, y] / math.exp(log_mu[0, r, y]) * (np.eye(3)[y] - pi[r])
            second[r] += whole.weight[0, i] * x**2
            most = max(most, np.abs(x).max())
    made = trainer(world, settings=Settings(1, 1, prompts=n, group=1))
    many = np.repeat(log_mu, len(seeds), axis=0)
    rollouts = made.roll_out(many, seeds, 0).rollouts
    mean = {
        x: float((whole.weight * whole.rollouts.reward)[0, whole.rollouts.prompt[0] == x].sum())
        for x in (0, 1)
    }
    value = np.array([mean[x] / world.initial[x] for x in (0, 1)])
    advantage = rollouts.reward - value[rollouts.prompt]
    drawn = Round(rollouts, advantage, np.full(advantage.shape, 1 / n))
    found = made.update(Tabular(start, seeds), many, drawn).slopes[0].mean(0)
    count, bits = n * len(seeds), math.log(2 * found.size / FAILURE)
    room = np.sqrt(2 * second * bits / count) + 2 * most * bits / (3 * count)
    assert (room < np.abs(expected) / 2).sum() >= 5
    assert (np.abs(found - expected) <= room).all()


# --- advantages -------------------------------------------------------------------------------------------


def test_group_relative_advantages_by_hand():
    # groups (1, 0, 0, 1), mean 1/2, deviation 1/2; (1, 0, 0, 0), 1/4 and sqrt(3)/4; equal rewards: 0
    reward = np.array([[1, 0, 0, 1, 1, 0, 0, 0], [0.25] * 4 + [1.0] * 4])
    root = math.sqrt(3) / 4
    near, far = 0.75 / (root + 1e-6), -0.25 / (root + 1e-6)
    half = 0.5 / (0.5 + 1e-6)
    expected = [[half, -half, -half, half, near, far, far, far], [0.0] * 8]
    np.testing.assert_allclose(group_relative(reward, 4), expected, rtol=0, atol=ROUNDING)
    assert not group_relative(reward, 4)[1].any()
    assert not group_relative(np.full((1, 6), 0.1), 6).any()  # whose mean rounds to another number


def test_groups_of_equal_rewards_give_no_gradient():
    world = two_states()
    for reward in ([1, 1, 1, 1], [0.5, 0.5, 0.5, 0.5]):
        world.reward[:] = reward
        made = trainer(world, settings=Settings(1, 3, 2, 4), watch=(seen := Seen()))
        end = made.train(policy("tabular", world, [1, 2]), [1, 2])
        assert not any(update.slopes[0].any() for update in seen.rounds[0][2])
        assert not end.parameters[0].any()


def test_a_round_hands_out_each_of_its_groups_once():
    world = make("stopping", {"horizon": 5, "actions": 4, "length": 2, "prompts": 2})
    settings = Settings(rounds=1, updates=3, prompts=2, group=4)
    made = trainer(world, "dppo", settings, watch=(seen := Seen()))
    made.train(policy("tabular", world, [4, 9]), [4, 9])
    whole = made.roll_out(seen.rounds[0][0], [4, 9], 0)
    assert whole.rollouts.reward.shape == (2, 24)
    for u, update in enumerate(seen.rounds[0][2]):
        part = update.minibatch
        for name in ("row", "token", "mask", "reward", "prompt"):
            mine = getattr(whole.rollouts, name)[:, 8 * u : 8 * u + 8]
            assert (getattr(part.rollouts, name) == mine).all()
        np.testing.assert_array_equal(part.advantage, group_relative(part.rollouts.reward, 4))
        np.testing.assert_array_equal(part.weight, np.full((2, 8), 1 / 8))


# --- staleness, draws, seeds ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tabular", "mlp"])
def test_mu_stays_for_a_round_and_pi_moves_with_every_update(kind):
    world = make("brackets", {"horizon": 4, "depth": 2})
    settings, seeds, rate = Settings(rounds=3, updates=3, prompts=2, group=4), [2, 5], 0.7
    made = trainer(world, settings=settings, step=sgd(rate), watch=(seen := Seen()))
    made.train(policy(kind, world, seeds), seeds)
    at, every = policy(kind, world, seeds), np.arange(world.rows)
    for index, (log_mu, log_pi, updates) in enumerate(seen.rounds):
        np.testing.assert_allclose(log_mu, log_softmax(at.logits(every)[0]), rtol=0, atol=ROUNDING)
        if index:
            np.testing.assert_array_equal(log_mu, seen.rounds[index - 1][1])
        for update in updates:
            r = update.minibatch.rollouts
            flat = (-1, world.horizon)
            for name, table in (("logp_rollout", log_mu), ("logp_current", log_softmax(at.logits(every)[0]))):
                chosen = table[np.arange(2)[:, None, None], r.row, r.token].reshape(flat)
                mask = r.mask.reshape(flat)
                given = update.batch.raw(name)
                np.testing.assert_allclose(given[mask], chosen[mask], rtol=0, atol=ROUNDING)
            at.parameters = [p + rate * s for p, s in zip(at.parameters, update.slopes, strict=True)]
        np.testing.assert_allclose(log_pi, log_softmax(at.logits(every)[0]), rtol=0, atol=ROUNDING)
    assert np.abs(seen.rounds[0][0] - seen.rounds[0][1]).max() > 0.01


def test_rules_see_the_same_rollouts_while_their_policies_are_equal():
    world, seeds = make("brackets", {"horizon": 6, "depth": 3}), [0, 1, 2]
    found = []
    for rule, parameters in (("pg-is", {}), ("dppo", {"delta": 0.01}), ("vespo", {})):
        made = trainer(world, rule, Settings(2, 4, 2, 4), parameters=parameters, watch=(seen := Seen()))
        made.train(policy("tabular", world, seeds), seeds)
        found.append([[u.minibatch.rollouts.token for u in updates] for _, _, updates in seen.rounds])
    for other in found[1:]:
        np.testing.assert_array_equal(found[0][0], other[0])
        assert (np.array(found[0][1]) != np.array(other[1])).any()
        changed = (np.array(found[0][1]) != np.array(other[1])).mean()
        assert changed < 0.5  # the same uniform numbers: policies that differ little draw mostly the same


def test_rounds_and_seeds_have_draws_of_their_own():
    world = make("modular-sum", {"horizon": 4, "actions": 3, "modulus": 4, "prompts": 4})
    made, log_mu = trainer(world), np.full((3, world.rows, 3), -math.log(3))
    drawn = [made.roll_out(log_mu, [7, 8, 7], index).rollouts.token for index in (0, 1)]
    assert (drawn[0][0] == drawn[0][2]).all()
    assert (drawn[0][0] != drawn[0][1]).any()
    assert (drawn[0][0] != drawn[1][0]).any()


@pytest.mark.parametrize("kind", ["tabular", "mlp"])
@pytest.mark.parametrize("rule", ["pg-is", "cppo", "trm-avg"])
def test_a_seed_gets_the_same_bits_alone_and_among_others(kind, rule):
    world, settings = make("brackets", {"horizon": 8, "depth": 4}), Settings(3, 3, 2, 4)
    given = {"settings": settings, "parameters": {"delta_avg": 0.01} if rule == "trm-avg" else {}}
    seeds = [11, 3, 1_000_000, 7, 2]
    together = recorded(world, seeds, kind, rule, step=adam(0.3), **given)
    for i, seed in enumerate(seeds):
        alone = recorded(world, [seed], kind, rule, step=adam(0.3), **given)
        pair = recorded(world, [40, seed], kind, rule, step=adam(0.3), **given)
        for name, x in together.items():
            np.testing.assert_array_equal(x[i], alone[name][0], err_msg=name)
            np.testing.assert_array_equal(x[i], pair[name][1], err_msg=name)


def exploding(place, after):
    """SGD that sends one place on the seed axis to infinity from some step on."""
    count = 0

    def step(parameters, slopes):
        nonlocal count
        count += 1
        out = sgd(0.5)(parameters, slopes)
        if count > after:
            out[0][place] = out[0][place] * 1e308 * 1e308
        return out

    return step


@pytest.mark.parametrize("rule", ["pg-is", "cppo", "trm-max", "minpro"])
def test_a_diverging_seed_becomes_nan_and_leaves_the_others_alone(rule):
    world, settings, seeds = make("brackets", {"horizon": 6, "depth": 3}), Settings(4, 2, 2, 4), [5, 6, 7]
    given = {"settings": settings}
    given["parameters"] = {"eps_low": 0.2, "eps_high": 0.3} if rule == "minpro" else {}
    given["parameters"] |= {"delta": 0.1} if rule == "trm-max" else {}
    found = recorded(world, seeds, "tabular", rule, step=exploding(1, 2), **given)
    sound = recorded(world, seeds, "tabular", rule, **given)
    for name, x in found.items():
        np.testing.assert_array_equal(x[[0, 2]], sound[name][[0, 2]], err_msg=name)
        np.testing.assert_array_equal(x[1, :1], sound[name][1, :1], err_msg=name)
        assert np.isnan(x[1, 1:]).all(), name
    kept = scores(Record({}, seeds, found))
    assert kept["failure"].tolist()[1] == FAILURES.index(Failure.COLLAPSED)
    assert (kept["area"][1], kept["last"][1]) == (0, 0)
    assert (kept["area"][[0, 2]] > 0).all()


def test_a_seed_that_diverges_at_once_is_scored_too():
    world, seeds = make("brackets", {"horizon": 6, "depth": 3}), [5, 6, 7]
    found = recorded(world, seeds, "tabular", "pg-is", step=exploding(0, 0))
    kept = scores(Record({}, seeds, found))
    assert [kept[name][0] for name in ("area", "last", "masked", "residual")] == [0, 0, 0, 0]
    assert kept["failure"][0] == FAILURES.index(Failure.COLLAPSED)


def test_a_population_of_one_reward_has_no_advantage():
    """R - J(mu) of equal rewards is 0 and not what rounding leaves of it; so too where mu = 0 elsewhere."""
    world = make("modular-sum", {"horizon": 3, "actions": 3, "modulus": 3, "prompts": 1})
    rollouts = enumerate_responses(world)
    weight = np.random.default_rng(0).dirichlet(np.ones(27))[None]
    same = replace(rollouts, reward=np.full((1, 27), 1 / 3))
    assert not centred(same, weight).any()
    other = replace(rollouts, reward=np.where(np.arange(27) < 5, 1.0, 1 / 3)[None])
    weight[:, :5] = 0
    assert not centred(other, weight / weight.sum())[:, 5:].any()


def test_a_policy_that_loses_a_token_to_underflow_is_recorded():
    """Logits of thousands: exp of them is 0, which is a limit of the floats, not of the run."""
    world = make("modular-sum", {"horizon": 6, "actions": 4})
    watcher = Watcher(world)
    x = np.zeros((2, world.rows, world.actions))
    far = x.copy()
    far[1, :, 0] = -2000.0
    made = trainer(world, settings=Settings(1, 1, 2, 4), watch=(seen := Seen()))
    made.train(Tabular(x[0], [0, 1]), [0, 1])
    watcher(0, log_softmax(far), log_softmax(x), seen.rounds[0][2])
    watcher(1, log_softmax(x), log_softmax(far), seen.rounds[0][2])
    found = watcher.arrays()
    assert np.isfinite(found["value"]).all()
    assert found["value_mu"][1, 0] == pytest.approx(found["value"][1, 1], abs=ROUNDING)
