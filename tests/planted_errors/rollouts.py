"""Errors in ledgers, metrics, laws and checks of rules, and in what is read and written of rollouts."""

from tests.planted import Planted, planted_in

LEDGER, METRICS = "tests/rules/test_ledger.py::", "tests/rules/test_metrics.py::"
LAWS, ROLLOUTS, MASK = "tests/rules/test_laws.py::", "tests/test_rollouts.py::", "tests/test_cli_mask.py::"
HOLE = LEDGER + "test_a_hole_moves_the_position_and_spends_nothing"
BY_HAND = METRICS + "test_every_metric_by_hand"
BAD_RULES = LAWS + "test_a_bad_rule_breaks_its_law_and_no_other"
BAD_LINES = ROLLOUTS + "test_a_bad_line_is_refused"

in_ledger = planted_in("cppo_theory/rules/ledger.py", HOLE)
in_metrics = planted_in("cppo_theory/rules/metrics.py")
in_laws = planted_in("cppo_theory/rules/laws.py", BAD_RULES)
in_validation = planted_in("cppo_theory/rules/validation.py")
in_reading = planted_in("cppo_theory/rollouts/reading.py")
in_batching = planted_in("cppo_theory/rollouts/batching.py")
in_masking = planted_in("cppo_theory/rollouts/masking.py")
in_command = planted_in("cppo_theory/cli/mask.py")
in_files = planted_in("cppo_theory/files.py")
in_options = planted_in("cppo_theory/cli/rule_options.py")

ACCOUNTS = (
    in_ledger("ledger: holes count in W", "running_sum(xp, select(xp, b.mask, w))", "running_sum(xp, w)"),
    in_ledger("ledger: S without weights", "select(xp, b.mask, spent))", "select(xp, b.mask, d))"),
    in_ledger(
        "ledger: threshold above delta",
        "delta - xp.clip(drift, min=0.0)",
        "delta - drift",
        LEDGER + "test_the_ledger_is_algorithm_1",
    ),
    in_ledger(
        "ledger: threshold without delta",
        '"threshold": delta - xp',
        '"threshold": 1.0 - xp',
        LEDGER + "test_the_ledger_is_algorithm_1",
    ),
    in_ledger("explain: w_min of the rule is lost", '"w_min", "weights", "budget"', '"weights", "budget"'),
    in_ledger(
        "explain: budget of the rule is lost",
        '"w_min", "weights", "budget"',
        '"w_min", "weights"',
        LEDGER + "test_the_adaptive_budget_is_the_clamped_quantile",
    ),
)

MEASURED = (
    in_metrics(
        "metrics: the gate is what is masked",
        "1 - host(decision.whole_gate)",
        "host(decision.whole_gate)",
        METRICS + "test_a_soft_rule_masks_by_one_minus_the_gate",
    ),
    in_metrics("metrics: position from 0", "dropped.argmax(-1) + 1", "dropped.argmax(-1)", BY_HAND),
    in_metrics(
        "metrics: A = 0 is scored", "mask & (advantage != 0)", "mask & (advantage == advantage)", BY_HAND
    ),
    in_metrics("metrics: bins moved by one", "(position - 1) * BINS", "position * BINS", BY_HAND),
    in_metrics("metrics: sign of k1", '"sum_k1": -log_ratio', '"sum_k1": log_ratio', BY_HAND),
    in_metrics(
        "metrics: toward of every token", "(scored & host(b.toward))", "(mask & host(b.toward))", BY_HAND
    ),
    in_metrics(
        "metrics: tails swapped", "self.ratio_high, self.tokens", "self.ratio_low, self.tokens", BY_HAND
    ),
    in_metrics(
        "metrics: the budget's share of the scored",
        "self._per(self.by_budget, self.masked)",
        "self._per(self.by_budget, self.scored)",
        BY_HAND,
    ),
    in_metrics(
        "metrics: a response without scored tokens is rejected",
        "(scored.any(-1) & ~(scored & ~dropped).any(-1))",
        "(~(scored & ~dropped).any(-1))",
        METRICS + "test_whole_responses_and_clips",
    ),
    in_metrics(
        "metrics: largest values add up",
        'max(x, y) if name.startswith("max_") else x + y',
        "x + y",
        METRICS + "test_two_batches_add_up_to_their_union",
    ),
)

LAWFUL = (
    in_laws("laws: padding is clean", "wider[name], np.nan)", "wider[name], 0.0)"),
    in_laws("laws: no tie at A = 0", "(a * x == 0)", "(x == 0) & (a != 0)"),
    in_laws("laws: floors as thresholds", "(0.5, 2.0) if p.direction > 0 else (2.0, 0.5)", "(0.5, 2.0)"),
    in_laws(
        "laws: packed in another order",
        "x[inside] for x in _answer(decide(columns))",
        "x[inside][::-1] for x in _answer(decide(columns))",
    ),
    in_laws("laws: infinite g is fine", "g[mask]).all():", "g[mask]).any() and False:"),
)

