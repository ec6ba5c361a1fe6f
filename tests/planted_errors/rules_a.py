"""Errors in the trust-region rules, their divergences, schedules and passes along a response."""

from tests.planted import Planted, planted_in

REFERENCES, DEGENERATE = (
    "tests/rules/test_rules_against_references.py::",
    "tests/rules/test_degeneracies.py::",
)
HAND = "tests/rules/test_by_hand.py"
EDGES = "tests/rules/test_edges.py"
RULE, TIES, EDGE = (
    REFERENCES + "test_rule",
    REFERENCES + "test_ties_of_cppo_are_kept",
    REFERENCES + "test_on_the_edge",
)
SOURCES, WEIGHTS, SHUFFLED = (
    REFERENCES + "test_divergences_of_the_sources",
    REFERENCES + "test_weights",
    REFERENCES + "test_shuffled_weights",
)
LIMITS = (
    DEGENERATE + "test_cppo_without_weights_and_budget_is_dppo",
    DEGENERATE + "test_no_trust_region_is_pg_is",
)
FORMS = DEGENERATE + "test_padding_packing_order_and_neighbours_change_no_bit"
HOLES = DEGENERATE + "test_holes_advance_the_position_and_spend_nothing"
COMPENSATED = "tests/rules/test_libraries.py::test_compensated_sums_at_full_horizon"


def case(*names: str) -> tuple[str, ...]:
    """The reference tests of these cases."""
    return tuple(f"{test}[{name}]" for name in names for test in (RULE + "_on_sixty_responses", RULE))


in_prefix = planted_in("cppo_theory/rules/prefix.py")
in_masks = planted_in("cppo_theory/rules/divergence_masks.py")
in_clips = planted_in("cppo_theory/rules/ratio_clips.py")
in_sequence = planted_in("cppo_theory/rules/sequence.py")
in_gates = planted_in("cppo_theory/rules/soft_gates.py")
in_corrections = planted_in("cppo_theory/rules/corrections.py")
in_lookahead = planted_in("cppo_theory/rules/lookahead.py")
in_scans = planted_in("cppo_theory/rules/scans.py")
in_tokens = planted_in("cppo_theory/rules/tokens.py")
in_batch = planted_in("cppo_theory/rules/batch.py")
in_blocks = planted_in("cppo_theory/rules/blocks.py")
in_layout = planted_in("cppo_theory/rules/layout.py")
in_decision = planted_in("cppo_theory/rules/decision.py")
in_sources = planted_in("cppo_theory/rules/sources.py")
in_table = planted_in("cppo_theory/rules/table.py")
in_divergence = planted_in("cppo_theory/divergence.py", SOURCES)
in_schedules = planted_in("cppo_theory/schedules.py")

