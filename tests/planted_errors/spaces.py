"""Errors in `cppo_theory/spaces.py`."""

from tests.planted import Planted, planted_in

SPACES, BAD = "tests/test_spaces.py::", "tests/test_spaces_input.py::test_bad_values_are_located"
LOOPS = SPACES + "test_passes_are_the_literal_loops"
REPEATED = SPACES + "test_a_repeated_and_an_impossible_successor"
SHARED = SPACES + "test_levels_that_share_a_table"

error = planted_in("cppo_theory/spaces.py")

ERRORS: tuple[Planted, ...] = (
    error(
        "tree: children in columns",
        "flow.reshape(*flow.shape[:-2], -1)\n\n    push_max = push",
        "flow.swapaxes(-1, -2).reshape(*flow.shape[:-2], -1)\n\n    push_max = push",
        LOOPS,
    ),
    error(
        "tree: no step reward",
        "return pulled if reward is None else pulled + reward\n\n    pull_max = pull\n\n    def ended",
        "return pulled\n\n    pull_max = pull\n\n    def ended",
        LOOPS,
    ),
    error(
        "tree: V^(t+1) states", "self.actions**t for t", "self.actions**(t + 1) for t", SPACES + "test_sizes"
    ),
    error(
        "tree: prompts dropped from the sizes",
        "self.prompts * self.actions**t",
        "self.actions**t",
        SPACES + "test_sizes",
    ),
    error(
        "tree: one level fewer",
        "for t in range(self.horizon + 1))\n\n    def push",
        "for t in range(self.horizon))\n\n    def push",
        SPACES + "test_sizes",
    ),
    error(
        "tree: only the last token ends",
        "(ended[:, None] | is_end)",
        "(ended[:, None] & is_end | is_end)",
        SPACES + "test_ended_prefixes",
    ),
    error("tree: a token beyond V - 1", "0 <= token < self.actions", "0 <= token <= self.actions", BAD),
    error("scatter: edges not sorted", "edges[..., self.order]", "edges", LOOPS),
    error(
        "scatter: no edge counts as 1",
        "reshape(*flow.shape[:-2], -1), 0)",
        "reshape(*flow.shape[:-2], -1), 1)",
        SPACES + "test_levels_of_their_own",
    ),
    error(
        "automaton: sum for max",
        "(np.maximum, score.reshape(*score.shape[:-2], -1), NO_PATH)",
        "(np.add, score.reshape(*score.shape[:-2], -1), NO_PATH)",
        LOOPS,
    ),
    error(
        "automaton: unreached is 0",
        "score.reshape(*score.shape[:-2], -1), NO_PATH)",
        "score.reshape(*score.shape[:-2], -1), 0)",
        SPACES + "test_levels_of_their_own",
    ),
    error(
        "automaton: always the first table",
        "return self.next[0 if self.stationary else t]",
        "return self.next[0]",
        SPACES + "test_levels_of_their_own",
    ),
    error(
        "automaton: one scatter for all sizes",
        "key = id(self.table(t)), self.sizes[t + 1]",
        "key = id(self.table(t)), 0",
        SHARED,
    ),
    error(
        "kernel: always the first table",
        "key = 0 if self.stationary else t\n        return self.next[key], self.prob[key]",
        "key = 0\n        return self.next[key], self.prob[key]",
        LOOPS,
    ),
    error(
        "kernel: one scatter for all probabilities",
        "key = id(successors), id(prob), ",
        "key = id(successors), 0, ",
        SHARED,
    ),
    error(
        "kernel: impossible successors are edges",
        "np.flatnonzero(prob.ravel() > 0)",
        "np.flatnonzero(prob.ravel() >= 0)",
        REPEATED,
    ),
    error(
        "kernel: push without chances",
        "flow[..., None] * self.table(t)[1]",
        "flow[..., None] * (1 + 0 * self.table(t)[1])",
        REPEATED,
    ),
    error("kernel: score of another edge", "[..., edges // branches]", "[..., edges % branches]", REPEATED),
    error(
        "kernel: sum for max",
        "(np.maximum, score.reshape(*score.shape[:-2], -1)[",
        "(np.add, score.reshape(*score.shape[:-2], -1)[",
        REPEATED,
    ),
    error(
        "kernel: mean without step reward",
        "dot(arriving if reward is None else arriving + reward, prob)",
        "dot(arriving, prob)",
        LOOPS,
    ),
    error(
        "kernel: sum over successors",
        "dot(arriving if reward is None else arriving + reward, prob)",
        "dot(arriving if reward is None else arriving + reward, 1 + 0 * prob)",
        REPEATED,
    ),
    error(
        "kernel: max over impossible successors",
        "np.where(prob > 0, arriving, NO_PATH).max",
        "np.where(prob >= 0, arriving, NO_PATH).max",
        REPEATED,
    ),
    error(
        "kernel: max without step reward",
        "arriving = arriving + reward\n",
        "arriving = arriving + 0 * reward\n",
        LOOPS,
    ),
    error(
        "kernel: min for max",
        "np.where(prob > 0, arriving, NO_PATH).max(-1)",
        "np.where(prob > 0, arriving, -NO_PATH).min(-1)",
        REPEATED,
    ),
    error("successor n_t accepted", "(table >= sizes[t + 1])", "(table > sizes[t + 1])", BAD),
    error(
        "negative successor accepted", "(table < 0) | (table >= sizes[t + 1])", "(table >= sizes[t + 1])", BAD
    ),
    error(
        "final states one fewer",
        "int(tables[-1].max()) + 1 if",
        "int(tables[-1].max()) if",
        SPACES + "test_levels_of_their_own",
    ),
    error(
        "levels not counted",
        "if not stationary and len(out) != horizon",
        "if not stationary and len(out) > horizon",
        BAD,
    ),
    error("rows of a kernel not checked", "        check_rows(place, array)\n", "", BAD),
    error(
        "shape of prob not checked",
        "if array.shape != successors.shape",
        "if array.ndim != successors.ndim",
        BAD,
    ),
)
