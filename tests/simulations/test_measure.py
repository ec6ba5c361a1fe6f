"""What is recorded: exact quantities against `evaluate`, counts and averages against plain loops."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

import cppo_theory as ct
from cppo_theory import schedules
from cppo_theory.rules import RULES
from simulations.cell import account_of, limits_of, run_cell
from simulations.experiment import Condition, RuleRay, cells
from simulations.loading import load
from simulations.measure import (
    COUNTS,
    QUANTITIES,
    REFERENCE,
    UNWEIGHTED,
    WEIGHTED,
    Watcher,
    budget_in_force,
    entropy,
    exact,
    of_updates,
)
from simulations.optimizers import sgd
from simulations.policies import Tabular
from simulations.trainer import Settings, Trainer
from simulations.world import enumerate_responses
from tests.simulations.common import Seen, every_world, log_probabilities, make, policy, trainer, two_states
from tests.tolerances import RELATIVE, ROUNDING


def tables_of(world, log_table):
    """One table per level, uniform where no response comes, one-hot on padding after the end."""
    out = []
    for t, size in enumerate(world.task.space.sizes[:-1]):
        table = np.full((size, world.actions), 1 / world.actions)
        for row in np.flatnonzero(world.row_level == t):
            table[world.row_state[row]] = np.exp(log_table[row])
        table[world.task.ended[t]] = np.eye(world.actions)[world.task.padding]
        out.append(table)
    return out


def instance_of(world, log_mu, log_pi):
    made = world.task
    tables = (tables_of(world, x) for x in (log_mu, log_pi))
    return ct.Instance(made.space, made.initial, *tables, made.reward)


def near(world, seeds=3, size=0.3):
    """mu, and pi a small step away from it."""
    log_mu = log_probabilities(world, seeds, seed=1)
    x = log_mu + size * np.random.default_rng(2).standard_normal(log_mu.shape)
    return log_mu, x - np.log(np.exp(x).sum(-1, keepdims=True))


@every_world
def test_exact_quantities(name, given):
    world = make(name, given)
    log_mu, log_pi = near(world)
    found = exact(world, log_mu, log_pi, REFERENCE)
    for seed in range(3):
        instance = instance_of(world, log_mu[seed], log_pi[seed])
        values = ct.evaluate(instance, keep=["expected_kl_mu_pi", "expected_kl_pi_mu"])
        expected = {
            "value_mu": values.value_mu,
            "value": values.value_pi,
            "surrogate": values.surrogate,
            "delta": values.residual,
            "expected_tv": values.expected_tv,
            "ell_max": max(values.ell),
            "kl_mu_pi": sum(values.expected_kl_mu_pi),
            "kl_pi_mu": sum(values.expected_kl_pi_mu),
        }
        for key, value in expected.items():
            assert found[key][seed] == pytest.approx(value, rel=RELATIVE, abs=ROUNDING), key
        assert found["delta"][seed] == pytest.approx(
            values.surrogate - (values.value_pi - values.value_mu), abs=ROUNDING
        )
        weighted = ct.Constraints(np.array(linear(world.horizon)))
        for verdict in [*ct.check(instance, UNWEIGHTED), *ct.check(instance, WEIGHTED, constraints=weighted)]:
            assert verdict.status == "holds"
            bound = found[f"bound.{verdict.claim}"][seed]
            assert bound == pytest.approx(float(verdict.rhs), rel=RELATIVE, abs=ROUNDING)
            assert abs(found["delta"][seed]) <= bound + ROUNDING
            assert found[f"certifies.{verdict.claim}"][seed] == verdict.certifies


def test_a_bound_below_the_surrogate_certifies():
    # One step of .02 up the surrogate from mu: L' is of first order in it, |Delta| and its bounds of second.
    world = two_states()
    log_mu = log_probabilities(world, 2)
    made = trainer(world, settings=Settings(1, 1, population=True))
    start = policy("tabular", world, [0, 1])
    start.parameters = [log_mu.copy()]
    slope = made.update(start, log_mu, made.roll_out(log_mu, [0, 1], 0)).slopes[0]
    x = log_mu + 0.02 * np.array([1.0, -1.0])[:, None, None] * slope
    found = exact(world, log_mu, x - np.log(np.exp(x).sum(-1, keepdims=True)), REFERENCE)
    assert found["certifies.prop-4"].tolist() == [True, False]
    assert found["value"][0] > found["value_mu"][0]
    assert found["value"][1] < found["value_mu"][1]


def linear(horizon, w_min=0.8):
    return [1 - (1 - w_min) * t / (horizon - 1) for t in range(horizon)]


def paths(world, log_mu, log_pi):
    """D_t along every response that mu can give, 0 after the end."""
    d = 0.5 * np.abs(np.exp(log_mu) - np.exp(log_pi)).sum(-1)
    whole = enumerate_responses(world)
    return np.where(whole.mask[0], d[whole.row[0]], 0.0)


@every_world
def test_violations_on_all_paths(name, given):
    world = make(name, given)
    log_mu, log_pi = near(world, 8, size=0.4)
    w = np.array(linear(world.horizon))
    found = None
    for limits in ({**REFERENCE}, {"delta": 0.3, "delta_b": 0.12, "w_min": 0.8}):
        found = exact(world, log_mu, log_pi, limits)
        for seed in range(8):
            along = w * paths(world, log_mu[seed], log_pi[seed])
            spent = along[:, :-1].cumsum(-1) / w[:-1].cumsum()  # m = 1..T-1 of Eq. (5)
            assert found["violates_token"][seed] == (along > limits["delta"]).any()
            assert found["violates_budget_worst_path"][seed] == (spent > limits["delta_b"]).any()


def test_the_last_token_has_no_prefix_budget():
    # T = 2: only m = 1 is asked. D_1 = .01 <= .015, D_2 = .1.
    world = two_states()
    log_mu = np.log(np.array([[[0.4, 0.3, 0.3], [0.4, 0.3, 0.3]]]))
    log_pi = np.log(np.array([[[0.41, 0.29, 0.3], [0.5, 0.2, 0.3]]]))
    found = exact(world, log_mu, log_pi, REFERENCE)
    assert not found["violates_budget_worst_path"][0]
    back = exact(world, log_mu[:, ::-1], log_pi[:, ::-1], REFERENCE)
    assert back["violates_budget_worst_path"][0]


def test_the_page_on_records_lists_what_is_recorded():
    cell = cells(load("main"), "smoke")[0]
    page = (Path(__file__).parents[2] / "docs" / "records.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = [name for row in rows for name in re.findall("`(.+?)`", row)]
    assert sorted(listed) == sorted(run_cell(cell, [0])) == sorted(QUANTITIES)


# --- counts, ledger ---------------------------------------------------------------------------------------

CASES = {
    "cppo": {"delta": 0.1, "delta_b": 0.02},
    "cppo-soft": {"delta": 0.05, "delta_b": 0.01},
    "trm-max": {"delta": 0.005},
    "grpo": {"eps_low": 0.05, "eps_high": 0.05},
}


def round_of(rule, parameters, seeds=(0, 1)):
    world = make("stopping", {"horizon": 5, "actions": 3, "length": 1, "prompts": 2})
    bound = RULES[rule].with_parameters(**parameters)
    made = Trainer(world, bound, sgd(1.0), Settings(1, 4, 4, 8), watch=(seen := Seen()))
    made.train(policy("tabular", world, list(seeds)), list(seeds))
    return world, *seen.rounds[0]


def tokens_of(update, seeds):
    """(seed, valid positions, row of the batch) of every response."""
    mask = update.minibatch.rollouts.mask
    for seed in range(seeds):
        for i in range(mask.shape[1]):
            yield seed, np.flatnonzero(mask[seed, i]), seed * mask.shape[1] + i


@pytest.mark.parametrize("rule", CASES)
def test_counts_by_plain_loops(rule):
    _, log_mu, _, updates = round_of(rule, CASES[rule])
    expected = {name: [0.0, 0.0] for name in COUNTS}
    for update in updates:
        for seed, places, i in tokens_of(update, 2):
            for t in places:
                a = float(update.minibatch.advantage.reshape(-1)[i])
                r = math.exp(update.batch.raw("logp_current")[i, t] - update.batch.raw("logp_rollout")[i, t])
                reason, g = int(update.decision.rows_reason[i, t]), float(update.decision.rows_g[i, t])
                gone = (1 - g / r) if rule == "cppo-soft" else float(reason != 0)
                here = {
                    "tokens": 1,
                    "ratio_high": r > 2,
                    "ratio_low": r < 0.5,
                    "scored": a != 0,
                    "scored_up": a > 0,
                    "removed": gone * (a != 0),
                    "removed_up": gone * (a > 0),
                    "toward": a != 0 and a * (r - 1) <= 0,
                }
                codes = {"by_token": 1, "by_budget": 2, "by_sequence": 3, "by_clip": 4}
                here |= {key: a != 0 and reason == code for key, code in codes.items()}
                for key, x in here.items():
                    expected[key][seed] += x
    found = of_updates(updates, REFERENCE)
    for name in COUNTS:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e3 * ROUNDING, err_msg=name)
    assert (found["removed"] > 0).all()
    assert len(log_mu) == 2


def test_the_ledger_by_plain_loops():
    world, log_mu, log_pi, updates = round_of("pg-is", {})
    limits = {"delta": 0.1, "delta_b": 0.05, "w_min": 0.5}
    found, last = of_updates(updates, limits), updates[-1]
    at = np.zeros((2, world.rows, world.actions))  # logits before the last step: three steps of rate 1
    for update in updates[:-1]:
        at += update.slopes[0]
    now = np.exp(at) / np.exp(at).sum(-1, keepdims=True)
    d = 0.5 * np.abs(np.exp(log_mu) - now).sum(-1)
    rows = last.minibatch.rollouts.row.reshape(64, -1)
    lengths, over, all_d = ([[], []] for _ in range(3))
    for seed, places, i in tokens_of(last, 2):
        n, excess, broken = len(places), 0.0, False
        for t in places:
            w = 1 - 0.5 * t / (n - 1) if n > 1 else 1.0
            excess += w * (d[seed, rows[i, t]] - 0.05)
            broken |= t < n - 1 and excess > 0
            all_d[seed].append(d[seed, rows[i, t]])
        lengths[seed].append(n)
        over[seed].append(broken)
    assert len({*lengths[0], *lengths[1]}) > 2
    assert 0 < np.mean(over) < 1
    for name, x in (("length", lengths), ("violates_budget_sampled", over), ("mean_divergence", all_d)):
        np.testing.assert_allclose(found[name], [np.mean(y) for y in x], rtol=0, atol=ROUNDING, err_msg=name)
    np.testing.assert_allclose(found["max_divergence"], [max(y) for y in all_d], rtol=0, atol=ROUNDING)
    norm = [math.sqrt(sum(float(x) ** 2 for x in last.slopes[0][seed].ravel())) for seed in (0, 1)]
    np.testing.assert_allclose(found["gradient_norm"], norm, rtol=0, atol=ROUNDING)
    watcher = Watcher(world, limits)
    watcher(0, log_mu, log_pi, updates)
    for seed in (0, 1):
        h = [-sum(p * math.log(p) for p in np.exp(row)) for row in log_pi[seed]]
        visited = [h[rows[i, t]] for s, places, i in tokens_of(last, 2) if s == seed for t in places]
        assert watcher.arrays()["entropy"][seed, 0] == pytest.approx(np.mean(visited), abs=1e-6)  # float32


def test_the_adaptive_budget_is_the_one_in_force():
    # Eq. (22): the 90th percentile of a response's divergences between delta_b and twice that.
    _, log_mu, _, updates = round_of("pg-is", {})
    last, given = updates[-1], {"delta_b": 0.06, "budget": schedules.adaptive}
    found = budget_in_force(last, account_of(RULES["cppo"], given))
    expected = [[], []]
    for seed, places, i in tokens_of(last, 2):
        p90 = np.quantile([last.batch.tv[i, t] for t in places], 0.9)
        expected[seed].append(max(0.06, min(p90, 0.12)))
    assert len({round(x, 9) for x in expected[0]}) > 2
    np.testing.assert_allclose(found, [np.mean(x) for x in expected], rtol=0, atol=ROUNDING)
    assert len(log_mu) == 2


def cells_of(ray, **more):
    experiment = load("main")
    given = {"task": {"name": "brackets", "horizon": 6, "depth": 3}, "updates": 4, "rounds": 2, **more}
    condition = Condition(name="small", policy="tabular", rate=0.3, **given)
    experiment.condition, experiment.rule = [condition], [ray]
    experiment.presets["smoke"].conditions = None
    experiment.presets["smoke"].rounds_share = 1.0
    return cells(experiment, "smoke")


def test_a_cell_records_the_limits_of_its_rule():
    fixed = run_cell(*cells_of(RuleRay("a", "cppo", [{"delta": 0.1, "delta_b": 0.02}])), [0, 1, 2])
    assert fixed["delta_b"] == pytest.approx(np.full((3, 2), 0.02))
    loose = run_cell(*cells_of(RuleRay("a", "cppo", [{"delta": 2.0, "delta_b": 2.0}])), [0, 1, 2])
    assert not loose["violates_token"].any()
    assert not loose["violates_budget_worst_path"].any()
    # a threshold of TRM is a KL: the paper's constraints on TV judge its runs
    other = run_cell(*cells_of(RuleRay("a", "trm-max", [{"delta": 2.0}])), [0, 1, 2])
    assert np.isposinf(other["delta_b"]).all()  # and it has no budget
    assert other["violates_token"].any()


@pytest.mark.parametrize(
    ("rule", "setting", "fixed", "expected"),
    [
        ("cppo", {"delta": 0.1, "w_min": 0.5}, {}, {"delta": 0.1, "w_min": 0.5}),
        ("cppo", {"delta": 0.1}, {"budget": "none"}, {"delta": 0.1}),
        ("cppo", {"delta": 0.1, "delta_b": 0.03}, {"budget": "none"}, {"delta": 0.1}),
        ("cppo", {"delta": 0.1}, {"weights": "uniform"}, {"delta": 0.1, "w_min": 1.0}),
        ("cppo", {"delta": 0.1, "delta_b": 0.01}, {"divergence": "kl"}, {}),
        ("dppo", {"delta": 0.2}, {}, {"delta": 0.2}),
        ("grpo", {"eps_low": 0.1}, {}, {}),
    ],
)
def test_violations_are_judged_by_the_rule_where_it_has_such_constraints(rule, setting, fixed, expected):
    (cell,) = cells_of(RuleRay("a", rule, [setting], fixed=fixed))
    assert limits_of(cell) == {**REFERENCE, **expected}
    if "w_min" not in setting:  # both kinds of violations are judged by the same numbers
        found = run_cell(cell, [0, 1, 2])
        everywhere = found["violates_budget_worst_path"].astype(bool)
        assert not found["violates_budget_sampled"][~everywhere].any()


def test_a_cell_runs_its_own_setting_of_its_rule():
    strict, loose = cells_of(RuleRay("a", "dppo", [{"delta": 0.0}, {"delta": 2.0}]))
    assert (run_cell(strict, [0, 1, 2])["by_token"].sum(-1) > 0).all()
    found = run_cell(loose, [0, 1, 2])
    assert not found["removed"].any()
    uniform = RuleRay("a", "cppo", [{"delta": 0.05}], fixed={"weights": "uniform", "budget": "none"})
    dppo = run_cell(*cells_of(RuleRay("a", "dppo", [{"delta": 0.05}])), [0, 1, 2])
    np.testing.assert_array_equal(run_cell(*cells_of(uniform), [0, 1, 2])["value"], dppo["value"])
    assert (dppo["value"] != found["value"]).any()


def test_a_cell_records_the_adaptive_budget_in_force():
    ray = RuleRay("a", "cppo", [{"delta": 0.1, "delta_b": 0.02}], fixed={"budget": "adaptive"})
    found = run_cell(*cells_of(ray), [0, 1, 2])["delta_b"]
    assert (found >= 0.02 - 1e-6).all()
    assert (found > 0.021).any()
    assert (found <= 0.04 + 1e-6).all()


def test_the_budget_in_force_is_that_of_the_rule():
    """On KL it is a quantile of KLs, of a base rule that of the base; without a budget there is none."""
    kl = RuleRay("a", "cppo", [{"delta_b": 1e-4}], fixed={"budget": "adaptive", "divergence": "kl"})
    found = run_cell(*cells_of(kl), [0, 1])["delta_b"]
    assert (found >= 1e-4 - 1e-9).all()
    assert (found <= 2e-4 + 1e-9).all()
    for ray in (
        RuleRay("a", "cppo", [{"delta_b": 0.03}], fixed={"budget": "none"}),
        RuleRay("a", "grpo", [{}]),
        RuleRay("a", "trm-max", [{}], fixed={"base": "dppo"}),
    ):
        assert np.isposinf(run_cell(*cells_of(ray), [0, 1])["delta_b"]).all()
    based = run_cell(*cells_of(RuleRay("a", "trm-max", [{}], fixed={"base": "cppo"})), [0, 1])
    assert based["delta_b"] == pytest.approx(np.full((2, 2), 0.015))


def test_a_token_of_probability_zero_is_no_divergence():
    """pi << mu is all that is required: a start that never takes one token is recorded as it is."""
    world = make("modular-sum", {"horizon": 3, "actions": 4, "modulus": 2, "prompts": 2})
    start = np.zeros((world.rows, 4))
    start[:, 3] = -np.inf
    watcher = Watcher(world)
    made = Trainer(world, RULES["cppo"].with_parameters(), sgd(0.3), Settings(2, 2, 2, 4), watch=watcher)
    made.train(Tabular(start, [0, 1]), [0, 1])
    found = watcher.arrays()
    assert all(np.isfinite(found[name]).all() for name in QUANTITIES if name != "delta_b")
    assert found["entropy"][:, 0] == pytest.approx(math.log(3), abs=0.1)


@every_world
def test_a_population_counts_by_its_weights(name, given):
    """Length, entropy and shares are means over the responses of mu, here by a loop over all of them."""
    world = make(name, given)
    log_mu = log_probabilities(world, 2, seed=3)
    made = trainer(world, "dppo", settings=Settings(1, 1, population=True), parameters={"delta": 0.02})
    start = policy("tabular", world, [0, 1])
    start.parameters = [near(world, 2)[1].copy()]
    update = made.update(start, log_mu, made.roll_out(log_mu, [0, 1], 0))
    found, whole = of_updates([update], REFERENCE), update.minibatch.rollouts
    rows = -(np.exp(log_mu) * log_mu).sum(-1)
    spread = entropy(log_mu, update)
    for seed in range(2):
        mass = length = tokens = removed = entropies = divergence = 0.0
        for i in range(whole.row.shape[1]):
            weight = world.initial[whole.prompt[seed, i]]
            places = np.flatnonzero(whole.mask[seed, i])
            for t in places:
                weight *= math.exp(log_mu[seed, whole.row[seed, i, t], whole.token[seed, i, t]])
            flat, mass, length = seed * whole.row.shape[1] + i, mass + weight, length + weight * len(places)
            entropies += weight * sum(rows[seed, whole.row[seed, i, t]] for t in places)
            divergence += weight * sum(update.batch.tv[flat, t] for t in places)
            if update.minibatch.advantage[seed, i]:
                tokens += weight * len(places)
                removed += weight * sum(not update.decision.rows_keep[flat, t] for t in places)
        assert mass == pytest.approx(1)
        assert found["length"][seed] == pytest.approx(length)
        assert spread[seed] == pytest.approx(entropies / length)
        assert found["mean_divergence"][seed] == pytest.approx(divergence / length)
        assert found["scored"][seed] == pytest.approx(tokens * whole.row.shape[1])
        assert found["removed"][seed] / found["scored"][seed] == pytest.approx(removed / tokens)
        assert removed > 0
