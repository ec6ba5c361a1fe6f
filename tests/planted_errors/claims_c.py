"""Errors in the claims on sequences and on pairs of distributions."""

from tests.planted import Planted, planted_in

SEQUENCES, PAIRS = "tests/claims/test_sequences.py::", "tests/claims/test_total_variation.py::"

in_sequences = planted_in("cppo_theory/claims/sequences.py")
in_pairs = planted_in("cppo_theory/claims/total_variation.py")
in_claim = planted_in("cppo_theory/claims/claim.py")

HAND, GUARD = SEQUENCES + "test_by_hand", SEQUENCES + "test_two_tokens_guards_empty_sums"
BUDGET = SEQUENCES + "test_b10_abel_needs_the_budget"

LEFT_B10 = "bounds.eq_4(case.reward_bound, case.expected_tv, case.ell_max)"
RIGHT_B10 = "case.delta_b * lam.sum(-1)"

ERRORS: tuple[Planted, ...] = (
    in_sequences("b10-abel: left x2", LEFT_B10, "2 * " + LEFT_B10, HAND),
    in_sequences("b10-abel: right x2", RIGHT_B10, "2 * " + RIGHT_B10, HAND),
    in_sequences("b10-abel: right / 2", RIGHT_B10, RIGHT_B10 + " / 2", HAND),
    in_sequences("b10-abel: max for sum", RIGHT_B10, "case.delta_b * lam.max(-1)", HAND),
    in_sequences("b10-abel: T terms", "case.ell_max)[..., :-1]", "case.ell_max)", HAND),
    in_sequences("b10-abel: T + 1", "case.horizon, case.ell_max)", "case.horizon + 1, case.ell_max)", HAND),
    in_sequences(
        "b10-abel: mean l",
        "bounds.lam(case.reward_bound, case.horizon, case.ell_max)",
        "bounds.lam(case.reward_bound, case.horizon, case.ell.mean(-1))",
        HAND,
    ),
    in_sequences(
        "b10-abel: wrong direction", 'relation="<="', 'relation=">="', SEQUENCES + "test_relations", count=2
    ),
    in_sequences(
        "b10-abel: no budget",
        "(TWO_TOKENS, NEGATIVE_SLACK, RATIO_FALLS)",
        "(TWO_TOKENS, RATIO_FALLS)",
        BUDGET,
    ),
    in_sequences(
        "b10-abel: any order",
        "(TWO_TOKENS, NEGATIVE_SLACK, RATIO_FALLS)",
        "(TWO_TOKENS, NEGATIVE_SLACK)",
        SEQUENCES + "test_b10_abel_needs_a_falling_ratio",
    ),
    in_sequences(
        "b10-abel: one token",
        "(TWO_TOKENS, NEGATIVE_SLACK, RATIO_FALLS)",
        "(NEGATIVE_SLACK, RATIO_FALLS)",
        GUARD,
    ),
    in_sequences(
        "b10-abel: last budget only",
        "(slack, slack * 0).all(-1)",
        "(slack, slack * 0)[..., -1:].all(-1)",
        BUDGET,
    ),
    in_sequences(
        "b10-abel: A_T too", "np.cumsum(excess, axis=-1)[..., :-1]", "np.cumsum(excess, axis=-1)", HAND
    ),
    in_sequences(
        "b10-abel: slack without weights",
        "case.weights * (case.expected_tv - case.delta_b[..., None])\n",
        "case.expected_tv - case.delta_b[..., None]\n",
        SEQUENCES + "test_the_budget_is_weighted",
    ),
    in_sequences("b11-abel: ratio without weights", "_lam(case) / case.weights[:-1]", "_lam(case)", HAND),
    in_sequences(
        "b11-abel: weights shifted", "_lam(case) / case.weights[:-1]", "_lam(case) / case.weights[1:]", HAND
    ),
    in_sequences(
        "b11-abel: by parts x2", "r[..., -1] * slack[..., -1] +", "2 * r[..., -1] * slack[..., -1] +", HAND
    ),
    in_sequences("b11-abel: last term dropped", "r[..., -1] * slack[..., -1] + ", "0 * r[..., -1] + ", HAND),
    in_sequences("b11-abel: r_{t+1} - r_t", "(r[..., :-1] - r[..., 1:])", "(r[..., 1:] - r[..., :-1])", HAND),
    in_sequences("b11-abel: A_{t+1}", "* slack[..., :-1]).sum", "* slack[..., 1:]).sum", HAND),
    in_sequences("b11-abel: one token", "hypotheses=(TWO_TOKENS,)", "hypotheses=()", GUARD),
    in_sequences(
        "b11-averaging: mean for max",
        "(case.expected_tv / case.weights).max(-1)",
        "(case.expected_tv / case.weights).mean(-1)",
        HAND,
    ),
    in_sequences(
        "b11-averaging: w for 1 / w",
        "(case.expected_tv / case.weights).max",
        "(case.expected_tv * case.weights).max",
        HAND,
    ),
    in_sequences(
        "b11-averaging: T - 1 terms",
        "case.expected_tv.sum(-1) / case",
        "case.expected_tv[..., :-1].sum(-1) / case",
        HAND,
    ),
    in_sequences(
        "b11-averaging: sides exchanged",
        "case.expected_tv.sum(-1) / case.weights.sum(), (case.expected_tv / case.weights).max(-1)",
        "(case.expected_tv / case.weights).max(-1), case.expected_tv.sum(-1) / case.weights.sum()",
        HAND,
    ),
    in_pairs(
        "b11-tv: L1 not halved",
        "absolute(pi - mu).sum(-1) / 2",
        "absolute(pi - mu).sum(-1)",
        PAIRS + "test_by_hand",
    ),
    in_pairs(
        "b11-tv: max for sum",
        "absolute(pi - mu).sum(-1) / 2",
        "absolute(pi - mu).max(-1) / 2",
        PAIRS + "test_exact_claims",
    ),
    in_pairs(
        "b11-tv: pi + mu",
        "absolute(pi - mu).sum(-1) / 2",
        "absolute(pi + mu).sum(-1) / 2",
        PAIRS + "test_by_hand",
    ),
    in_pairs("b11-ratio: mu / pi", "ratio(pi, mu))", "ratio(mu, pi))", PAIRS + "test_by_hand"),
    in_pairs("b11-ratio: mean under pi", "(mu * deviation)", "(pi * deviation)", PAIRS + "test_by_hand"),
    in_pairs(
        "b11-ratio: TV not doubled",
        "2 * divergence.total_variation(mu, pi)\n",
        "divergence.total_variation(mu, pi)\n",
        PAIRS + "test_by_hand",
    ),
    in_pairs(
        "b11-ratio: not absolute", "absolute(1 - ratio(pi, mu))", "1 - ratio(pi, mu)", PAIRS + "test_by_hand"
    ),
    in_pairs(
        "b11-coupling: marginals exchanged",
        "positive_part(p - q), positive_part(q - p)",
        "positive_part(q - p), positive_part(p - q)",
        PAIRS + "test_by_hand",
    ),
    in_pairs(
        "b11-coupling: nothing off the diagonal",
        "np.asarray(off + same)",
        "np.asarray(0 * off + same)",
        PAIRS + "test_by_hand",
    ),
    in_pairs(
        "b11-coupling: independent coupling",
        "np.asarray(off + same)",
        "p[..., :, None] * q[..., None, :]",
        PAIRS + "test_exact_claims",
    ),
    in_pairs("b11-coupling: max for min", "np.minimum(p, q)[", "np.maximum(p, q)[", PAIRS + "test_by_hand"),
    in_pairs(
        "b11-coupling: one marginal",
        "absolute(joint.sum(-1) - mu)",
        "absolute(joint.sum(-2) - mu)",
        PAIRS + "test_exact_claims",
    ),
    in_pairs(
        "b11-coupling: Pr(X = Y)", "joint * (1 - np.eye(", "joint * (0 + np.eye(", PAIRS + "test_by_hand"
    ),
    in_pairs(
        "mixture: shares exchanged", "(1 - g) * mu + g * pi", "g * mu + (1 - g) * pi", PAIRS + "test_by_hand"
    ),
    in_pairs(
        "mixture: g^2", "[g * tv for g in shares]", "[g * g * tv for g in shares]", PAIRS + "test_by_hand"
    ),
    in_pairs(
        "mixture: distance to pi",
        "divergence.total_variation(mu, (1 - g)",
        "divergence.total_variation(pi, (1 - g)",
        PAIRS + "test_by_hand",
    ),
    in_pairs(
        "pinsker: KL(pi || mu)",
        "kl_divergence(mu, pi) / 2",
        "kl_divergence(pi, mu) / 2",
        PAIRS + "test_pinsker_by_hand",
    ),
    in_pairs(
        "pinsker: KL not halved",
        "kl_divergence(mu, pi) / 2",
        "kl_divergence(mu, pi)",
        PAIRS + "test_pinsker_by_hand",
    ),
    in_pairs(
        "pinsker: KL / 4",
        "kl_divergence(mu, pi) / 2",
        "kl_divergence(mu, pi) / 4",
        PAIRS + "test_pinsker_by_hand",
    ),
    in_pairs(
        "pinsker: no root",
        "np.sqrt(divergence.kl_divergence(mu, pi) / 2)",
        "divergence.kl_divergence(mu, pi) / 2",
        PAIRS + "test_pinsker_by_hand",
    ),
    in_pairs(
        "pinsker: trivial from 2 on",
        "trivial=1.0",
        "trivial=2.0",
        PAIRS + "test_pinsker_is_vacuous_from_one_on",
    ),
    in_pairs(
        "pairs: first level only",
        "zip(case.instance.mu, case.instance.pi, strict=True)}",
        "zip(case.instance.mu[:1], case.instance.pi[:1], strict=True)}",
        PAIRS + "test_exact_claims",
    ),
    in_claim(
        "pairs: row of least strain",
        "np.where(flat, abs(lhs), strain).argmax",
        "np.where(flat, abs(lhs), strain).argmin",
        PAIRS + "test_by_hand",
    ),
    in_claim(
        "pairs: rhs / lhs",
        "lhs / np.where(inside, rhs, full((), 1, rhs))",
        "np.where(inside, rhs, full((), 1, rhs)) / lhs",
        PAIRS + "test_pinsker",
    ),
)
