"""Errors in the compiled passes (their kernels run as plain Python here) and in what long horizons need."""

from tests.planted import Planted, planted_in

FAST, LONG, DRAWN = (
    "tests/test_fast.py::",
    "tests/test_long_horizons.py::",
    "tests/tasks/test_drawn_tokens.py::",
)
RANDOM, RUNS = FAST + "test_random_automata", FAST + "test_a_run_ends_where_one_table_changes"
RARE = FAST + "test_an_underflowing_occupancy_stays_reachable"
MEMORY = LONG + "test_a_level_of_a_stationary_policy_costs_no_states"

in_fast = planted_in("cppo_theory/fast.py")
in_sampling = planted_in("cppo_theory/tasks/sampling.py")

ERRORS: tuple[Planted, ...] = (
    in_fast("fast: surrogate without this position", "surrogate + drift_q, gain", "surrogate, gain", RANDOM),
    in_fast("fast: gain carried by mu", "gain += p * child[GAIN]", "gain += m * child[GAIN]", RANDOM),
    in_fast("fast: residual of the other sign", "residual - drift_gain", "residual + drift_gain", RANDOM),
    in_fast("fast: overlap of pi", "(m if m < p else p) * child", "p * child", RANDOM),
    in_fast("fast: |pi - mu| for D", "drift if drift > 0.0 else 0.0", "abs(drift)", RANDOM),
    in_fast(
        "fast: total_tv without this position",
        "total_tv = constants[s, TOTAL_TV]",
        "total_tv = 0.0 * constants[s, TOTAL_TV]",
        RANDOM,
    ),
    in_fast(
        "fast: step rewards only in the value",
        "out[s, SURROGATE] += (pi[s, a] - mu[s, a]) * step_reward[s, a]",
        "out[s, SURROGATE] += 0.0",
        RANDOM,
    ),
    in_fast("fast: values of one level before", "below, out, spare = out", "below, out, spare = below", RUNS),
    in_fast("fast: value_pi is that of mu", 'roots["value_mu"] + roots["gain"]', 'roots["value_mu"]', RANDOM),
    in_fast("fast: runs by mu alone", "id(instance.pi[t]), steps", "0, steps", RUNS),
    in_fast("fast: runs by policies alone", "return id(space.table(t)), id", "return 0, id", RUNS),
    in_fast("fast: runs without step rewards", "id(instance.pi[t]), steps", "id(instance.pi[t]), 0", RUNS),
    in_fast(
        "fast: reachable by mass",
        "if worst > NO_PATH:",
        "if mass > 0.0:",
        RARE,
    ),
    in_fast("fast: actions that mu never takes", "if mu[s, a] > 0.0:", "if mu[s, a] >= 0.0:", RARE),
    in_fast(
        "fast: weights of the level before", "weights[level] * tv[s]", "weights[level - 1] * tv[s]", RUNS
    ),
    planted_in("cppo_theory/arithmetic.py")(
        "full: always float64",
        "np.full(shape, float(value), dtype=np.result_type(like.dtype, np.float64))",
        "np.full(shape, float(value))",
        LONG + "test_constants_are_as_wide_as_what_they_are_like",
    ),
    planted_in("cppo_theory/spaces.py")(
        "automaton: room of another shape",
        " and (room.shape, room.dtype) == (value.shape[:-1] + table.shape, value.dtype)",
        "",
        "tests/test_recursions.py::test_floats_agree_with_fractions",
    ),
    planted_in("cppo_theory/evaluation.py")(
        "kept: a table for every level", "[made[id(x), id(y)] for", "[divergence(x, y) for", MEMORY
    ),
    planted_in("cppo_theory/claims/total_variation.py")(
        "b11-coupling: the first block only",
        "range(0, mu.shape[-2], COUPLED)",
        "range(0, COUPLED, COUPLED)",
        LONG + "test_couplings_in_blocks",
    ),
    planted_in("cppo_theory/claims/total_variation.py")(
        "b11-coupling: every row at once",
        "COUPLED = 128",
        "COUPLED = 10**9",
        LONG + "test_memory_is_a_few_tables",
    ),
    in_sampling(
        "bisection: below, not at most",
        "<= drawn)",
        "< drawn)",
        DRAWN + "test_a_number_on_a_step_draws_the_next_token",
    ),
    in_sampling(
        "bisection: one entry further",
        "place + (half - 1)",
        "place + half",
        DRAWN + "test_bisection_is_counting",
    ),
    in_sampling(
        "bisection: rounded down to a power",
        "(actions - 1).bit_length()",
        "actions.bit_length() - 1",
        DRAWN + "test_bisection_is_counting",
    ),
)
