"""Errors in whole-path quantities, `evaluate`, batches, the fused pass, divergences and policies."""

from tests.planted import Planted, planted_in

TREES, EVALUATION, BATCHES = "tests/test_trees.py::", "tests/test_evaluation.py::", "tests/test_batches.py::"
DIVERGENCE, POLICY, FUSED = "tests/test_divergence.py::", "tests/test_policy.py::", "tests/test_fused.py::"
BY_HAND, GOLDEN = TREES + "test_by_hand", "tests/test_values_by_hand.py::test_golden_values"
ONE_TOKEN, TWO_PROMPTS = (
    EVALUATION + "test_one_token",
    "tests/test_values_by_hand.py::test_two_prompts_by_hand",
)
WEIGHTS, KL = (
    EVALUATION + "test_weights_enter_the_budgets_only",
    EVALUATION + "test_expected_kl_of_every_position",
)

in_trees = planted_in("cppo_theory/trees.py")
in_evaluation = planted_in("cppo_theory/evaluation.py")
in_instance = planted_in("cppo_theory/instance.py", BATCHES + "test_batch_axes_are_one_by_one")
in_fused = planted_in("cppo_theory/fused.py", FUSED + "test_fused_is_generic")
in_divergence = planted_in("cppo_theory/divergence.py")
in_policy = planted_in("cppo_theory/policy.py")

PATHS = (
    in_trees("path gap: rho", "(rho - 1) * (1 - later)", "rho * (1 - later)", BY_HAND),
    in_trees(
        "path gap: suffix ratio from its own token on",
        "        gap = gap + (rho - 1) * (1 - later)\n        later = later * rho\n",
        "        later = later * rho\n        gap = gap + (rho - 1) * (1 - later)\n",
        BY_HAND,
    ),
    in_trees(
        "path gap: mu / pi",
        "ratio(instance.pi[t], instance.mu[t])",
        "ratio(instance.mu[t], instance.pi[t])",
        BY_HAND,
    ),
    in_trees(
        "path gap: sum of ratios",
        "later = later * rho",
        "later = later + rho - 1",
        TREES + "test_the_residual_by_its_definition",
    ),
    in_trees(
        "paths: spread over too few",
        "(instance.horizon - t - 1), axis=-1)",
        "(instance.horizon - t - 1), axis=-1)[..., ::-1]",
        BY_HAND,
    ),
    in_trees("paths: laws of pi", "enumerate(instance.mu):", "enumerate(instance.pi):", BY_HAND),
    in_trees(
        "paths: no step rewards",
        "total = total + _over_paths(instance, table, t)",
        "total = total + 0 * _over_paths(instance, table, t)",
        TREES + "test_complete_paths",
    ),
    in_trees("worst case: no absolute value", "absolute(path_gap(instance))", "path_gap(instance)", BY_HAND),
    in_trees(
        "worst case: largest gap",
        "dot(path_probability(instance), absolute(path_gap(instance)))",
        "absolute(path_gap(instance)).max(-1)",
        BY_HAND,
    ),
    in_trees("suffix TV: levels reversed", "return out[::-1]", "return out", GOLDEN),
    in_trees(
        "suffix TV: mu twice",
        "enumerate((instance.mu[t], instance.pi[t])):",
        "enumerate((instance.mu[t], instance.mu[t])):",
        GOLDEN,
    ),
    in_trees(
        "suffix TV: one token",
        "joint = table[..., None] * children",
        "joint = table[..., None] + 0 * children",
        BY_HAND,
    ),
)

