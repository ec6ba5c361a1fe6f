"""Errors in the claims about Eq. (5): Theorem 1, its corollaries, Propositions 5 and 8, Eqs. (8) and (18)."""

from tests.planted import Planted, planted_in

THEOREM, COROLLARIES, SLACK, TERMINAL = (
    f"tests/claims/test_{name}.py" for name in ("theorem_1", "corollaries", "budget_slack", "terminal_budget")
)
RATIO = f"{THEOREM}::test_falling_ratio_against_the_formula"
in_theorem = planted_in("cppo_theory/claims/theorem_1.py", THEOREM)
without = planted_in("cppo_theory/claims/theorem_1.py", f"{THEOREM}::test_hypotheses_are_needed")
in_prop_5 = planted_in(
    "cppo_theory/claims/corollaries.py",
    f"{COROLLARIES}::test_prop_5_needs_the_linear_schedule",
    f"{COROLLARIES}::test_prop_5",
)
in_ratios = planted_in(
    "cppo_theory/claims/corollaries.py",
    f"{COROLLARIES}::test_corollaries_need_their_hypotheses",
    f"{COROLLARIES}::test_corollaries_at_prescribed_settings",
    f"{COROLLARIES}::test_corollaries_on_instances",
)
in_prop_8 = planted_in(
    "cppo_theory/claims/budget_slack.py",
    f"{SLACK}::test_prop_8_by_hand",
    f"{SLACK}::test_prop_8_against_enumeration",
)
in_eq_8 = planted_in(
    "cppo_theory/claims/budget_slack.py",
    f"{SLACK}::test_eq_8_by_hand",
    f"{SLACK}::test_eq_8_against_algorithm_1",
)
in_terminal = planted_in("cppo_theory/claims/terminal_budget.py", TERMINAL)
in_hypotheses = planted_in("cppo_theory/claims/hypotheses.py")
in_case = planted_in("cppo_theory/claims/case.py")
in_schedules = planted_in("cppo_theory/weights.py", "tests/test_weights.py")
in_falling = planted_in("cppo_theory/schedules.py", "tests/test_weights.py")
in_constraints = planted_in("cppo_theory/constraints.py", "tests/test_constraints.py")

THEOREM_ERRORS = (
    in_theorem("eq-7: w_T for w_min", "case.weights.min()", "case.weights[-1]"),
    in_theorem("eq-7: w_max for w_min", "case.weights.min()", "case.weights.max()"),
    in_theorem("eq-7: lbar for delta", "case.delta, case.delta_b", "case.ell_max, case.delta_b"),
    in_theorem("thm-1: delta for lbar", "case.ell_max, case.delta_b", "case.delta, case.delta_b"),
    in_theorem(
        "thm-1: sides swapped",
        "case.ell_max, case.delta_b),\n    )",
        "case.ell_max, case.delta_b),\n    )[::-1]",
    ),
    in_theorem("thm-1, eq-7: Delta keeps its sign", "case.abs_residual", "case.values.residual", count=2),
    without("thm-1: no thresholds", "(PATHWISE, BUDGET, RATIO_FALLS)", "(BUDGET, RATIO_FALLS)"),
    without("thm-1: no budget", "(PATHWISE, BUDGET, RATIO_FALLS)", "(PATHWISE, RATIO_FALLS)"),
    without("thm-1: no order", "(PATHWISE, BUDGET, RATIO_FALLS)", "(PATHWISE, BUDGET)"),
    without("eq-7: no thresholds", "(PATHWISE, BUDGET, RATIO_FALLS, W", "(BUDGET, RATIO_FALLS, W"),
    without("eq-7: no budget", "(PATHWISE, BUDGET, RATIO_FALLS, W", "(PATHWISE, RATIO_FALLS, W"),
    without("eq-7: no order", "(PATHWISE, BUDGET, RATIO_FALLS, W", "(PATHWISE, BUDGET, W"),
    without("eq-7: heavy weights", ", WEIGHTS_AT_MOST_ONE)", ")"),
)

