"""Errors in the claims on Lemmas 2 and 3, Proposition 4 and Appendix B.9, and in what only they read."""

from tests.planted import Planted, planted_in

DIFFERENCE, SUFFIX, PROPOSITION, PRODUCT = (
    f"tests/claims/test_{name}.py::"
    for name in ("performance_difference", "suffix", "proposition_4", "product_form")
)

in_case = planted_in("cppo_theory/claims/case.py")
in_difference = planted_in("cppo_theory/claims/performance_difference.py", DIFFERENCE + "test_by_hand")
in_paths = planted_in("cppo_theory/trees.py")
in_product = planted_in("cppo_theory/claims/product_form.py")
in_proposition = planted_in("cppo_theory/claims/proposition_4.py")
in_recursion = planted_in("cppo_theory/recursions.py", DIFFERENCE + "test_pdl")
in_suffix = planted_in("cppo_theory/claims/suffix.py")
in_hypotheses = planted_in("cppo_theory/claims/hypotheses.py")


def without_thresholds(claim: str, bound: str) -> Planted:
    """The claim of Proposition 4 that has this bound loses its hypothesis."""
    rest = "),\n    ),\n    tested_in=_TESTS,\n    hypotheses="
    node = f"test_thresholds_are_needed_at_rare_states[{claim}]"
    old, new = f"{bound}{rest}(PATHWISE,)", f"{bound}{rest}()"
    return in_proposition(f"{claim}: missing hypothesis", old, new, PROPOSITION + node)