PREFIX = (
    in_prefix("cppo: token threshold strict", "(spent <= delta)}", "(spent < delta)}", f"{TIES}[cppo]"),
    in_prefix("cppo: budget strict", "(spent + drift <= delta)", "(spent + drift < delta)", f"{TIES}[cppo]"),
    in_prefix(
        "cppo: delta x2 in the token clause", "(spent <= delta)}", "(spent <= 2 * delta)}", *case("cppo")
    ),
    in_prefix(
        "cppo: budget without the token's own share",
        "(spent + drift <= delta)",
        "(drift <= delta)",
        *case("cppo"),
    ),
    in_prefix(
        "cppo: budget counts the token twice",
        "(spent + drift <= delta)",
        "(2 * spent + drift <= delta)",
        *case("cppo"),
    ),
    in_prefix(
        "cppo: budget without weights",
        "b.before(spent - w * per_token)",
        "b.before(spent - per_token)",
        HAND,
    ),
    in_prefix(
        "cppo: excess of unweighted divergences",
        "b.before(spent - w * per_token)",
        "b.before(d - per_token)",
        *case("cppo"),
    ),
    in_prefix(
        "cppo: only toward or kept tokens spend",
        "b.before(spent - w * per_token)",
        "b.before(b.xp.where(b.toward | (spent <= delta), spent, 0.0) - w * per_token)",
        *case("cppo"),
    ),
    in_prefix(
        "cppo: half the excess",
        "b.before(spent - w * per_token)",
        "b.before(spent - w * per_token) / 2",
        *case("cppo"),
    ),
    in_prefix(
        "cppo: the budget masks toward tokens",
        'kept["budget"] = b.toward | (',
        'kept["budget"] = (',
        DEGENERATE + "test_toward_tokens_are_never_masked",
    ),
    in_prefix(
        "cppo: infinite budget in the sum",
        'per_token == float("inf"))',
        'per_token == float("-inf"))',
        DEGENERATE + "test_an_infinite_budget_is_handled_before_the_sum",
    ),
    in_prefix(
        "soft: S of the tokens before",
        "over = spent + drift - delta",
        "over = drift - delta",
        *case("cppo-soft"),
    ),
    in_prefix(
        "soft: gate on toward tokens too",
        "gate=pick(b.xp, b.toward, b.xp.ones_like(x), away)",
        "gate=away",
        *case("cppo-soft"),
    ),
    in_prefix(
        "soft: allowance without delta",
        "allowed = delta + per_token",
        "allowed = per_token",
        *case("cppo-soft"),
    ),
    in_prefix(
        "inverse gate: 1/x below 1",
        "1 / clip(b.xp, x, low=1.0)",
        "1 / clip(b.xp, x, low=0.5)",
        *case("cppo-soft"),
    ),
    in_prefix(
        "sech gate: no 1/x",
        "sech_squared(b.xp, (over - 1) / 2) / over",
        "sech_squared(b.xp, (over - 1) / 2)",
        *case("cppo-soft, sech"),
    ),
    in_prefix(
        "hard gate: strict",
        "b.xp.astype(x <= 1, x.dtype)",
        "b.xp.astype(x < 1, x.dtype)",
        f"{TIES}[cppo-soft, hard gate]",
    ),
    in_prefix(
        "minpro: product without the token",
        "b.xp.exp(b.anchor_log_ratio + b.before_min",
        "b.xp.exp(b.before_min",
        *case("minpro"),
    ),
    in_prefix(
        "minpro: q for o", "b.before_min(b.anchor_log_ratio)", "b.before_min(b.log_ratio)", *case("minpro")
    ),
    in_prefix("minpro: lower clip above", "low=1 - eps_low", "low=1 - eps_high", *case("minpro")),
)