COROLLARY_ERRORS = (
    in_prop_5("prop-5: T + 1", "np.arange(case.horizon - 1, -1, -1)", "np.arange(case.horizon, 0, -1)"),
    in_prop_5("prop-5: differences reversed", "g[:-1] - g[1:]", "g[1:] - g[:-1]"),
    in_prop_5("prop-5: w_1 for w_min", "(weights[-1] / (weights", "(weights[0] / (weights"),
    in_prop_5("prop-5: index shift", "(weights[:-1] * weights[1:])", "(weights[:-1] * weights[:-1])"),
    in_prop_5("prop-5: no schedule", "(TWO_TOKENS, LINEAR)", "(TWO_TOKENS,)"),
    in_prop_5("prop-5: T = 1", "(TWO_TOKENS, LINEAR)", "(LINEAR,)"),
    in_prop_5("prop-5: any slope", "(weights == expected).all()", "(weights == expected).any()"),
    in_ratios(
        "cor-6, cor-7: c_t w_t for c_t / w_t", "thresholds / case.weights", "thresholds * case.weights"
    ),
    in_ratios("cor-6, cor-7: smallest l_t", "case.weights).max(-1)", "case.weights).min(-1)"),
    in_ratios("cor-6, cor-7: ratio upside down", "ratio(budget, uniform)", "ratio(uniform, budget)"),
    in_ratios("cor-7: w_min dropped", "ratio(case.delta_b, delta * w_min)", "ratio(case.delta_b, delta)"),
    in_ratios("cor-7: w_max for w_min", "same, case.weights.min()", "same, case.weights.max()"),
    in_ratios(
        "cor-6: c_t = delta",
        "delta[..., None] * case.weights, one",
        "delta[..., None] + 0 * case.weights, one",
    ),
    in_ratios("cor-6, cor-7: lbar for delta", "(case, case.delta, ", "(case, case.ell_max, ", count=2),
    in_ratios(
        "cor-6: T = 1", "(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD),", "(POSITIVE_DELTA, POSITIVE_REWARD),"
    ),
    in_ratios(
        "cor-6: delta = 0", "(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD),", "(TWO_TOKENS, POSITIVE_REWARD),"
    ),
    in_ratios(
        "cor-6: xi = 0", "(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD),", "(TWO_TOKENS, POSITIVE_DELTA),"
    ),
    in_ratios(
        "cor-7: T = 1",
        "(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD, W",
        "(POSITIVE_DELTA, POSITIVE_REWARD, W",
    ),
    in_ratios(
        "cor-7: xi = 0", "(TWO_TOKENS, POSITIVE_DELTA, POSITIVE_REWARD, W", "(TWO_TOKENS, POSITIVE_DELTA, W"
    ),
    in_ratios("cor-7: heavy weights", "POSITIVE_REWARD, WEIGHTS_AT_MOST_ONE)", "POSITIVE_REWARD)"),
)

SLACK_ERRORS = (
    in_prop_8("prop-8: max for mean", "case.weights * (case.expected_tv - ", "case.weights * (case.ell - "),
    in_prop_8("prop-8: weights dropped", "case.weights * (case.expected_tv - ", "(case.expected_tv - "),
    in_prop_8("prop-8: m = T counts", "[start, excess[..., :-1]]", "[start, excess]"),
    in_prop_8(
        "prop-8: only the last m",
        "[start, excess[..., :-1]], axis=-1).max(-1)",
        "[start, excess[..., :-1]], axis=-1)[..., -1]",
    ),
    in_prop_8(
        "prop-8: negative slack",
        "np.concatenate([start, excess[..., :-1]], axis=-1).max(-1)",
        "excess[..., : max(case.horizon - 1, 1)].max(-1)",
    ),
    in_prop_8("prop-8: w_min for w_1", "w_1=case.weights[0]", "w_1=case.weights.min()"),
    in_prop_8("prop-8: w_T for w_1", "w_1=case.weights[0]", "w_1=case.weights[-1]"),
    in_prop_8("prop-8: no thresholds", "(PATHWISE, RATIO_FALLS)", "(RATIO_FALLS,)"),
    in_prop_8("prop-8: no order", "(PATHWISE, RATIO_FALLS)", "(PATHWISE,)"),
    in_eq_8("eq-8: W_t for W_{t-1}", "exclusive_sums(case.weights)[:-1]", "np.cumsum(case.weights)"),
    in_eq_8(
        "eq-8: delta left out of the budget",
        "case.delta[..., None] + case.delta_b[..., None] * before",
        "case.delta_b[..., None] * before",
    ),
    in_eq_8("eq-8: token threshold dropped", "token.all(-1) & at_most", "at_most"),
    in_eq_8("eq-8: unweighted token threshold", "case.values.ell * case.weights", "case.values.ell"),
    in_eq_8(
        "eq-8: budget of t = T dropped",
        "at_most(case.cum_budget[..., 1:], budget)",
        "at_most(case.cum_budget[..., 1:-1], budget[..., :-1])",
    ),
    in_eq_8(
        "eq-8: S_{t-1} for S_t",
        "at_most(case.cum_budget[..., 1:], budget)",
        "at_most(case.cum_budget[..., :-1], budget)",
    ),
    in_eq_8("eq-8-slack: m = T counts", "- allowed)[..., :-1].max(-1)", "- allowed).max(-1)"),
    in_eq_8("eq-8-slack: only the last m", "- allowed)[..., :-1].max(-1)", "- allowed)[..., -2]"),
    in_eq_8("eq-8-slack: no Eq. (8)", "(TWO_TOKENS, EQ_8)", "(TWO_TOKENS,)"),
    in_eq_8("eq-8-slack: T = 1", "(TWO_TOKENS, EQ_8)", "(EQ_8,)"),
)

