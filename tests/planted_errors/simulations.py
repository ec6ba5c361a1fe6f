"""Errors in the training of small policies, in what is recorded of it, and in what is said of the records."""

from tests.planted import Planted, planted_in

HERE = "tests/simulations/test_"
in_trainer = planted_in("simulations/trainer.py", f"{HERE}trainer.py")
in_policies = planted_in("simulations/policies.py", f"{HERE}policies.py")
in_optimizers = planted_in("simulations/optimizers.py", f"{HERE}policies.py")
in_world = planted_in("simulations/world.py", f"{HERE}world.py")
in_measure = planted_in("simulations/measure.py", f"{HERE}measure.py")
in_source = planted_in("simulations/source.py", f"{HERE}trainer.py")
in_statistics = planted_in("simulations/statistics.py", f"{HERE}statistics.py")
in_summary = planted_in("simulations/summary.py", f"{HERE}summary.py")
in_records = planted_in("simulations/records.py", f"{HERE}records.py")
in_runner = planted_in("simulations/runner.py", f"{HERE}runner.py::test_any_batching_gives_the_same_bytes")
in_plan = planted_in("simulations/runner.py", f"{HERE}runner.py::test_only_what_is_missing_is_run")
in_seeds = planted_in(
    "simulations/experiment.py", f"{HERE}runner.py::test_tuning_seeds_are_never_reported_ones"
)
in_cells = planted_in("simulations/cell.py", f"{HERE}measure.py")
in_adoption = planted_in("simulations/adoption.py", f"{HERE}adoption.py")
in_code = planted_in("simulations/code.py", f"{HERE}code.py")