TOKENWISE = (
    in_masks(
        "dppo: strict",
        "divergence(b) <= delta)",
        "divergence(b) < delta)",
        REFERENCES + "test_ties_of_dppo_are_kept[dppo]",
    ),
    in_masks(
        "dppo: both directions",
        "token=b.toward | (divergence(b) <= delta)",
        "token=divergence(b) <= delta",
        *case("dppo"),
    ),
    in_masks(
        "dppo: o for q",
        "b.keep(b.ratio, token=b.toward",
        "b.keep(b.anchor_ratio, token=b.toward",
        *case("dppo"),
    ),
    in_masks(
        "ipo: toward tokens excused",
        "token=b.xp.abs(b.prob - b.prob_rollout) <= delta",
        "token=b.toward | (b.xp.abs(b.prob - b.prob_rollout) <= delta)",
        *case("ipo"),
    ),
    in_masks("kpop: one direction", "b.larger_binary_kl", "b.source.kl_mu_pi(b)", *case("kpop")),
    in_divergence("kpop: smaller of the two", "xp.maximum(forward", "xp.minimum(forward", *case("kpop")),
    in_clips("ppo: q for o", "    r = b.anchor_ratio\n", "    r = b.ratio\n", *case("ppo")),
    in_clips(
        "ppo: eps swapped",
        "b.within(r, 1 - eps_low, 1 + eps_high)",
        "b.within(r, 1 - eps_high, 1 + eps_low)",
        *case("ppo"),
    ),
    in_clips(
        "ppo: dual clip on both signs",
        "((b.advantage >= 0) | (r <= dual_clip))",
        "(r <= dual_clip)",
        HAND,
    ),
    in_clips("ppo: dual clip strict", "(r <= dual_clip)", "(r < dual_clip)", EDGE),
    in_clips("cispo: upper bound absolute", "high=1 + eps_high))", "high=eps_high))", *case("cispo")),
    in_clips(
        "ratio window: closed",
        "(b.ratio > low) & (b.ratio < high)",
        "(b.ratio >= low) & (b.ratio <= high)",
        EDGE,
    ),
    in_gates(
        "sapo: no half in the argument",
        "tau / 2, dtype=r.dtype",
        "tau, dtype=r.dtype",
        *case("sapo"),
    ),
    in_gates("sapo: tau by the other sign", "b.advantage > 0", "b.advantage < 0", *case("sapo")),
    in_gates("sapo: A = 0 takes tau_up", "b.advantage > 0", "b.advantage >= 0", *case("sapo")),
    in_gates("drpo: no sign", "gate=1 - _sign(b) * (b.prob", "gate=1 - (b.prob", *case("drpo")),
    in_gates(
        "drpo: p and q swapped",
        "(b.prob - b.prob_rollout) / eps",
        "(b.prob_rollout - b.prob) / eps",
        *case("drpo"),
    ),
    in_gates("spo: infinity times 0", "clip(xp, r - 1, high=float(xp.finfo(r.dtype).max))", "r - 1", EDGES),
    in_prefix("soft: bits of a gate in other numbers", "x.dtype, copy=False)", "b.xp.float32)", EDGES),
    in_tokens("what a rule reads can be written to", "x.flags.writeable = False", "pass", EDGES),
    in_gates("spo: constant x2", "* gap / eps", "* gap / (2 * eps)", *case("spo")),
    in_corrections(
        "tis: p/q for o/q",
        "clip(b.xp, b.correction, high=cap)",
        "clip(b.xp, b.ratio, high=cap)",
        *case("tis"),
    ),
    in_corrections(
        "icepop: the correction only masks",
        "base(b).times(b.correction), clip",
        "base(b), clip",
        *case("icepop"),
    ),
    in_corrections("icepop: strict", "(b.correction <= high)", "(b.correction < high)", EDGE),
    in_lookahead(
        "fipo: the future without its own token",
        "factor = clip(xp, xp.exp(ahead)",
        "factor = clip(xp, xp.exp(ahead - b.anchor_log_ratio)",
        *case("fipo"),
    ),
    in_lookahead(
        "fipo: large ratios count",
        "select(xp, r <= dual_clip, b.anchor_log_ratio)",
        "b.anchor_log_ratio",
        *case("fipo"),
    ),
    in_lookahead("fipo: damped on both signs", "(b.advantage < 0) & (r > safe)", "(r > safe)", *case("fipo")),
)

SEQUENCE = (
    in_sequence(
        "trm-max: mean for max",
        "sequence=b.largest(_kl(b, ratio, _k2)) <= delta",
        "sequence=b.mean(_kl(b, ratio, _k2)) <= delta",
        *case("trm-max"),
    ),
    in_sequence(
        "trm-avg: sum for mean",
        "sequence=b.mean(_kl(b, ratio, _k3)) <= delta_avg",
        "sequence=b.total(_kl(b, ratio, _k3)) <= delta_avg",
        *case("trm-avg"),
    ),
    in_sequence(
        "trm: either condition",
        "(largest <= delta) & (mean",
        "(largest <= delta) | (mean",
        *case("trm-max-avg"),
    ),
    in_sequence("k2 without 1/2", "return x * x / 2", "return x * x", *case("trm-max")),
    in_sequence(
        "k3 of the inverse ratio",
        "b.xp.expm1(x) - x",
        "b.xp.expm1(-x) + x",
        *case("trm-avg"),
    ),
    in_sequence(
        "trm: the sampled ratio in spite of tables",
        'if b.source.name == "binary" else b.kl',
        "",
        REFERENCES + "test_rules_use_measured_divergences[trm-max-avg]",
    ),
    in_sequence(
        "trm: p/q where o/q was asked",
        "return sampled(b, b.log_correction)",
        "return sampled(b, b.log_ratio)",
        *case("trm-max-avg over ppo, o/q"),
    ),
    in_sequence(
        "gspo: sum for mean",
        "s = b.xp.exp(b.mean(b.anchor_log_ratio))",
        "s = b.xp.exp(b.total(b.anchor_log_ratio))",
        *case("gspo"),
    ),
    in_sequence(
        "gspo: both ends bind", "((a <= 0) | (s <= 1 + eps_high))", "(s <= 1 + eps_high)", *case("gspo")
    ),
    in_sequence(
        "gmpo: clipped tokens keep their ratio", "xp.maximum(xp.minimum(x, high), low)", "x", *case("gmpo")
    ),
    in_sequence(
        "gmpo: A = 0 counts",
        "xp.where(b.advantage < 0, xp.inf, xp.zeros_like(up))",
        "xp.where(b.advantage < 0, xp.inf, up)",
        *case("gmpo"),
    ),
    in_sequence("opsm: the other direction", "b.mean(-b.log_ratio)", "b.mean(b.log_ratio)", *case("opsm")),
    in_sequence(
        "vespo: k and l swapped",
        "l_up + k_up * log_w - l_up * w",
        "k_up + l_up * log_w - k_up * w",
        *case("vespo"),
    ),
    in_sequence(
        "topr: no cap",
        "divergence.clip(b.xp, b.xp.exp(b.mean(b.log_ratio)), high=1.0)",
        "b.xp.exp(b.mean(b.log_ratio))",
        *case("topr"),
    ),
    in_corrections(
        "seq-tis: mean for sum",
        "clip(b.xp, b.xp.exp(b.total(b.log_correction))",
        "clip(b.xp, b.xp.exp(b.mean(b.log_correction))",
        *case("seq-tis"),
    ),
    in_corrections(
        "seq-mis: not multiplied",
        "b.keep(base(b).times(w), sequence=w",
        "b.keep(base(b), sequence=w",
        *case("seq-mis"),
    ),
)