TERMINAL_ERRORS = (
    in_terminal("eq-18-terminal: worst prefix", "case.terminal_delta_b", "case.delta_b"),
    in_terminal(
        "eq-18-terminal: delta for lbar",
        "case.ell_max, case.terminal_delta_b",
        "case.delta, case.terminal_delta_b",
    ),
    in_terminal(
        "eq-18-terminal: no thresholds", "(PATHWISE, TERMINAL_BUDGET, UNIT", "(TERMINAL_BUDGET, UNIT"
    ),
    in_terminal("eq-18-terminal: no budget", "(PATHWISE, TERMINAL_BUDGET, UNIT", "(PATHWISE, UNIT"),
    in_terminal("eq-18-terminal: any weights", "TERMINAL_BUDGET, UNIT_WEIGHTS)", "TERMINAL_BUDGET)"),
    in_terminal("eq-18-weights: mean for max", "(lam / weights).max(-1)", "(lam / weights).mean(-1)"),
    in_terminal(
        "eq-18-weights: the last weight counts",
        "lam.sum(-1) / weights.sum()",
        "lam.sum(-1) / case.weights.sum()",
    ),
    in_terminal("eq-18-weights: index shift", "weights = case.weights[:-1]", "weights = case.weights[1:]"),
    in_terminal(
        "eq-18-weights: sides swapped",
        "lam.sum(-1) / weights.sum(), (lam / weights).max(-1)",
        "(lam / weights).max(-1), lam.sum(-1) / weights.sum()",
    ),
    in_terminal("eq-18-weights: T = 1", "hypotheses=(TWO_TOKENS,)", "hypotheses=()"),
)

