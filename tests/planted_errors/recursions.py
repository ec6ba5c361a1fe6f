"""Errors in `cppo_theory/recursions.py`."""

from tests.planted import Planted, planted_in

RECURSIONS, HAND = "tests/test_recursions.py::", "tests/test_values_by_hand.py::"
MEANS, FORWARD, EXTREMES, STATES = (
    RECURSIONS + f"test_{name}"
    for name in (
        "means_over_prompts",
        "forward_fold",
        "extreme_returns_of_every_prompt",
        "values_of_every_state",
    )
)
END, STEPS, IMPOSSIBLE = (
    HAND + f"test_{name}"
    for name in (
        "end_tokens_by_hand",
        "step_rewards_count_from_their_step_on",
        "an_impossible_prompt_does_not_count",
    )
)
RARE = RECURSIONS + "test_an_underflowing_occupancy_stays_reachable"

error = planted_in("cppo_theory/recursions.py")

DRIFT = 'dot(self.rows.drift, self.q("value_mu"))'

ERRORS: tuple[Planted, ...] = (
    error(
        "value_mu: under pi", 'dot(level.mu, level.q("value_mu"))', 'dot(level.pi, level.q("value_mu"))', END
    ),
    error(
        "value_pi: under mu", 'dot(level.pi, level.q("value_pi"))', 'dot(level.mu, level.q("value_pi"))', END
    ),
    error(
        "value_pi: values of mu",
        'dot(level.pi, level.q("value_pi"))',
        'dot(level.pi, level.q("value_mu"))',
        END,
    ),
    error(
        "value_mu: no step rewards",
        'dot(level.mu, level.q("value_mu"))',
        'dot(level.mu, level.pulled("value_mu"))',
        STEPS,
    ),
    error(
        "surrogate: carried by pi",
        'dot(level.mu, level.pulled("surrogate"))',
        'dot(level.pi, level.pulled("surrogate"))',
        END,
    ),
    error("surrogate: first position only", ' + dot(level.mu, level.pulled("surrogate"))', "", END),
    error(
        "surrogate and gain: values under pi",
        DRIFT,
        'dot(self.rows.drift, self.q("value_pi"))',
        MEANS,
    ),
    error(
        "gain: carried by mu",
        'dot(level.pi, level.pulled("gain"))',
        'dot(level.mu, level.pulled("gain"))',
        MEANS,
    ),
    error(
        "surrogate and gain: no step rewards",
        DRIFT,
        'dot(self.rows.drift, self.pulled("value_mu"))',
        STEPS,
    ),
    error("residual: wrong sign", "- dot(level.rows.drift", "+ dot(level.rows.drift", END),
    error(
        "residual: carried by pi",
        'dot(level.mu, level.pulled("residual"))',
        'dot(level.pi, level.pulled("residual"))',
        MEANS,
    ),
    error("residual: first position only", 'dot(level.mu, level.pulled("residual")) - ', "0 - ", END),
    error(
        "residual: surrogate for gain",
        '- dot(level.rows.drift, level.pulled("gain"))',
        '- dot(level.rows.drift, level.pulled("surrogate"))',
        MEANS,
    ),
    error(
        "overlap: mu",
        'dot(level.rows.smaller, level.pulled("overlap"))',
        'dot(level.mu, level.pulled("overlap"))',
        STATES,
    ),
    error("overlap: max for min", "np.minimum(mu, pi)", "np.maximum(mu, pi)", STATES),
    error(
        "overlap: ends at 0",
        'Backward("overlap", _one, overlap)',
        'Backward("overlap", _nothing, overlap)',
        STATES,
    ),
    error("total_tv: this position only", ' + dot(level.mu, level.pulled("total_tv"))', "", MEANS),
    error(
        "total_tv: carried by pi",
        'dot(level.mu, level.pulled("total_tv"))',
        'dot(level.pi, level.pulled("total_tv"))',
        MEANS,
    ),
    error(
        "advantage_pi: under mu", "return dot(level.pi, advantage)", "return dot(level.mu, advantage)", MEANS
    ),
    error(
        "advantage_pi: values of pi",
        "q - dot(level.mu, q)[..., None]",
        "q - dot(level.pi, q)[..., None]",
        MEANS,
    ),
    error("drift: mu - pi", "self.drift = pi - mu", "self.drift = mu - pi", END),
    error(
        "stationary rows: one table compared",
        "last.pair[0] is mu and last.pair[1] is pi",
        "last.pair[0] is mu",
        RECURSIONS + "test_rows_are_shared_for_equal_pairs_only",
    ),
    error(
        "returns: actions that mu never takes",
        "np.where(self.mu > 0, best, NO_PATH)",
        "np.where(self.mu >= 0, best, NO_PATH)",
        EXTREMES,
    ),
    error(
        "returns: actions of pi",
        "np.where(self.mu > 0, best, NO_PATH)",
        "np.where(self.pi > 0, best, NO_PATH)",
        EXTREMES,
    ),
    error(
        "returns: worst is best", 'level.extreme("worst_return", -1)', 'level.extreme("worst_return", 1)', END
    ),
    error("returns: step rewards of the wrong sign", "sign * self._reward", "self._reward", EXTREMES),
    error(
        "terminal: nothing for reward",
        'Backward("value_pi", _reward, value_pi)',
        'Backward("value_pi", _nothing, value_pi)',
        END,
    ),
    error("levels: in reverse order", "{name: levels[::-1] for", "{name: levels for", STATES),
    error(
        "forward: prompts of probability 0",
        "np.where(occupancy > 0, zero(occupancy), NO_PATH)",
        "np.where(occupancy >= 0, zero(occupancy), NO_PATH)",
        IMPOSSIBLE,
    ),
    error(
        "forward: reachable by occupancy", "reachable = worst > NO_PATH", "reachable = occupancy > 0", RARE
    ),
    error(
        "expected_tv: max for mean",
        "means.append(dot(occupancy, rows.tv))",
        "means.append((occupancy * rows.tv).max(-1))",
        FORWARD,
    ),
    error(
        "ell: unreachable states",
        "np.where(reachable, rows.tv, zero(occupancy)).max(-1)",
        "rows.tv.max(-1)",
        IMPOSSIBLE,
    ),
    error(
        "ell: mean for max",
        "np.where(reachable, rows.tv, zero(occupancy)).max(-1)",
        "dot(occupancy, rows.tv)",
        FORWARD,
    ),
    error("cum_budget: no weights", "weights[t] * rows.tv", "rows.tv", FORWARD),
    error("cum_budget: weights shifted", "weights[t] * rows.tv", "weights[t - 1] * rows.tv", FORWARD),
    error(
        "cum_budget: sum of maxima",
        "worst = worst + weights[t] * rows.tv\n",
        "worst = worst + weights[t] * largest[-1][..., None] + 0 * worst\n",
        FORWARD,
    ),
    error(
        "cum_budget: actions that mu never takes",
        "np.where(instance.mu[t] > 0, worst[..., None], NO_PATH)",
        "np.where(instance.mu[t] >= 0, worst[..., None], NO_PATH)",
        FORWARD,
    ),
    error("cum_budget: no start", "_stack([start, *budget])", "_stack([*budget, start])", END),
    error(
        "occupancy: under pi",
        "occupancy[..., None] * instance.mu[t]",
        "occupancy[..., None] * instance.pi[t]",
        FORWARD,
    ),
    error(
        "occupancies: always under mu",
        "law = instance.space.push(t, law[..., None] * table)",
        "law = instance.space.push(t, law[..., None] * instance.mu[t])",
        RECURSIONS + "test_occupancies",
    ),
)
