"""Errors in the tasks, their sampler, their gradients, and in policies and trees of tasks."""

from collections.abc import Callable

from tests.planted import Planted, planted_in

FOLDER = "tests/tasks/test_"
VERIFIED = FOLDER + "verifiers.py::test_reward_and_length_of_every_response"
STAYS = FOLDER + "definitions.py::test_a_response_that_is_over_stays_over"
SPREAD = FOLDER + "definitions.py::test_the_difficulty_of_a_random_automaton_does_not_depend_on_t"
IDLE = FOLDER + "definitions.py::test_no_state_is_idle"
SAME, STATES = (
    FOLDER + f"unroll.py::test_{name}"
    for name in ("the_tree_has_the_same_values", "a_prefix_has_the_values_of_its_state")
)
STEPS, LAST, SHARED = (
    FOLDER + f"unroll.py::test_{name}"
    for name in (
        "step_rewards_and_constraints_stay",
        "the_memory_holds_the_last_tokens",
        "tables_are_shared_with_a_memory",
    )
)
DRAWN, FREQUENT, FIXED, IMPOSSIBLE, LOGS = (
    FOLDER + f"sampling.py::test_{name}"
    for name in (
        "every_response_is_verified",
        "frequencies_are_the_exact_probabilities",
        "a_generator_fixes_the_responses",
        "rounding_draws_no_impossible_token",
        "log_probability",
    )
)
COMMON = FOLDER + "sampling.py::test_policies_share_the_randomness_of_equal_generators"
SLOPE, UPHILL = (
    FOLDER + f"training.py::test_{name}"
    for name in ("the_gradient_is_the_slope_of_the_value", "ascent_increases_the_value")
)
PADDED = FOLDER + "padding.py::test_policies_do_not_differ_after_the_end"
BAD, LARGE, SHAPE = (
    FOLDER + f"bad_input.py::test_{name}"
    for name in (
        "impossible_parameters",
        "machines_that_would_not_fit_are_not_built",
        "policies_of_the_wrong_shape",
    )
)
ROWS, LEVELS = (
    FOLDER + f"padding.py::test_{name}"
    for name in ("marked_rows_are_certain", "levels_share_what_they_shared")
)


def task_file(name: str, *tests: str) -> Callable[..., Planted]:
    return planted_in(f"cppo_theory/tasks/{name}.py", *tests)


spelling, brackets, commitment, stopping, needle, group, residue = (
    task_file(name, VERIFIED)
    for name in (
        "spelling",
        "brackets",
        "commitment",
        "stopping",
        "needle",
        "state_tracking",
        "modular_sum",
    )
)
addition, machine = task_file("addition", VERIFIED), task_file("random_automaton", SPREAD)
memory, sampler, training, base = (task_file(name) for name in ("memory", "sampling", "training", "task"))
policy, trees = planted_in("cppo_theory/policy.py"), planted_in("cppo_theory/trees.py", SAME)

DEFINITIONS = (
    spelling("password: a mistake is forgotten", "wrong = m if partial else FAILED", "wrong = m"),
    spelling(
        "password: a right token more",
        "Fraction(max(m, 0), length) if",
        "Fraction(max(m, 0) + 1, length + 1) if",
    ),
    spelling(
        "password: partial without the mistakes", "after(p, k + 1, m + 1)", "after(p, k + 1, k + 1)", STAYS
    ),
    spelling("addition: the end token does not end", "if end is not None:", "if False:"),
    spelling("password: over one token early", "[k == self.length for", "[k >= self.length - 1 for"),
    addition("addition: no carry", "divmod(a + b + carry, base)", "divmod(a + b, base)"),
    addition("addition: highest digit first", "y.tolist(), base), base]", "y.tolist(), base)[::-1], base]"),
    addition("addition: prompts read backwards", "in reversed(number)", "in number"),
    brackets("brackets: kinds need not fit", "if stack and stack[-1] == kind:", "if stack:"),
    brackets(
        "brackets: closed without the end token",
        "exact_rewards([int(i == done)",
        "exact_rewards([int(i in (0, done))",
    ),
    brackets("brackets: one level deeper fails late", "if len(stack) < depth:", "if len(stack) < depth - 1:"),
    brackets(
        "brackets: the end token always pays",
        "next_[index[()], end] = done",
        "next_[: len(stacks), end] = done",
    ),
    commitment("commitment: the choice is free", "c, c == which, 0]", "c, c < prompts, 0]"),
    commitment("commitment: one token of the code is enough", "elif k + 1 < length:", "elif k + 2 < length:"),
    stopping(
        "stopping: no thinking after the code", "for k in range(length + 1):", "for k in range(length):"
    ),
    stopping("stopping: thinking is an error", "next_[first + k, think] = first + k", "pass"),
    stopping(
        "stopping: the end token pays early",
        "next_[first + length, end] = done",
        "next_[first : first + length + 1, end] = done",
    ),
    needle("needle: one position later", "t + 1 == place", "t == place"),
    needle("needle: everything hits", "decide[:prompts] = missed", "decide[:prompts] = hit"),
    group("state-tracking: the other order", "compose(left, inverse(e))", "compose(inverse(e), left)"),
    group("state-tracking: tokens are not undone", "compose(left, inverse(e))", "compose(left, e)"),
    residue(
        "modular-sum: digits are added to what is missing", "missing[:, None] - np", "missing[:, None] + np"
    ),
    machine(
        "random-automaton: actions do not permute",
        "rng.permuted(ordered, axis=1)",
        "rng.integers(0, states, (count, states, actions))",
    ),
    machine(
        "random-automaton: one table for all levels",
        "1 if stationary else horizon",
        "1",
        FOLDER + "definitions.py::test_stationary_tasks_have_one_table",
    ),
    commitment(
        "commitment: idle states",
        "c, True, k) for c in range(prompts)",
        "c, True, k) for c in range(actions)",
        IDLE,
    ),
)