PASSES = (
    in_batch(
        "before: the token itself too",
        "scans.sum_before(self.xp, x)",
        "scans.running_sum(self.xp, x)",
        *case("cppo"),
    ),
    in_batch(
        "before: sum over holes",
        "x = self._masked(x) if self.holes else self.spread(x)",
        "x = self.spread(x)",
        HOLES,
    ),
    in_scans(
        "min_before: the token itself too",
        "x[:, :-1], axis=-1, out=least[:, 1:]",
        "x, axis=-1, out=least",
        *case("minpro"),
    ),
    in_batch(
        "before_min: holes count",
        "x if self.full else xp.where(self.mask, x, xp.inf)\n        least",
        "x\n        least",
        *case("minpro"),
    ),
    in_batch(
        "mean: over all cells",
        "self.total(x) / clip(self.xp, self.count, low=1.0)",
        "self.total(x) / self.shape[1]",
        *case("gspo"),
    ),
    in_batch(
        "largest: 0 at holes",
        "x if self.full else xp.where(self.mask, x, -xp.inf), axis",
        "x if self.full else xp.where(self.mask, x, 0.2), axis",
        *case("trm-max"),
    ),
    in_batch(
        "quantile: no interpolation",
        "return below + (place - low) * (above - below)",
        "return above",
        REFERENCES + "test_quantiles",
    ),
    in_batch(
        "quantile: place among n",
        "place = last * share",
        "place = xp.minimum(self.count * share, last)",
        REFERENCES + "test_quantiles",
    ),
    in_batch(
        "after: holes count",
        "self._masked(x), self.wide, copy=False), discount",
        "self.spread(x), self.wide, copy=False), 0.9 * discount",
        *case("fipo"),
    ),
    in_scans(
        "before: shifted by two",
        "np.cumsum(x[:, :-1], axis=-1, dtype=np.float64, out=sums[:, 1:])",
        "sums[:, 1:2] = 0.0\n    np.cumsum(x[:, :-2], axis=-1, dtype=np.float64, out=sums[:, 2:])",
        *case("cppo"),
    ),
    in_scans("discount once per pass", "a + discount**s * b", "a + discount * b", *case("fipo")),
    in_scans("compensation dropped", "    return x + error\n", "    return x\n", COMPENSATED),
    in_scans(
        "compensation with the wrong sign",
        "(x - (total - part)) + (other - part)",
        "(x - (total - part)) - (other - part)",
        COMPENSATED,
    ),
    in_scans(
        "last valid token off by one",
        "mask.shape[-1] - behind, 0)",
        "mask.shape[-1] - behind - 1, 0)",
        WEIGHTS,
    ),
    in_scans(
        "running minimum is a maximum", "np.minimum.accumulate", "np.maximum.accumulate", *case("minpro")
    ),
    in_blocks(
        "blocks: unsorted rows",
        "out[rows, :width] = x",
        "out[: len(x), :width] = x",
        f"{FORMS}[pg-is]",
    ),
    in_layout(
        "packed: first token of the next response",
        "np.minimum(column, counts[:, None] - 1)",
        "np.minimum(column + 1, counts[:, None] - 1)",
        f"{FORMS}[pg-is]",
    ),
)

