"""Errors in the Gymnasium environments."""

from tests.planted import Planted, planted_in

ENVS = "tests/test_envs.py::"
BY_HAND, FULL_LENGTH, AUTOMATON, NEXT_STEP, ONE_BY_ONE, CHANCE, OUTSIDE = (
    ENVS + f"test_{name}"
    for name in (
        "terminated_and_truncated_by_hand_where_responses_end",
        "terminated_by_hand_where_responses_have_full_length",
        "responses_follow_the_automaton",
        "next_step_reset_by_hand",
        "batches_are_responses_one_by_one",
        "mean_return_of_a_batch_is_the_exact_value",
        "batches_of_actions_outside_the_space",
    )
)
DRAWN, SEED = (
    ENVS + "test_prompts_are_drawn_by_their_law_and_again_at_every_reset",
    ENVS + "test_a_seed_fixes_the_prompts",
)

world, single, batch = (planted_in(f"cppo_theory/envs/{part}.py") for part in ("world", "single", "batch"))

PAID = "np.where(terminated | truncated, self._reward[state], 0.0)"
LAST = "last = position + 1 == self.task.horizon"

ERRORS: tuple[Planted, ...] = (
    world("envs: one token more than the horizon", LAST, LAST.replace(" + 1", ""), FULL_LENGTH),
    world(
        "envs: truncated also where the response is over",
        "last & np.logical_not(terminated)",
        "last",
        BY_HAND,
    ),
    world("envs: full length is a truncation", "(last & self._never_over)", "False", FULL_LENGTH),
    world("envs: the horizon always terminates", "(last & self._never_over)", "last", BY_HAND),
    world("envs: paid in every step", PAID, "self._reward[state]", AUTOMATON),
    world("envs: paid at the horizon only", PAID, PAID.replace("terminated | truncated", "last"), BY_HAND),
    world(
        "envs: a response cut off is not paid",
        PAID,
        PAID.replace(" | truncated", ""),
        ENVS + "test_a_response_cut_off_earns_the_reward_of_its_state",
    ),
    world(
        "envs: the table of the first level", "self._which[position]", "self._which[0 * position]", AUTOMATON
    ),
    batch(
        "envs: the ignored action is written",
        "fresh = self._terminated | self._truncated\n        writing = np.logical_not(fresh)",
        "fresh = self._terminated | self._truncated\n        writing = np.ones_like(fresh)",
        NEXT_STEP,
    ),
    batch(
        "envs: only what terminated begins anew",
        "fresh = self._terminated | self._truncated",
        "fresh = self._terminated",
        NEXT_STEP,
    ),
    batch("envs: the old reward stays", "self._rewards[where] = 0.0", "pass", CHANCE),
    batch(
        "envs: a new response keeps its prompt",
        "self._prompts[where] = self._world.ask(",
        "self._prompts[where] += 0 * self._world.ask(",
        DRAWN,
    ),
    world("envs: one draw for all", "rng.random(count)", "np.full(count, rng.random())", DRAWN),
    batch(
        "envs: results share memory",
        "self._rewards.copy()",
        "self._rewards",
        ENVS + "test_results_are_not_changed_by_later_steps",
    ),
    world("envs: V is an action", "(array >= below)", "(array > below)", OUTSIDE),
    single(
        "envs: steps after the end",
        "self._prompt is None or self._end:",
        "self._prompt is None:",
        ENVS + "test_a_step_after_the_end",
    ),
    single(
        "envs: unseeded prompts",
        "self._world.ask(1, self.np_random, options)",
        "self._world.ask(1, np.random.default_rng(), options)",
        SEED,
    ),
    world(
        "envs: frames of another prompt",
        "self.questions[prompt]}",
        "self.questions[-1]}",
        ENVS + "test_frames_by_hand",
    ),
    batch(
        "envs: frames of empty tokens",
        "            self._tokens[at, positions] = tokens",
        "            pass",
        ONE_BY_ONE,
    ),
)