EVALUATED = (
    in_evaluation(
        "delta_b: m up to T",
        "(cum_budget[..., 1:-1] / np.cumsum(weights)[:-1])",
        "(cum_budget[..., 1:] / np.cumsum(weights))",
        GOLDEN,
    ),
    in_evaluation("delta_b: per weight of the token", "/ np.cumsum(weights)[:-1]", "/ weights[:-1]", GOLDEN),
    in_evaluation("delta_b: W_{m+1}", "/ np.cumsum(weights)[:-1]", "/ np.cumsum(weights)[1:]", GOLDEN),
    in_evaluation(
        "delta_b: mean for max",
        "np.cumsum(weights)[:-1]).max(-1)",
        "np.cumsum(weights)[:-1]).mean(-1)",
        WEIGHTS,
    ),
    in_evaluation(
        "delta_b: at T = 1 that of the token",
        "return cum_budget[..., 0]",
        "return cum_budget[..., 1]",
        ONE_TOKEN,
    ),
    in_evaluation(
        "reward bound: largest return",
        "np.maximum(absolute(best), absolute(worst))",
        "best",
        EVALUATION + "test_numbers",
    ),
    in_evaluation(
        "reward bound: no absolute value",
        "np.maximum(absolute(best), absolute(worst))",
        "np.maximum(best, worst)",
        EVALUATION + "test_numbers",
    ),
    in_evaluation("half range: whole range", "best / 2 - worst / 2", "best - worst", TWO_PROMPTS),
    in_evaluation(
        "half range: over all prompts",
        '"half_range": half.max(-1)',
        '"half_range": (best.max(-1) - worst.min(-1)) / 2',
        TWO_PROMPTS,
    ),
    in_evaluation(
        "half range: mean over prompts",
        '"half_range": half.max(-1)',
        '"half_range": half.mean(-1)',
        TWO_PROMPTS,
    ),
    in_evaluation(
        "returns: impossible prompts",
        "instance.initial > 0)",
        "instance.initial >= 0)",
        "tests/test_values_by_hand.py::test_an_impossible_prompt_does_not_count",
    ),
    in_evaluation(
        "means: not over prompts",
        "return {name: dot(instance.initial, roots[name]) for",
        "return {name: roots[name].mean(-1) for",
        TWO_PROMPTS,
    ),
    in_evaluation(
        "kept: KL exchanged",
        "_of_rows(kl_divergence, instance.mu, instance.pi)",
        "_of_rows(kl_divergence, instance.pi, instance.mu)",
        EVALUATION + "test_expected_kl_adds_up_to_that_of_complete_responses",
    ),
    in_evaluation(
        "kept: occupancy of mu for pi",
        "occupancies(instance, instance.pi)",
        "occupancies(instance, instance.mu)",
        EVALUATION + "test_kept_levels",
    ),
    in_evaluation(
        "expected KL: under the other policy",
        "zip(occupancies(instance, p), ",
        "zip(occupancies(instance, q), ",
        KL,
    ),
    in_evaluation(
        "expected KL: arguments exchanged",
        "_of_rows(kl_divergence, p, q)",
        "_of_rows(kl_divergence, q, p)",
        KL,
    ),
    in_evaluation(
        "expected KL: unreachable states",
        "np.where(law > 0, rows, 0.0)",
        "rows",
        EVALUATION + "test_an_infinite_kl_counts_where_mu_goes",
    ),
    in_evaluation(
        "expected KL: finite where it is not",
        "np.where(infinite.any(-1), np.inf, mean)",
        "mean",
        EVALUATION + "test_an_infinite_kl_counts_where_mu_goes",
    ),
    in_evaluation(
        "weights: always 1",
        "uniform_weights(instance.horizon) if constraints is None else constraints.weights",
        "uniform_weights(instance.horizon)",
        EVALUATION + "test_weights_of_the_constraints_are_the_default",
    ),
    in_evaluation(
        "weights: not checked",
        "weights = Constraints(weights).weights",
        "pass",
        EVALUATION + "test_bad_weights",
    ),
    in_instance(
        "batch: axes not shared",
        "return table if table.shape == shape else np.broadcast_to(table, shape)",
        "return table",
    ),
    in_instance(
        "batch: first element for all",
        "self._mapped(lambda array: array[index])",
        "self._mapped(lambda array: array[0 * np.array(index[0])][index[1:]])",
    ),
    in_fused("fused: (pi - mu)_-", "np.maximum(diff, 0.0, out=x)", "np.minimum(diff, 0.0, out=x)"),
    in_fused(
        "fused: overlap by max",
        "np.minimum(mu, pi, out=x)\n    np.multiply",
        "np.maximum(mu, pi, out=x)\n    np.multiply",
    ),
    in_fused(
        "fused: residual of the wrong sign",
        "np.subtract(pad.x, pad.y, out=pad.x)",
        "np.add(pad.x, pad.y, out=pad.x)",
    ),
    in_fused(
        "fused: no step rewards above the last level", "child[VALUE_MU] += step", "child[VALUE_MU] += 0.0"
    ),
    in_fused("fused: gain carried by mu", "(pi, gain, GAIN))", "(mu, gain, GAIN))"),
)

