"""Errors in the enumeration of responses and in the shares of violations that a mask leaves."""

from tests.planted import Planted, planted_in

MASKED = "tests/test_masked.py::"
RESPONSES, SUCCESSORS = MASKED + "test_the_responses", MASKED + "test_rewards_of_successors"
EXACT = MASKED + "test_the_mask_is_algorithm_1_and_the_shares_are_exact"
BUDGET, TIES = MASKED + "test_the_budget_at_two_tokens", MASKED + "test_ties_do_not_violate"
ADVANTAGES, CHOICE = (
    MASKED + "test_advantages_are_per_prompt",
    MASKED + "test_which_constraints_are_counted_against",
)
FROZEN = MASKED + "test_one_step_from_inside_leaves_the_region_and_the_mask_then_freezes_it"
END = MASKED + "test_end_tokens_on_an_automaton"

in_masked = planted_in("cppo_theory/masked.py")
in_responses = planted_in("cppo_theory/responses.py")

SHARES = (
    in_masked(
        "masked: budget at m = T too",
        "budget[:, :-1] = excess[:, :-1] > 0",
        "budget[:, :] = excess > 0",
        EXACT,
    ),
    in_masked(
        "masked: budget without D_t itself",
        "budget[:, :-1] = excess[:, :-1] > 0",
        "budget[:, 1:-1] = excess[:, :-2] > 0",
        BUDGET,
    ),
    in_masked("masked: a tie of the budget violates", "excess[:, :-1] > 0", "excess[:, :-1] >= 0", TIES),
    in_masked("masked: a tie of the token violates", "else spent > limit\n", "else spent >= limit\n", TIES),
    in_masked(
        "masked: Eq. (8) with S_t for S_{t-1}",
        "spent[:, 1:] + excess[:, :-1] > limit[1:]",
        "spent[:, 1:] + excess[:, 1:] > limit[1:]",
        EXACT,
    ),
    in_masked("masked: unweighted sums", "np.cumsum(spent - weights", "np.cumsum(divergence - 1", TIES),
    in_masked("masked: share of kept tokens", "tokens = mean(mask)", "tokens = mean(mask & where)", EXACT),
    in_masked(
        "masked: responses count alike",
        "(probability * (counts.astype(object) if is_exact(probability) else counts)).sum()",
        "(counts.astype(object) + 0 * probability).sum()",
        EXACT,
    ),
    in_masked(
        "masked: violations at masked tokens remain",
        " kept=_shares(drawn, violating, decided.keep)",
        " kept=_shares(drawn, violating, drawn.mask)",
        FROZEN,
    ),
    in_masked(
        "masked: the rule changes what was before",
        "before=_shares(drawn, violating, drawn.mask)",
        "before=_shares(drawn, violating, decided.keep)",
        FROZEN,
    ),
    in_masked(
        "masked: masked tokens in the sums of the kept",
        "_violations(constraints, kept_alone)",
        "_violations(constraints, drawn.tv)",
        EXACT,
    ),
)

INPUTS = (
    in_masked(
        "masked: raw returns as advantage",
        "centred = returns - fold_back",
        "centred = returns - 0 * fold_back",
        ADVANTAGES,
    ),
    in_masked(
        "masked: centred on the first prompt",
        '["value_mu"][prompts]',
        '["value_mu"][prompts[0]]',
        ADVANTAGES,
    ),
    in_masked(
        "masked: variance for deviation",
        "np.sqrt(np.where(constant, 1.0, variance))",
        "np.where(constant, 1.0, variance)",
        ADVANTAGES,
    ),
    in_masked(
        "masked: constraints of the instance before those of the rule",
        "constraints or _prescribed(chosen, given, instance.horizon) or instance.constraints",
        "constraints or instance.constraints or _prescribed(chosen, given, instance.horizon)",
        CHOICE,
    ),
    in_masked(
        "masked: divergence of the sampled token only",
        "        source=Measured(to_float(drawn.tv), drawn.kl, drawn.kl_reverse),\n",
        "",
        EXACT,
    ),
)

ENUMERATION = (
    in_responses(
        "responses: mu and pi swapped in the logs",
        "for table in (mu, pi)]",
        "for table in (pi, mu)]",
        RESPONSES,
    ),
    in_responses("responses: no chance of successors", " * chance[row, token, branch]", "", RESPONSES),
    in_responses(
        "responses: tokens of probability 0",
        "np.nonzero((mu > 0)[..., None] & (chance > 0))",
        "np.nonzero((mu > -1)[..., None] & (chance > 0))",
        RESPONSES,
    ),
    in_responses(
        "responses: prompts of probability 0",
        "np.flatnonzero(instance.initial > 0)",
        "np.arange(len(instance.initial))",
        RESPONSES,
    ),
    in_responses(
        "responses: the end token is no token",
        "np.logical_not(ended)[row]}",
        "np.logical_not(ended[row] | np.isin(token, list(end)))}",
        END,
    ),
    in_responses(
        "responses: step rewards of the first successor",
        "np.minimum(branch, drawn.shape[-1] - 1)",
        "0 * branch",
        SUCCESSORS,
    ),
    in_responses(
        "responses: no final reward",
        "returns = returns + instance.reward[state]",
        "returns = returns + 0 * instance.reward[state]",
        RESPONSES,
    ),
    in_responses(
        "responses: divergences of another state",
        "(x[place] for x in values)",
        "(x[place[::-1]] for x in values)",
        EXACT,
    ),
)

ERRORS: tuple[Planted, ...] = (*SHARES, *INPUTS, *ENUMERATION)