CHECKED = (
    in_validation("validate: log-probabilities up to 1", "yield x > 0,", "yield x > 1,", BAD_LINES),
    in_validation(
        "validate: mu may draw the impossible",
        'yield xp.isinf(x), "", "mu',
        'yield x == xp.inf, "", "mu',
        BAD_LINES,
    ),
    in_validation(
        "validate: any mask",
        "(values != 0) & (values != 1)",
        "values < 0",
        ROLLOUTS + "test_validation_names_the_first_bad_token",
    ),
    in_validation(
        "validate: one ratio of 1 is inert",
        "xp.all(ratios",
        "xp.any(ratios",
        ROLLOUTS + "test_ratios_of_one_are_warned_about",
    ),
)

FILES = (
    in_reading(
        "reading: lines from 0",
        "enumerate(stream, start=1)",
        "enumerate(stream, start=0)",
        ROLLOUTS + "test_lines_come_in_order_with_their_places",
    ),
    in_reading("reading: any schema", "if rollout.schema != SCHEMA:", "if not rollout.schema:", BAD_LINES),
    in_batching(
        "batching: NaN tokens stay",
        "mask = mask & ~missing",
        "mask = mask & (mask | missing)",
        ROLLOUTS + "test_tokens_with_a_nan_are_dropped_on_demand",
    ),
    in_batching(
        "batching: binary before Top-K",
        '"topk": "topk.rollout", "binary": "logp_rollout"}',
        '"binary": "logp_rollout", "topk": "topk.rollout"}',
        ROLLOUTS + "test_the_best_source_is_taken_unless_one_is_named",
    ),
    in_batching(
        "batching: the sampled token is always listed",
        "if rollout.token_ids is not None and",
        "if rollout.token_ids is None and",
        ROLLOUTS + "test_a_sampled_token_outside_the_table_is_a_category_of_its_own",
    ),
    in_batching(
        "batching: lengths unchecked", "if len(values) != length:", "if len(values) > length + 1:", BAD_LINES
    ),
    in_masking(
        "agreement: every token",
        "b.mask & (b.spread(b.advantage) != 0)",
        "b.mask",
        ROLLOUTS + "test_agreement_by_hand",
    ),
    in_masking(
        "agreement: rules swapped", "x & ~y, ~x & y", "~x & y, x & ~y", ROLLOUTS + "test_agreement_by_hand"
    ),
    in_masking(
        "masking: one order of shuffled weights",
        "key=number",
        "key=0",
        ROLLOUTS + "test_shuffled_weights_differ_between_lines",
    ),
    in_masking(
        "masking: NaN coefficients pass",
        "np.isnan(decision.g[0])",
        "np.isnan(decision.keep[0])",
        ROLLOUTS + "test_a_rule_that_fails_names_the_line",
    ),
)

COMMAND = (
    in_files(
        "mask: the temporary file stays",
        "temporary.unlink(missing_ok=True)",
        "temporary.exists()",
        MASK + "test_a_failing_line_leaves_nothing",
    ),
    in_command(
        "mask: the name of the file in its gzip header",
        'filename="", mode="wb"',
        'filename=path.name, mode="wb"',
        MASK + "test_gzip_in_and_out_with_the_same_bytes_on_a_rerun",
    ),
    in_command(
        "mask: no trace", "masked.line(out.trace)", "masked.line()", MASK + "test_the_trace_is_the_ledger"
    ),
    in_command(
        "mask: inert as soon as one ratio is 1",
        "total.ratios_exactly_one == 1",
        "total.ratios_exactly_one > 0",
        MASK + "test_ratios_of_one_are_warned_about",
    ),
    in_command(
        "mask: signs of A swapped",
        "share(total.masked_fraction_up)",
        "share(total.masked_fraction_down)",
        MASK + "test_the_table_of_a_run",
    ),
    in_command(
        "mask: the table among the masks",
        "redirect_stdout(report if out.is_stdout else sys.stdout)",
        "redirect_stdout(sys.stdout)",
        MASK + "test_standard_streams",
    ),
    in_options("mask: w_min of 0", "not 0 < value <= 1", "not 0 <= value <= 1", MASK + "test_wrong_usage"),
    in_options(
        "mask: KL with the thresholds of TV",
        '{"divergence": kl, **found.with_kl}',
        '{"divergence": kl}',
        MASK + "test_kl_has_thresholds_of_its_own",
    ),
)

ERRORS: tuple[Planted, ...] = ACCOUNTS + MEASURED + LAWFUL + CHECKED + FILES + COMMAND
