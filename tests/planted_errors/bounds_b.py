"""Errors in the bounds of Theorem 1, Corollary 7, Proposition 8 and Eqs. (8) and (18)."""

from tests.planted import Planted, planted_in

THEOREM = "tests/claims/test_theorem_1.py::test_by_hand"
TERMINAL = "tests/claims/test_terminal_budget.py::test_terminal_by_hand"
SLACK = "tests/claims/test_budget_slack.py::test_formulas_by_hand"
error = planted_in("cppo_theory/bounds.py")

SIX = "return 2 * horizon * (horizon - 1) * reward_bound * ell_max * delta_b"
SEVEN = "return 2 * horizon * (horizon - 1) * reward_bound * delta * delta_b / w_min"
ETA = "eta * 4 * reward_bound * ell_max * (horizon - 1) / w_1"
SLACK_8 = 'delta - delta_b * positions("weights", weights)[..., :-1].min(-1)'
TERMINAL_18 = "return 4 * (horizon - 1) ** 2 * reward_bound * ell_max * delta_b"

ERRORS: tuple[Planted, ...] = (
    error("thm-1: constant x2", SIX, SIX.replace("2 *", "4 *"), THEOREM),
    error("thm-1: constant /2", SIX, SIX.replace("2 *", "1 *"), THEOREM),
    error("thm-1: T + 1 for T - 1", SIX, SIX.replace("horizon - 1", "horizon + 1"), THEOREM),
    error("thm-1: T - 1 for T", SIX, SIX.replace("2 * horizon", "2 * (horizon - 1)"), THEOREM),
    error("thm-1: xi dropped", SIX, SIX.replace("reward_bound * ", ""), THEOREM),
    error("thm-1: delta_b twice", SIX, SIX.replace("ell_max", "delta_b"), THEOREM),
    error("thm-1: lbar twice", SIX, SIX.replace("delta_b", "ell_max"), THEOREM),
    error("eq-7: constant x2", SEVEN, SEVEN.replace("2 *", "4 *"), THEOREM),
    error("eq-7: constant /2", SEVEN, SEVEN.replace("2 *", "1 *"), THEOREM),
    error("eq-7: T for T - 1", SEVEN, SEVEN.replace("(horizon - 1)", "horizon"), THEOREM),
    error("eq-7: w_min dropped", SEVEN, SEVEN.replace(" / w_min", ""), THEOREM),
    error("eq-7: w_min multiplies", SEVEN, SEVEN.replace("/ w_min", "* w_min"), THEOREM),
    error("eq-7: w_min squared", SEVEN, SEVEN.replace("w_min", "w_min**2"), THEOREM),
    error("prop-8: slack x2", ETA, ETA.replace("4", "8"), SLACK),
    error("prop-8: slack /2", ETA, ETA.replace("4", "2"), SLACK),
    error("prop-8: T for T - 1", ETA, ETA.replace("(horizon - 1)", "horizon"), SLACK),
    error("prop-8: w_1 dropped", ETA, ETA.replace(" / w_1", ""), SLACK),
    error("prop-8: lbar dropped", ETA, ETA.replace(" * ell_max", ""), SLACK),
    error("prop-8: slack dropped", "ell_max, delta_b) + slack", "ell_max, delta_b)", SLACK),
    error("prop-8: slack alone", "thm_1(reward_bound, horizon, ell_max, delta_b) + slack", "slack", SLACK),
    error("eq-8-slack: budget added", SLACK_8, SLACK_8.replace("delta -", "delta +"), SLACK),
    error("eq-8-slack: budget dropped", SLACK_8, "delta", SLACK),
    error("eq-8-slack: max for min", SLACK_8, SLACK_8.replace("min", "max"), SLACK),
    error("eq-8-slack: w_T counts", SLACK_8, SLACK_8.replace("[..., :-1]", ""), SLACK),
    error("eq-8-slack: index shift", SLACK_8, SLACK_8.replace(":-1", "1:"), SLACK),
    error("eq-8-slack: delta_b doubled", SLACK_8, SLACK_8.replace("delta_b", "2 * delta_b"), SLACK),
    error("eq-18-terminal: constant x2", TERMINAL_18, TERMINAL_18.replace("4", "8"), TERMINAL),
    error("eq-18-terminal: constant /2", TERMINAL_18, TERMINAL_18.replace("4", "2"), TERMINAL),
    error("eq-18-terminal: T - 1 not squared", TERMINAL_18, TERMINAL_18.replace(" ** 2", ""), TERMINAL),
    error(
        "eq-18-terminal: T for T - 1", TERMINAL_18, TERMINAL_18.replace("(horizon - 1)", "horizon"), TERMINAL
    ),
    error("eq-18-terminal: lbar dropped", TERMINAL_18, TERMINAL_18.replace(" * ell_max", ""), TERMINAL),
)