BATCHES = (
    in_tokens(
        "ratio: p and q swapped",
        "self._difference(self.logp_current, self.logp_rollout)\n",
        "self._difference(self.logp_rollout, self.logp_current)\n",
        *case("pg-is"),
    ),
    in_tokens(
        "p/o: q for o",
        "self._difference(self.logp_current, self.logp_anchor)",
        "self._difference(self.logp_current, self.logp_rollout)",
        *case("ppo"),
    ),
    in_tokens(
        "o/q: p for o",
        "self._difference(self.logp_anchor, self.logp_rollout)",
        "self._difference(self.logp_current, self.logp_rollout)",
        *case("tis"),
    ),
    in_tokens(
        "away by the sign of r alone",
        "((log_ratio > 0) ^ (a < 0)) & ((log_ratio < 0) ^ (a > 0))",
        "(log_ratio > 0) & (a != 0)",
        *case("dppo"),
    ),
    in_tokens(
        "ties of the ratio are away",
        "((log_ratio < 0) ^ (a > 0))",
        "((log_ratio <= 0) ^ (a > 0)) | (log_ratio == 0)",
        f"{TIES}[cppo]",
    ),
    in_tokens(
        "A = 0 is away",
        "((log_ratio > 0) ^ (a < 0)) & ((log_ratio < 0) ^ (a > 0))",
        "((log_ratio > 0) ^ (a < 0)) & ((log_ratio < 0) ^ (a >= 0))",
        *case("dppo"),
    ),
    in_tokens("within: strict", "((a <= 0) | (x <= high))", "((a <= 0) | (x < high))", HAND),
    in_tokens("within: A = 0 binds", "((a <= 0) | (x <= high))", "((a < 0) | (x <= high))", HAND),
    in_tokens(
        "garbage at holes is used",
        "        if self._is_clean:\n            return x\n",
        "        if True:\n            return x\n",
        f"{FORMS}[cppo]",
    ),
    in_tokens(
        "length padded",
        "self.xp.astype(scans.last_true(self.xp, self.mask), self.wide)",
        "self.xp.astype(scans.last_true(self.xp, self.mask), self.wide) * 0 + self.shape[1]",
        WEIGHTS,
    ),
    in_tokens("positions from 0", "xp.arange(1, self.shape[1] + 1,", "xp.arange(0, self.shape[1],", WEIGHTS),
    in_decision(
        "codes of all failures add up",
        "failed = alive & ~condition",
        "failed = b.mask & ~condition",
        *case("cppo"),
    ),
    in_decision(
        "codes of token and budget swapped",
        '{"token": TOKEN, "budget": BUDGET,',
        '{"token": BUDGET, "budget": TOKEN,',
        *case("cppo"),
    ),
    in_decision(
        "the base's reasons first",
        "reason = reason + base.rows_reason * xp.astype(alive, xp.int8)",
        "reason = xp.where(base.rows_keep, reason, base.rows_reason)",
        *case("trm-max-avg over ppo, o/q"),
    ),
    in_decision(
        "rejected tokens keep g",
        "Decision(b, select(xp, counted, b.spread(g)), alive",
        "Decision(b, select(xp, b.mask, b.spread(g)), alive",
        *case("dppo"),
    ),
    in_table(
        "dapo: the interval of ppo",
        'preset={"eps_high": 0.28}',
        'preset={"eps_high": 0.2}',
        *case("dapo, defaults"),
    ),
)

