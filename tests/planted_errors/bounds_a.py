"""Errors in the bounds of Lemma 3, Proposition 4, the uniform threshold and Appendix B.9."""

from tests.planted import Planted, planted_in

SUFFIX, PROPOSITION, PRODUCT = (
    f"tests/claims/test_{name}.py::" for name in ("suffix", "proposition_4", "product_form")
)
error = planted_in("cppo_theory/bounds.py")

ERRORS: tuple[Planted, ...] = (
    error(
        "lam: T + 1 for T",
        "[horizon - t for t",
        "[horizon + 1 - t for t",
        PROPOSITION + "test_three_tokens_by_hand",
    ),
    error(
        "lam: index shift",
        "for t in range(1, horizon + 1)]",
        "for t in range(horizon)]",
        PROPOSITION + "test_symbols",
    ),
    error(
        "lam: grows with the position",
        "[horizon - t for t",
        "[t - 1 for t",
        PROPOSITION + "test_three_tokens_by_hand",
    ),
    error(
        "lam: constant x2",
        "np.asarray(4 * reward_bound * ell_max)",
        "np.asarray(8 * reward_bound * ell_max)",
        PROPOSITION + "test_two_tokens_attain",
    ),
    error(
        "lam: xi dropped",
        "np.asarray(4 * reward_bound * ell_max)",
        "np.asarray(4 * ell_max)",
        PROPOSITION + "test_two_tokens_by_hand",
    ),
    error(
        "suffix_union: j >= t for j > t",
        'later_sums(positions("ell", ell))',
        'later_sums(positions("ell", ell)) + positions("ell", ell)',
        PROPOSITION + "test_two_tokens_attain",
    ),
    error(
        "suffix_union: earlier tokens for later ones",
        'later_sums(positions("ell", ell))',
        'later_sums(positions("ell", ell)[..., ::-1])[..., ::-1]',
        PROPOSITION + "test_three_tokens_by_hand",
    ),
    error(
        "suffix_product: index shift",
        "(1 - ell)[..., :0:-1]",
        "(1 - ell)[..., -2::-1]",
        SUFFIX + "test_by_hand",
    ),
    error(
        "suffix_product: l_j for 1 - l_j",
        "(1 - ell)[..., :0:-1]",
        "ell[..., :0:-1]",
        SUFFIX + "test_equality",
    ),
    error(
        "suffix_product: one token for all",
        "np.cumprod(",
        "np.minimum.accumulate(",
        SUFFIX + "test_equality",
    ),
    error(
        "prop_4: constant x2",
        "return 4 * reward_bound * weighted_tv(expected_tv, suffix_union(ell))",
        "return 8 * reward_bound * weighted_tv(expected_tv, suffix_union(ell))",
        PROPOSITION + "test_two_tokens_attain",
    ),
    error(
        "prop_4: constant /2",
        "return 4 * reward_bound * weighted_tv(expected_tv, suffix_union(ell))",
        "return 2 * reward_bound * weighted_tv(expected_tv, suffix_union(ell))",
        PROPOSITION + "test_two_tokens_attain",
    ),
    error(
        "prop_4: product form",
        "weighted_tv(expected_tv, suffix_union(ell))",
        "weighted_tv(expected_tv, suffix_product(ell))",
        PROPOSITION + "test_three_tokens_by_hand",
    ),
    error(
        "prop_4: l_t for u_t",
        "weighted_tv(expected_tv, suffix_union(ell))",
        "weighted_tv(ell, suffix_union(ell))",
        PROPOSITION + "test_two_tokens_by_hand",
    ),
    error(
        "b9_product: constant /2",
        "return 4 * reward_bound * weighted_tv(expected_tv, suffix_product(ell))",
        "return 2 * reward_bound * weighted_tv(expected_tv, suffix_product(ell))",
        PRODUCT + "test_two_tokens_attain",
    ),
    error(
        "b9_product: union form",
        "weighted_tv(expected_tv, suffix_product(ell))",
        "weighted_tv(expected_tv, suffix_union(ell))",
        PRODUCT + "test_by_hand",
    ),
    error(
        "b9_product: mean over t for the sum",
        "return (u * coefficient)[",
        "return (u * coefficient / u.shape[-1])[",
        PRODUCT + "test_by_hand",
    ),
    error(
        "weighted_tv: index shift",
        "return (u * coefficient)[..., :-1]",
        "return (u[..., 1:] * coefficient[..., :-1])",
        PRODUCT + "test_by_hand",
    ),
    error(
        "b9_closed: constant x2",
        "return 4 * reward_bound * delta_b * suffix_product",
        "return 8 * reward_bound * delta_b * suffix_product",
        PRODUCT + "test_two_tokens_attain",
    ),
    error(
        "b9_closed: T + 1 for T",
        "np.asarray(delta)[..., None], horizon, axis=-1)",
        "np.asarray(delta)[..., None], horizon + 1, axis=-1)",
        PRODUCT + "test_by_hand",
    ),
    error(
        "b9_closed: t = 1 dropped",
        "suffix_product(ell)[..., :-1].sum(-1)",
        "suffix_product(ell)[..., 1:].sum(-1)",
        PRODUCT + "test_by_hand",
    ),
    error(
        "b9_closed: largest term for each",
        "suffix_product(ell)[..., :-1].sum(-1)",
        "suffix_product(ell)[..., 0] * (horizon - 1)",
        PRODUCT + "test_by_hand",
    ),
    error(
        "b9_closed: delta and delta_b exchanged",
        "bound * delta_b * suffix_product(ell)",
        "bound * delta * suffix_product(ell * 0 + np.asarray(delta_b)[..., None])",
        PRODUCT + "test_by_hand",
    ),
    error(
        "uniform: linear in lbar",
        "return thm_1(reward_bound, horizon, ell_max, ell_max)",
        "return thm_1(reward_bound, horizon, ell_max, 1)",
        PROPOSITION + "test_two_tokens_by_hand",
    ),
    error(
        "uniform: constant x2",
        "return thm_1(reward_bound, horizon, ell_max, ell_max)",
        "return 2 * thm_1(reward_bound, horizon, ell_max, ell_max)",
        PROPOSITION + "test_two_tokens_attain",
    ),
    error(
        "uniform: T - 1 for T",
        "return thm_1(reward_bound, horizon, ell_max, ell_max)",
        "return thm_1(reward_bound, horizon - 1, ell_max, ell_max)",
        PROPOSITION + "test_two_tokens_attain",
    ),
)