DISTRIBUTIONS = (
    in_divergence(
        "TV: twice",
        "xp.maximum(gap, 0 * gap)",
        "xp.abs(gap)",
        DIVERGENCE + "test_rows_and_batch_axes",
    ),
    in_divergence(
        "TV: max for sum",
        "xp.sum(xp.maximum(gap, 0 * gap)",
        "xp.max(xp.maximum(gap, 0 * gap)",
        DIVERGENCE + "test_total_variation",
    ),
    in_divergence(
        "KL: exchanged",
        "p, q = _in_floats(p), _in_floats(q)",
        "q, p = _in_floats(p), _in_floats(q)",
        DIVERGENCE + "test_kl_by_hand",
    ),
    in_divergence(
        "KL: only p log q", " - xp.log(xp.where(p > 0, p, 1.0))", "", DIVERGENCE + "test_kl_by_hand"
    ),
    in_divergence(
        "KL: log1p for every ratio", "xp.abs(gap) < p / 2", "p > 0", DIVERGENCE + "test_kl_for_p_far_from_q"
    ),
    in_divergence(
        "KL: difference of logarithms for close rows",
        "xp.abs(gap) < p / 2",
        "xp.abs(gap) < 0 * p",
        DIVERGENCE + "test_kl_for_p_near_q",
    ),
    in_divergence(
        "KL: q dropped where p = 0",
        "xp.where(p > 0, far, q)",
        "xp.where(p > 0, far, 0.0)",
        DIVERGENCE + "test_kl_of_vanishing_probabilities",
    ),
    in_policy(
        "mixed policy: shares exchanged",
        "(1 - g[..., None, None]) * m + g[..., None, None] * p",
        "g[..., None, None] * m + (1 - g[..., None, None]) * p",
        POLICY + "test_mixture",
    ),
    in_policy(
        "mixed policy: share not checked",
        "if not ((share >= 0) & (share <= 1)).all():",
        "if False:",
        POLICY + "test_a_share_outside_the_unit_interval_is_refused",
    ),
    in_policy(
        "at TV: twice the distance",
        "table[..., gainer] + step",
        "table[..., gainer] + 2 * step",
        POLICY + "test_at_total_variation",
    ),
    in_policy(
        "at TV: gainer not raised",
        "    moved[..., gainer] = table[..., gainer] + step\n",
        "    pass\n",
        POLICY + "test_one_distance_per_level",
    ),
    in_policy(
        "at TV: out of reach",
        "(step > 0) & (step <= others) & ",
        "(step > 0) & ",
        POLICY + "test_a_distance_out_of_reach_is_refused",
    ),
    in_policy(
        "at TV: gainer without mass",
        " & (table[..., gainer] > 0))",
        ")",
        POLICY + "test_the_gainer_needs_mass",
    ),
    in_policy(
        "rational: outside the support",
        "np.where(allowed, counts, 0)",
        "counts",
        POLICY + "test_random_rational_policy",
    ),
    in_policy("softmax: overflows", "table - table.max(-1, keepdims=True)", "table", POLICY + "test_softmax"),
)

ERRORS: tuple[Planted, ...] = (*PATHS, *EVALUATED, *DISTRIBUTIONS)
