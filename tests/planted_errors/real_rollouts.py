"""Errors that the rollouts of a real model must show: in the sources, the budget, the forms of a batch."""

from tests.planted import Planted, planted_in

REAL = "tests/test_real_rollouts.py::"
ON_EVERY_SOURCE = REAL + "test_cppo_is_algorithm_1_on_every_source"
SAME_BITS = REAL + "test_packed_padded_and_streamed_responses_give_the_same_bits"
C_TOPK, C_EXACT = "[C-compare-bf16-topk]", "[C-compare-bf16-exact]"
A_BINARY = "[A-compare-stale16-first16-binary]"

in_sources = planted_in("cppo_theory/rules/sources.py")
in_batching = planted_in("cppo_theory/rollouts/batching.py")
in_schedules = planted_in("cppo_theory/schedules.py")
in_prefix = planted_in("cppo_theory/rules/prefix.py")
in_layout = planted_in("cppo_theory/rules/layout.py")

ERRORS: tuple[Planted, ...] = (
    in_sources(
        "real: the sampled token counts twice in Top-K",
        "own = xp.where(self.listed, -xp.inf, b.widened(sampled))",
        "own = b.widened(sampled)",
        ON_EVERY_SOURCE + C_TOPK,
    ),
    in_batching(
        "real: the sampled token is never listed",
        "[[token in ids for",
        "[[token not in ids for",
        ON_EVERY_SOURCE + C_TOPK,
    ),
    in_batching(
        "real: exact divergences are not used",
        'return Measured(rows.get("exact.tv"), rows.get("exact.kl_mu_pi"))',
        "return Binary()",
        ON_EVERY_SOURCE + C_EXACT,
    ),
    in_sources(
        "real: half of Binary-TV",
        "return b.xp.abs(b.prob - b.prob_rollout)",
        "return b.xp.abs(b.prob - b.prob_rollout) / 2",
        ON_EVERY_SOURCE + A_BINARY,
    ),
    in_prefix(
        "real: the budget without weights",
        "drift = b.before(spent - w * per_token)",
        "drift = b.before(spent - per_token)",
        ON_EVERY_SOURCE + C_EXACT,
    ),
    in_schedules(
        "real: weights over the padded width",
        "return b.position, xp.clip(b.length - 1, min=1.0)",
        "return b.position, xp.clip(xp.ones_like(b.length) * (b.shape[1] - 1), min=1.0)",
        SAME_BITS + C_EXACT,
    ),
    in_layout(
        "real: packed responses overlap",
        "starts = np.cumsum(counts) - counts",
        "starts = np.maximum(np.cumsum(counts) - counts - 1, 0)",
        SAME_BITS + C_EXACT,
    ),
)