MEASURES = (
    in_sources(
        "top-k: sampled token counted twice",
        "own = xp.where(self.listed, -xp.inf, b.widened(sampled))",
        "own = b.widened(sampled)",
        SOURCES,
    ),
    in_sources(
        "top-k: sampled token left out",
        "own = xp.where(self.listed, -xp.inf, b.widened(sampled))",
        "own = xp.where(self.listed, -xp.inf, b.widened(sampled) - 99.0)",
        SOURCES,
    ),
    in_sources(
        "top-k: KL the other way",
        "divergence.reduced_kl(*self._tables(b))",
        "divergence.reduced_kl(*self._tables(b)[::-1])",
        SOURCES,
    ),
    in_sources(
        "binary: KL the other way",
        'divergence.binary_kl(b.widened("logp_rollout"), b.widened("logp_current"))',
        'divergence.binary_kl(b.widened("logp_current"), b.widened("logp_rollout"))',
        SOURCES,
    ),
    in_divergence("top-k: no 1/2", "xp.abs(xp.sum(gap, axis=-1))) / 2", "xp.abs(xp.sum(gap, axis=-1)))"),
    in_divergence(
        "top-k: no other bucket",
        "(xp.sum(xp.abs(gap), axis=-1) + xp.abs(xp.sum(gap, axis=-1))) / 2",
        "xp.sum(xp.abs(gap), axis=-1) / 2",
    ),
    in_divergence(
        "top-k KL: no other bucket",
        "return table_kl(log_p, log_q) + _kl_term(xp.log(other_p), xp.log(other_q))",
        "return table_kl(log_p, log_q)",
    ),
    in_divergence(
        "binary KL: no complement",
        "_kl_term(log_p, log_q) + _kl_term(log_complement(log_p), log_complement(log_q))",
        "_kl_term(log_p, log_q)",
    ),
    in_divergence(
        "complement guarded by 1e-8",
        "near_one = xp.where(rest > 0, xp.log(xp.where(rest > 0, rest, 1.0)), -xp.inf)",
        "near_one = xp.log(rest + 1e-8)",
        REFERENCES + "test_binary_kl_near_one",
    ),
    in_divergence(
        "log of p for log of 1 - p",
        "xp.log1p(-xp.exp(clip(",
        "xp.log1p(xp.exp(clip(",
    ),
    in_schedules(
        "floor (1 - w_min) x2",
        "(position - 1) * ((1 - w_min) / steps)",
        "(position - 1) * (2 * (1 - w_min) / steps)",
        WEIGHTS,
    ),
    in_schedules("weights off by one", "return 1 - (position - 1) *", "return 1 - position *", WEIGHTS),
    in_schedules(
        "T for T - 1 steps", "xp.clip(b.length - 1, min=1.0)", "xp.clip(b.length, min=1.0)", WEIGHTS
    ),
    in_schedules(
        "positions run beyond the horizon",
        "position = xp.clip(b.position, max=float(horizon))",
        "position = b.position",
        WEIGHTS,
    ),
    in_schedules(
        "ramp to w_min for T - t",
        "return falling(position, steps, 0.0)",
        "return falling(position, steps, w_min)",
        WEIGHTS,
    ),
    in_schedules(
        "median for P90",
        "b.quantile(divergence, 0.9)",
        "b.quantile(divergence, 0.5)",
        *case("cppo, adaptive"),
    ),
    in_schedules("ceiling 5", "ceiling: float = 2.0", "ceiling: float = 5.0", *case("cppo, adaptive")),
    in_schedules(
        "no smallest budget",
        "min=delta_b, max=self.ceiling * delta_b",
        "max=self.ceiling * delta_b",
        REFERENCES + "test_adaptive_budget",
    ),
    in_schedules(
        "shuffled over the padding too", "xp.where(position <= b.length, words, 2**33)", "words", SHUFFLED
    ),
    in_schedules(
        "shuffled: the seed is ignored",
        "(seed + round_) % 2**32",
        "(0 * seed + round_) % 2**32",
        REFERENCES + "test_shuffled_weights_depend_on_seed_and_key",
    ),
    in_schedules(
        "shuffled: one order for all keys",
        "(xp.astype(key, position.dtype) % 2**24 + 1)",
        "(0 * key + 1)",
        REFERENCES + "test_shuffled_weights_depend_on_seed_and_key",
    ),
)

ERRORS: tuple[Planted, ...] = PREFIX + TOKENWISE + SEQUENCE + PASSES + BATCHES + MEASURES