POLICIES = (
    base(
        "tasks: policies go on after the end",
        "with_rows(self.tables(policy, field), self.ended, self.padding)",
        "self.tables(policy, field)",
        PADDED,
    ),
    base(
        "tasks: padding by the first token",
        "return self.actions - 1",
        "return 0",
        FOLDER + "definitions.py::test_words",
    ),
    base(
        "tasks: the states of a policy are not counted",
        "if shape[-2:] != needed:",
        "if shape[-1] != needed[-1]:",
        SHAPE,
    ),
    base("tasks: the horizon is unbounded", "least_horizon, MAX_HORIZON)", "least_horizon, 10**9)", BAD),
    base("tasks: states are not counted by level", "states > MAX_STATES or entries", "entries", LARGE),
    policy(
        "with_rows: the policy given is changed",
        "changed = table.copy() if marked.any() else table",
        "changed = table",
        ROWS,
    ),
    policy("with_rows: marks are not looked at", "key = id(table), id(marked)", "key = id(table), 0", LEVELS),
    policy(
        "with_rows: floats among Fractions",
        "changed[..., marked, :] = zero(table)",
        "changed[..., marked, :] = 0.0",
        ROWS,
    ),
    trees(
        "unroll: the law of all states",
        "initial = instance.initial[states]\n",
        "initial = instance.initial[: len(states)]\n",
    ),
    trees(
        "unroll: rewards of the prompts' order",
        "reward = instance.reward[states]",
        "reward = instance.reward[np.sort(states)]",
        STATES,
    ),
    trees(
        "unroll: the machine of the first level",
        "space.table(t)[states].ravel()",
        "space.table(0)[states].ravel()",
    ),
    trees("unroll: constraints are lost", "constraints=instance.constraints, name", "name", STEPS),
    trees("unroll: step rewards are lost", 'steps = tables["step_reward"] or None', "steps = None", STEPS),
    memory(
        "memory: the oldest token stays",
        "[:, None] * base + np.arange(task.actions)) % memories",
        "[:, None] // base + np.arange(task.actions) * (memories // base))",
        LAST,
    ),
    memory("memory: starts full of token 0", "empty = memories - 1", "empty = 0", LAST),
    memory("memory: read backwards", "in reversed(range(memory))", "in range(memory)", LAST),
    memory("memory: one table per level", "if id(table) not in made:", "if True:", SHARED),
)

RESPONSES = (
    sampler("sample: no late tokens", "width // 2", "width // 4", FREQUENT),
    sampler(
        "sample: one draw for all responses",
        "drawn = rng.random(count)",
        "drawn = np.full(count, rng.random())",
        FREQUENT,
    ),
    sampler("sample: states one level late", "now = states[t]", "now = states[max(t - 1, 0)]", DRAWN),
    sampler(
        "sample: every prompt is the first",
        'np.searchsorted(start, rng.random(count), side="right")',
        "int(np.argmax(task.initial > 0)) + 0 * rng.random(count).astype(int)",
        DRAWN,
    ),
    sampler(
        "sample: an own generator",
        "drawn = rng.random(count)",
        "drawn = np.random.default_rng().random(count)",
        FIXED,
    ),
    sampler(
        "sample: rounding draws the last token",
        ">= last, 2.0, sums)",
        ">= table.shape[-1] - 1, 2.0, sums)",
        IMPOSSIBLE,
    ),
    sampler(
        "sample: the length counts the padding",
        "length += np.logical_not(task.ended[t])[now]",
        "length += 1",
        DRAWN,
    ),
    sampler(
        "sample: the table of the first level",
        "self.last is None or self.last[0] is not table",
        "self.last is None",
        COMMON,
    ),
    sampler(
        "log-probability: padding counts",
        "np.where(inside[:, t], np.log(chosen), 0.0)",
        "np.log(chosen)",
        LOGS,
    ),
    sampler(
        "log-probability: the last token is left out",
        "np.arange(len(policy)) < responses",
        "1 + np.arange(len(policy)) < responses",
        LOGS,
    ),
    training(
        "gradient: no baseline",
        "advantage = q - (instance.mu[t] * q).sum(-1, keepdims=True)",
        "advantage = q",
        SLOPE,
    ),
    training("gradient: values one level late", '*kept["value_mu"][1:]', '*kept["value_mu"][:-1]', SLOPE),
    training("gradient: states are equally likely", "inside = law * np", "inside = law**0 * np", SLOPE),
    training("gradient: the last level for all", "parts[0] = parts[0] + part", "parts[0] = part", SLOPE),
    training(
        "gradient: probabilities squared",
        "instance.mu[t] * advantage",
        "instance.mu[t] ** 2 * advantage",
        SLOPE,
    ),
    training("ascend: downhill", "+ rate * slope", "- rate * slope", UPHILL),
)

ERRORS: tuple[Planted, ...] = (*DEFINITIONS, *POLICIES, *RESPONSES)