ERRORS: tuple[Planted, ...] = (
    # --- the step
    in_trainer("trainer: advantage of the wrong sign", "0.0, groups - groups", "0.0, -groups + groups"),
    in_trainer(
        "trainer: mean over the minibatch, not the group",
        "groups - groups.mean(-1, keepdims=True)",
        "groups - groups.mean((1, 2), keepdims=True)",
    ),
    in_trainer(
        "trainer: advantages without the deviation",
        "(gap / (groups.std(-1, keepdims=True) + 1e-6))",
        "gap",
    ),
    in_trainer(
        "trainer: deviation with n - 1",
        "groups.std(-1, keepdims=True)",
        "groups.std(-1, ddof=1, keepdims=True)",
    ),
    in_trainer(
        "trainer: mu is the policy of now",
        "token_batch(log_mu, log_pi, minibatch)",
        "token_batch(log_pi, log_pi, minibatch)",
    ),
    in_trainer(
        "trainer: mu is that of the first round",
        "log_mu = log_softmax(policy.logits(every)[0])\n",
        "log_mu = log_mu if index else log_softmax(policy.logits(every)[0])\n",
    ),
    in_trainer(
        "trainer: mu and pi swapped",
        "at_tokens(log_mu, rollouts).reshape(flat),\n        at_tokens(log_pi, rollouts)",
        "at_tokens(log_pi, rollouts).reshape(flat),\n        at_tokens(log_mu, rollouts)",
    ),
    in_trainer("trainer: g ignored", "rollouts, g * (minibatch", "rollouts, (0 * g + 1) * (minibatch"),
    in_trainer(
        "trainer: no -c pi of the softmax",
        "chosen - over_actions(np.add, chosen) * np.exp(log_pi)",
        "chosen",
    ),
    in_trainer(
        "trainer: token index shifted",
        "(cell * actions + rollouts.token)",
        "(cell * actions + (rollouts.token + 1) % actions)",
    ),
    in_trainer(
        "trainer: tokens after the end count",
        "        rollouts.mask.reshape(flat),\n",
        "        np.ones_like(rollouts.mask).reshape(flat),\n",
    ),
    in_trainer(
        "trainer: minibatch u + 1 for u",
        "slice(u * self.settings.size, (u + 1) * self.settings.size)",
        "slice((u + 1) * self.settings.size, (u + 2) * self.settings.size)",
    ),
    in_trainer(
        "trainer: every update sees the first minibatch",
        "slice(u * self.settings.size, (u + 1) * self.settings.size)",
        "slice(0, self.settings.size)",
    ),
    in_trainer(
        "trainer: sum over responses for their mean",
        "np.full(rollouts.reward.shape, 1.0 / settings.size)",
        "np.full(rollouts.reward.shape, 1.0)",
    ),
    in_trainer(
        "trainer: sequence mean by the horizon", "weight / length\n", "weight / rollouts.mask.shape[-1]\n"
    ),
    in_trainer(
        "trainer: seeds share a table",
        "cell = rollouts.row + rows * np.arange(seeds)[:, None, None]",
        "cell = rollouts.row + rows * (0 * np.arange(seeds))[:, None, None]",
    ),
    in_trainer("trainer: rounds share their draws", "(1, index), shape", "(1, 0), shape"),
    in_trainer(
        "trainer: population without the law of prompts",
        "weight = world.initial[rollouts.prompt] * np.exp(logp)",
        "weight = np.exp(logp)",
    ),
    in_trainer(
        "trainer: population centred by all prompts together",
        "here = rollouts.prompt == prompt",
        "here = rollouts.prompt >= 0",
    ),
    in_source(
        "trainer: KL(pi || mu) for KL(mu || pi)",
        "kl_divergence(np.exp(self.log_mu), np.exp(self.log_pi))",
        "kl_divergence(np.exp(self.log_pi), np.exp(self.log_mu))",
    ),
    # --- policies, optimisers
    in_policies("policies: derivative of tanh", "(1 - hidden * hidden)", "(1 - hidden)"),
    in_policies(
        "policies: bias gradient averaged", "inner.sum(1, keepdims=True)", "inner.mean(1, keepdims=True)"
    ),
    in_policies(
        "policies: initial weights by place in the batch",
        "np.random.default_rng([seed, 0]).standard_normal((width, hidden)) for seed in seeds",
        "np.random.default_rng([i, 0]).standard_normal((width, hidden)) for i, _ in enumerate(seeds)",
    ),
    in_policies("policies: start ignored", "hidden @ v + c + self.start[states]", "hidden @ v + c"),
    in_optimizers("optimizers: Adam without bias correction", "1 / (1 - decay**count), 1 /", "1.0, 1 /"),
    in_optimizers(
        "optimizers: Adam of the first power", "(1 - decay_square) * s * s", "(1 - decay_square) * s"
    ),
    in_optimizers("optimizers: descent", "p + rate * s", "p - rate * s"),
    # --- worlds and draws
    in_world(
        "world: seeds share draws",
        "np.random.default_rng([seed, *key]).random(shape) for seed in seeds",
        "np.random.default_rng([seeds[0], *key]).random(shape) for seed in seeds",
    ),
    in_world(
        "world: the prompt's number drawn again for the first token",
        "uniform[:, :, t + 1])",
        "uniform[:, :, t])",
    ),
    in_world(
        "world: a prompt per response", "np.repeat(uniform[:, ::group, 0], group, axis=1)", "uniform[:, :, 0]"
    ),
    in_world(
        "world: every seed draws from the first one's policy",
        "prompt, first_row = state, world.rows * np.arange(seeds)[:, None]",
        "prompt, first_row = state, 0 * np.arange(seeds)[:, None]",
    ),
    in_world("world: mask of the next token", "~world.ended[t, state]\n", "~world.ended[t, state - 1]\n"),
    in_world(
        "world: responses enumerated after the end",
        "np.where(over, 1, world.actions)",
        "world.actions + 0 * over",
    ),
    # --- what is recorded
    in_measure("measure: certifies at twice the surrogate", '< out["surrogate"]', '< 2 * out["surrogate"]'),
    in_measure(
        "measure: the largest D_t for u_t", '"expected_tv": values.expected_tv', '"expected_tv": values.ell'
    ),
    in_measure(
        "measure: the budget of the limits for the rule's",
        "budget_in_force(updates[-1], self.account)",
        'np.full(len(alive), self.limits["delta_b"])',
    ),
    in_measure(
        "measure: weighted bounds at w = 1", "weighted_case if name in WEIGHTED", "weighted_case if False"
    ),
    in_measure("measure: probability 0 as divergence", "~(np.isnan(log_mu) | ", "~(np.isinf(log_mu) | "),
    in_measure("measure: unweighted token threshold", "weights.astype(float) * weighted.ell", "weighted.ell"),
    in_measure(
        "measure: the last token has a prefix budget",
        "np.arange(1, mask.shape[1] + 1) < length[:, None]",
        "np.arange(1, mask.shape[1] + 1) <= length[:, None]",
    ),
    in_measure(
        "measure: counts of the last update alone", "for update in updates]", "for update in updates[-1:]]"
    ),
    in_measure("measure: entropy over padding", "(visited * weight).sum((1, 2))", "visited.sum((1, 2))"),
    in_measure(
        "measure: D over padding",
        "divergence = np.where(mask, account.divergence, 0)",
        "divergence = account.divergence",
    ),
    in_measure(
        "measure: a population counts every response once",
        "(per_seed(x[name], seeds) * w).sum(-1)",
        "per_seed(x[name], seeds).sum(-1)",
    ),
    in_measure(
        "measure: the mean response of a population unweighted",
        "(per_seed(x, seeds) * weight).sum(-1)",
        "per_seed(x, seeds).mean(-1)",
    ),
    # --- statistics
    in_statistics(
        "statistics: bootstrap across tasks",
        "return scores[chosen, np.arange(tasks)]",
        "return scores[chosen, rng.integers(0, tasks, chosen.shape)]",
    ),
    in_statistics(
        "statistics: one draw of seeds for all tasks",
        "rng.integers(0, runs, (resamples, runs, tasks))",
        "rng.integers(0, runs, (resamples, runs, 1))",
    ),
    in_statistics(
        "statistics: half the seeds in a resample",
        "rng.integers(0, runs, (resamples, runs, tasks))",
        "rng.integers(0, runs, (resamples, runs // 2, tasks))",
    ),
    in_statistics("statistics: a tenth is cut", "trim_mean(flat, 0.25", "trim_mean(flat, 0.1"),
    in_statistics(
        "statistics: pairs torn apart",
        "bootstrap(one - other, statistic",
        "bootstrap(one - other[::-1], statistic",
    ),
    in_statistics("statistics: ties count as wins", "(x == y) / 2", "(x == y)"),
    in_statistics("statistics: one tail", "tail = (1 - confidence) / 2", "tail = 1 - confidence"),
    in_statistics("statistics: interval of Clopper and Pearson", 'method="wilson"', 'method="exact"'),
    in_statistics(
        "statistics: collapse is asked first",
        "    if best < 0.1 or best < 2 * curve[0]:\n        return Failure.NEVER_TOOK_OFF\n",
        "    if last < best / 2 and best > 0.5:\n        return Failure.COLLAPSED\n"
        "    if best < 0.1 or best < 2 * curve[0]:\n        return Failure.NEVER_TOOK_OFF\n",
    ),
    in_statistics(
        "statistics: a NaN is no failure", "return Failure.COLLAPSED\n    best", "return None\n    best"
    ),
    in_statistics("statistics: area with the start", "curve[..., 1:].mean(-1)", "curve.mean(-1)"),
    in_statistics("statistics: area over the seeds", "curve[..., 1:].mean(-1)", "curve[..., 1:].mean(0)"),
    in_statistics("statistics: the first quarter", "curve[..., -count:]", "curve[..., :count]"),
    # --- choice, records, runs
    in_summary("summary: chosen on the reported seeds", "record.only(tuning)", "record.only(reported)"),
    in_summary(
        "summary: a failed tuning seed keeps its area",
        'found["failure"] == 0, found',
        'found["failure"] >= 0, found',
    ),
    in_summary("summary: the curve without its start", 'x["value_mu"][:, :1], x["value"]', 'x["value"]'),
    in_summary("summary: the worst setting is chosen", "np.argmax(tuned)", "np.argmin(tuned)"),
    in_records("records: new seeds not put in order", "arrays).ordered()", "arrays)"),
    in_records(
        "records: another configuration is accepted", "if config is not None and", "if config is None and"
    ),
    in_runner(
        "runner: a batch loses its last seed",
        "item.missing[first : first + BATCH]",
        "item.missing[first : first + BATCH - 1]",
    ),
    in_plan("runner: present seeds are run again", "if seed not in present", "if seed >= 0"),
    in_seeds("experiment: tuning seeds leak", "FIRST_TUNING_SEED + i for i", "i for i"),
    in_cells(
        "experiment: every setting is the first",
        "parameters = {**cell.ray.settings[cell.setting]",
        "parameters = {**cell.ray.settings[0]",
    ),
    in_cells(
        "cell: uniform weights judged as falling", 'get("weights") == "uniform"', 'get("weights") == "flat"'
    ),
    in_cells("cell: a threshold of KL judges a total variation", ' and "divergence" not in fixed', ""),
    in_adoption(
        "adoption: what differs is adopted",
        "if not np.array_equal(kept[name], x, equal_nan=True)",
        "if False",
    ),
    in_adoption(
        "adoption: other settings too",
        "except records.ForeignRecordError:\n        return False",
        "except records.ForeignRecordError:\n        return True",
    ),
    in_code("code: tables of names count", "and x not in NAMES_ONLY", "and x"),
    in_code("code: imports are not followed", "left += _imports(name)", "left += []"),
    in_code(
        "code: presets do not count",
        "found: dict[str, Any] = dict(RULES[cell.ray.rule].preset)",
        "found: dict[str, Any] = {}",
    ),
    in_code("code: a base's preset does not count", ', **RULES[fixed["base"]].preset}', "}"),
    in_code(
        "code: parts do not count",
        'for name, value in objects(fixed).items() if name != "base"',
        "for _ in []",
    ),
    in_code("code: only one of the bounds", "for name in BOUNDS)", "for name in BOUNDS[:1])"),
)