SHARED_ERRORS = (
    in_hypotheses(
        "prefix-budget: m = T counts", "[..., 1:-1], allowed[..., :-1]", "[..., 1:], allowed", THEOREM
    ),
    in_hypotheses(
        "prefix-budget: S_{m-1} for S_m",
        "[..., 1:-1], allowed[..., :-1]",
        "[..., :-2], allowed[..., :-1]",
        THEOREM,
    ),
    in_hypotheses(
        "prefix-budget: only the last m",
        "[..., 1:-1], allowed[..., :-1]",
        "[..., -2:-1], allowed[..., -2:-1]",
        THEOREM,
    ),
    in_hypotheses(
        "prefix-budget: weights dropped",
        "delta_b[..., None] * np.cumsum(case.weights)",
        "delta_b[..., None] * np.cumsum(case.weights * 0 + 1)",
        THEOREM,
    ),
    in_hypotheses(
        "terminal-budget: W_T", "np.cumsum(case.weights)[-2]", "np.cumsum(case.weights)[-1]", TERMINAL
    ),
    in_hypotheses(
        "terminal-budget: S_T",
        "case.cum_budget[..., -2], allowed",
        "case.cum_budget[..., -1], allowed",
        TERMINAL,
    ),
    in_hypotheses(
        "falling-ratio: rising",
        "at_most(remaining[1:] * weights[:-1], remaining[:-1] * weights[1:])",
        "at_most(remaining[:-1] * weights[1:], remaining[1:] * weights[:-1])",
        RATIO,
    ),
    in_hypotheses(
        "falling-ratio: T + 1",
        "np.arange(case.horizon - 1, 0, -1)",
        "np.arange(case.horizon, 1, -1)",
        RATIO,
    ),
    in_hypotheses(
        "falling-ratio: weights multiply",
        "remaining[1:] * weights[:-1], remaining[:-1] * weights[1:]",
        "remaining[1:] * weights[1:], remaining[:-1] * weights[:-1]",
        RATIO,
    ),
    in_hypotheses(
        "falling-ratio: the last weight counts",
        "weights = case.weights[:-1]",
        "weights = case.weights[1:]",
        RATIO,
    ),
    in_hypotheses(
        "weights-at-most-1: any", "(case.weights <= 1).all()", "(case.weights <= 1).any()", THEOREM
    ),
    in_case("delta: unweighted", "(self.ell * self.weights).max(-1)", "self.ell.max(-1)", THEOREM),
    in_case(
        "delta: mean for max",
        "(self.ell * self.weights).max(-1)",
        "(self.ell * self.weights).mean(-1)",
        THEOREM,
    ),
    in_case("ell: c_t for c_t / w_t", "(given / self.weights)[None]", "given[None]", THEOREM),
    in_case(
        "delta_b: what is prescribed is ignored", "measured if given is None else given", "measured", THEOREM
    ),
    in_case("terminal delta_b: W_T", "[max(self.horizon - 2, 0)]", "[-1]", TERMINAL),
    in_case(
        "terminal delta_b: S_T",
        "cum_budget[..., self.horizon - 1] / last",
        "cum_budget[..., -1] / last",
        TERMINAL,
    ),
    in_case(
        "terminal delta_b: what is prescribed is ignored",
        "if self.constraints.delta_b is not None:",
        "if False:",
        TERMINAL,
    ),
)

SETTING_ERRORS = (
    in_schedules("weights: T for T - 1", "steps = max(horizon - 1, 1)", "steps = horizon"),
    in_schedules("weights: index shift", "range(1, horizon + 1)", "range(2, horizon + 2)"),
    in_schedules("weights in floats: index shift", "np.arange(1.0, horizon + 1)", "np.arange(0.0, horizon)"),
    in_falling("weights: w_min is the fall", "((1 - w_min) / steps)", "(w_min / steps)"),
    in_falling("weights: rising", "return 1 - (position - 1)", "return w_min + (position - 1)"),
    in_schedules("weights: w_min = 0 allowed", "not 0 < w_min <= 1", "not 0 <= w_min <= 1"),
    in_schedules("weights: w_min = 1 refused", "not 0 < w_min <= 1", "not 0 < w_min < 1"),
    in_constraints("weights: 0 allowed", "weights > 0, ", "weights >= 0, "),
    in_constraints("thresholds: 0 refused", "thresholds >= 0, ", "thresholds > 0, "),
    in_constraints(
        "thresholds: any length", "thresholds.shape != weights.shape", "thresholds.ndim != weights.ndim"
    ),
    in_constraints("budget: negative allowed", "array >= 0, ", "array > -9, "),
    in_constraints("schedule: w_min dropped", "linear_weights(horizon, w_min)", "uniform_weights(horizon)"),
    in_constraints(
        "schedule: delta for delta_b",
        "return cls(weights, thresholds, delta_b)",
        "return cls(weights, thresholds, delta)",
    ),
    in_constraints(
        "exact: thresholds not asked",
        "[self.weights] + ([] if self.thresholds is None else [self.thresholds])",
        "[self.weights]",
    ),
    in_constraints("exact: budget not asked", " and not isinstance(self.delta_b, float)", ""),
)

ERRORS: tuple[Planted, ...] = (
    THEOREM_ERRORS + COROLLARY_ERRORS + SLACK_ERRORS + TERMINAL_ERRORS + SHARED_ERRORS + SETTING_ERRORS
)
