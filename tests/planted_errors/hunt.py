"""Errors in the hunt: the objective, the first population, the exact replay, budgets, and the page."""

from tests.planted import planted_in

TEST = "tests/test_hunt.py::"
REACHED = TEST + "test_attaining_families_are_reached"
FOUND = TEST + "test_known_counterexamples_are_found"

in_search = planted_in("cppo_theory/hunt/search.py")
in_evolve = planted_in("cppo_theory/hunt/evolve.py")
in_replay = planted_in("cppo_theory/hunt/replay.py")
in_run = planted_in("cppo_theory/hunt/run.py")
in_budget = planted_in("cppo_theory/hunt/budget.py")
in_page = planted_in("cppo_theory/hunt/page.py")
in_command = planted_in("cppo_theory/cli/hunt.py")

ERRORS = (
    in_search(
        "hunt: reward of the wrong sign",
        "path_gap(draft) >= 0, reward, -reward",
        "path_gap(draft) <= 0, reward, -reward",
        TEST + "test_the_reward_is_the_worst_one",
    ),
    in_search(
        "hunt: other hypotheses are ignored",
        "np.where(outcome.applicable, strain(outcome), UNUSABLE)",
        "np.where(True, strain(outcome), UNUSABLE)",
        TEST + "test_unusable_candidates_are_never_best",
    ),
    in_search(
        "hunt: keeps the last candidate, not the best",
        "if scores[top] > max(self.best_score, UNUSABLE):",
        "if scores[top] > UNUSABLE:",
        TEST + "test_unusable_candidates_are_never_best",
    ),
    in_search(
        "hunt: budget is not scaled",
        "super().delta_b * self.used[:, -1]",
        "super().delta_b",
        TEST + "test_constraints_are_multiples_of_the_measured_ones",
    ),
    in_search(
        "hunt: thresholds shifted by one",
        "self.values.ell * self.used[:, :-1]",
        "self.values.ell * self.used[:, 1:]",
        TEST + "test_constraints_are_multiples_of_the_measured_ones",
    ),
    in_search(
        "hunt: terminal budget always measured",
        "np.where(measured, super().terminal_delta_b, self.delta_b)",
        "super().terminal_delta_b",
        TEST + "test_constraints_are_multiples_of_the_measured_ones",
    ),
    in_search(
        "hunt: negligible constraints are scaled",
        "measured < NEGLIGIBLE",
        "measured < 0",
        TEST + "test_negligible_constraints_stay_as_measured",
    ),
    in_search(
        "hunt: small right sides count",
        "inside = rhs >= LEAST_RIGHT",
        "inside = rhs > 0",
        TEST + "test_strain",
    ),
    in_search(
        "hunt: mu and pi exchanged",
        "mu, pi = (softmax",
        "pi, mu = (softmax",
        TEST + "test_candidates_are_instances",
    ),
    in_evolve(
        "hunt: a quarter of the population jumps",
        "half = POPULATION // 2",
        "half = POPULATION // 4",
        TEST + "test_half_of_the_population_is_the_jump_family",
    ),
    in_evolve(
        "hunt: the jump family stands still",
        "np.minimum(jump + step, 1 - 1e-9)",
        "np.minimum(jump + 0 * step, 1 - 1e-9)",
        REACHED,
    ),
    in_evolve(
        "hunt: evolution minimises",
        "lambda columns: -score(columns.T)",
        "lambda columns: score(columns.T)",
        TEST + "test_evolution_and_polish_each_improve_on_the_start",
    ),
    in_evolve(
        "hunt: polish stands still",
        "search.best + steps",
        "search.best + 0 * steps",
        TEST + "test_evolution_and_polish_each_improve_on_the_start",
    ),
    in_evolve(
        "hunt: weights for which nothing is dropped",
        "return bool((usable & fails).any())",
        "return bool(usable.any())",
        TEST + "test_weights_leave_something_to_decide",
    ),
    in_replay(
        "hunt: rounded rows do not sum to one",
        "entries[largest] = 1 - sum(entries[:largest] + entries[largest + 1 :])",
        "entries[largest] = 1 - sum(entries[:largest])",
        TEST + "test_rationalised_rows_sum_to_one_and_keep_their_support",
    ),
    in_replay(
        "hunt: decimals instead of digits",
        'f"{p:.{digits - 1}e}"',
        'f"{p:.{digits}f}"',
        TEST + "test_rationalised_rows_sum_to_one_and_keep_their_support",
    ),
    in_replay(
        "hunt: the witness loses its constraints",
        "replace(instance, constraints=constraints, name=name)",
        "replace(instance, name=name)",
        TEST + "test_the_witness_is_replayed_exactly",
    ),
    in_replay(
        "hunt: the worst witness is kept",
        "score_of(verdict) > score_of(best[1]) * WORTH",
        "score_of(verdict) < score_of(best[1]) * WORTH",
        TEST + "test_longer_numbers_must_pay",
    ),
    in_run(
        "hunt: the seed is ignored",
        "np.random.default_rng(seed)",
        "np.random.default_rng(0)",
        TEST + "test_seeds_reproduce",
    ),
    in_run(
        "hunt: an interruption loses the best",
        "        interrupted = True\n        best = _better(best, search)\n",
        "        interrupted = True\n"
        "        best = best or replay(Search(chosen, space, search.weights, drop))\n",
        TEST + "test_an_interruption_keeps_the_best",
    ),
    in_run(
        "hunt: stops after one round",
        "if clock.share >= 1:",
        "if clock.share >= 0:",
        TEST + "test_a_search_that_rests_starts_again",
    ),
    in_budget(
        "hunt: minutes are seconds",
        '"m": 60.0',
        '"m": 1.0',
        TEST + "test_budgets",
    ),
    in_page(
        "hunt: ratios are rounded up",
        "cut = math.floor(ratio * scale)",
        "cut = math.ceil(ratio * scale)",
        TEST + "test_ratios_are_cut_off_not_rounded",
    ),
    in_page(
        "hunt: the text below the table is lost",
        "{END}{after}",
        "{END}",
        TEST + "test_hunt_all_fills_the_page",
    ),
    in_command(
        "hunt: a dropped hypothesis gives exit 1",
        "found.is_violated and drop is None",
        "found.is_violated",
        TEST + "test_exit_codes",
    ),
)