PATHS = (
    in_difference(
        "pdl: J(mu) - J(pi)",
        "case.values.value_pi - case.values.value_mu, case.advantage_pi",
        "case.values.value_mu - case.values.value_pi, case.advantage_pi",
    ),
    in_difference(
        "lemma-2: L' + Delta", "case.values.surrogate - residual", "case.values.surrogate + residual"
    ),
    in_difference("lemma-2: Delta dropped", "case.values.surrogate - residual", "case.values.surrogate"),
    in_recursion(
        "pdl: states under d^mu",
        'dot(level.pi, level.pulled("advantage_pi"))',
        'dot(level.mu, level.pulled("advantage_pi"))',
    ),
    in_recursion(
        "pdl: actions under mu",
        "dot(level.pi, advantage) + dot",
        "dot(level.mu, advantage) + dot",
    ),
    in_recursion(
        "pdl: V^mu dropped",
        "q - dot(level.mu, q)[..., None]",
        "q - 0 * dot(level.mu, q)[..., None]",
    ),
    in_recursion(
        "pdl: no step rewards",
        '    q = level.q("value_mu")\n    q = q -',
        '    q = level.pulled("value_mu")\n    q = q -',
    ),
    in_paths(
        "Delta: index shift in the suffix",
        "(rho - 1) * (1 - later)",
        "(rho - 1) * (1 - later * rho)",
        DIFFERENCE + "test_lemma_2",
    ),
    in_paths(
        "Delta: ratio upside down",
        "ratio(instance.pi[t], instance.mu[t])",
        "ratio(instance.mu[t], instance.pi[t])",
        DIFFERENCE + "test_by_hand",
    ),
    in_paths(
        "Delta: step rewards dropped",
        "total = total + _over_paths(instance, table, t)",
        "total = total + 0 * _over_paths(instance, table, t)",
        DIFFERENCE + "test_lemma_2",
    ),
    in_paths(
        "suffix TV: pi of the last token only",
        "joint = table[..., None] * children",
        "joint = (table if t + 1 == instance.horizon else instance.mu[t])[..., None] * children",
        SUFFIX + "test_by_hand",
    ),
    in_paths(
        "suffix TV: constant x2",
        "out.append(total_variation(*np.broadcast_arrays(*laws)))",
        "out.append(2 * total_variation(*np.broadcast_arrays(*laws)))",
        SUFFIX + "test_equality",
    ),
)
LEMMA_3 = (
    in_suffix(
        "lemma-3: index shift",
        "np.concatenate([start, case.ell], axis=-1))[..., :-1]",
        "case.ell)",
        SUFFIX + "test_by_hand",
    ),
    in_suffix(
        "lemma-3: smallest state for largest",
        "np.where(reachable, tv, nothing).max(-1)",
        "np.where(reachable, tv, nothing).min(-1)",
        SUFFIX + "test_product_form",
    ),
    in_suffix(
        "lemma-3: mean state for largest",
        "np.where(reachable, tv, nothing).max(-1)",
        "np.where(reachable, tv, nothing).mean(-1)",
        SUFFIX + "test_product_form",
    ),
    in_suffix(
        "lemma-3: unreachable states count",
        "np.where(reachable, tv, nothing)",
        "tv",
        SUFFIX + "test_unreachable_states_do_not_count",
    ),
    in_suffix(
        "lemma-3: forms exchanged",
        "_sides(case, suffix_product)",
        "_sides(case, suffix_union)",
        SUFFIX + "test_by_hand",
    ),
    in_suffix(
        "lemma-3: missing ell-at-most-1",
        "hypotheses=(PATHWISE, AT_MOST_ONE)",
        "hypotheses=(PATHWISE,)",
        SUFFIX + "test_ell_at_most_1_is_needed",
    ),
    in_suffix(
        "lemma-3-union: missing thresholds",
        "hypotheses=(PATHWISE,),",
        "hypotheses=(),",
        SUFFIX + "test_thresholds_are_needed_at_rare_states[lemma-3-union]",
    ),
)
PROPOSITION_4 = (
    without_thresholds("prop-4", "bounds.prop_4(case.reward_bound, case.expected_tv, case.ell"),
    without_thresholds("eq-4", "bounds.eq_4(case.reward_bound, case.expected_tv, case.ell_max"),
    without_thresholds("uniform", "bounds.uniform(case.reward_bound, case.horizon, case.ell_max"),
    without_thresholds("half-range", "bounds.prop_4(case.values.half_range, case.expected_tv, case.ell"),
    in_proposition(
        "half-range: xi",
        "bounds.prop_4(case.values.half_range",
        "bounds.prop_4(case.reward_bound",
        PROPOSITION + "test_half_range_is_per_prompt",
    ),
    in_case(
        "residual: no modulus",
        "abs(self.values.residual)",
        "(self.values.residual)",
        PROPOSITION + "test_three_tokens_by_hand",
    ),
    in_case(
        "lbar: mean for max",
        "self.ell.max(-1)",
        "self.ell.mean(-1)",
        PROPOSITION + "test_two_tokens_by_hand",
    ),
    in_case(
        "l_t: w_t c_t for c_t / w_t",
        "(given / self.weights)[None]",
        "(given * self.weights)[None]",
        PROPOSITION + "test_both_sides[eq-4]",
    ),
    in_hypotheses(
        "thresholds: one token is enough",
        "at_most(case.values.ell, case.ell).all(-1)",
        "at_most(case.values.ell, case.ell).any(-1)",
        PROPOSITION + "test_both_sides[prop-4]",
    ),
    in_hypotheses(
        "thresholds: the wrong way",
        "at_most(case.values.ell, case.ell)",
        "at_most(case.ell, case.values.ell)",
        PROPOSITION + "test_both_sides[prop-4]",
    ),
)
B_9 = (
    in_product(
        "b9-product: missing ell-at-most-1",
        "hypotheses=(PATHWISE, AT_MOST_ONE),",
        "hypotheses=(PATHWISE,),",
        PRODUCT + "test_ell_at_most_1_is_needed_for_the_product",
    ),
    in_product(
        "b9-closed: missing falling-product-ratio",
        "AT_MOST_ONE, BUDGET, PRODUCT_RATIO_FALLS)",
        "AT_MOST_ONE, BUDGET)",
        PRODUCT + "test_the_falling_product_ratio_is_needed",
    ),
    in_product(
        "b9-closed: missing budget",
        "AT_MOST_ONE, BUDGET, PRODUCT_RATIO_FALLS)",
        "AT_MOST_ONE, PRODUCT_RATIO_FALLS)",
        PRODUCT + "test_the_budget_is_needed",
    ),
    in_product(
        "b9-closed: missing ell-at-most-1",
        "(PATHWISE, AT_MOST_ONE, BUDGET,",
        "(PATHWISE, BUDGET,",
        PRODUCT + "test_ell_at_most_1_is_needed_for_the_closed_form",
    ),
    in_product(
        "b9-closed: missing thresholds",
        "(PATHWISE, AT_MOST_ONE, BUDGET,",
        "(AT_MOST_ONE, BUDGET,",
        PRODUCT + "test_thresholds_are_needed_at_rare_states[b9-closed]",
    ),
    in_product(
        "b9-closed: ratio rises",
        "at_most(beta[..., 1:] * weights[:-1], beta[..., :-1] * weights[1:])",
        "at_most(beta[..., :-1] * weights[1:], beta[..., 1:] * weights[:-1])",
        PRODUCT + "test_first_horizon_where_the_linear_schedule_fails",
    ),
    in_product(
        "b9-closed: beta_t w_t for beta_t / w_t",
        "at_most(beta[..., 1:] * weights[:-1], beta[..., :-1] * weights[1:])",
        "at_most(beta[..., 1:] * weights[1:], beta[..., :-1] * weights[:-1])",
        PRODUCT + "test_first_horizon_where_the_linear_schedule_fails",
    ),
    in_product(
        "b9-closed: delta_b for delta",
        "case.horizon, case.ell_max, case.delta_b",
        "case.horizon, case.delta_b, case.delta_b",
        PRODUCT + "test_by_hand",
    ),
    in_hypotheses(
        "prefix budget: index shift",
        "allowed[..., :-1]).all(-1)",
        "allowed[..., 1:]).all(-1)",
        PRODUCT + "test_closed_form",
    ),
    in_hypotheses(
        "prefix budget: m = T - 1 alone",
        "at_most(case.cum_budget[..., 1:-1], allowed[..., :-1]).all(-1)",
        "at_most(case.cum_budget[..., 1:-1], allowed[..., :-1])[..., -1:].all(-1)",
        PRODUCT + "test_the_budget_is_needed_at_every_prefix",
    ),
    in_hypotheses(
        "ell-at-most-1: one token is enough",
        "at_most(case.ell, np.ones(1)).all(-1)",
        "at_most(case.ell, np.ones(1)).any(-1)",
        PRODUCT + "test_ell_at_most_1_is_needed_for_the_product",
    ),
    in_case(
        "delta_b: measured where one is prescribed",
        "measured if given is None else given",
        "measured",
        PRODUCT + "test_by_hand",
    ),
)
ERRORS: tuple[Planted, ...] = PATHS + LEMMA_3 + PROPOSITION_4 + B_9
