"""What a rule answers: the coefficient g_t of every token, whether it is kept, and why not.

g_t multiplies A_t grad log pi(y_t|s_t) in the ascent direction, before any aggregation over tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .scans import select, whole

Array = Any

KEPT, TOKEN, BUDGET, SEQUENCE, CLIP, HOLE = range(6)
"""Codes of a reason: kept, token threshold, prefix budget, sequence, ratio clip, no valid token."""

REASONS = {"token": TOKEN, "budget": BUDGET, "sequence": SEQUENCE, "clip": CLIP}
"""The names of conditions that a rule may give, and the reason of a token that fails one."""

REASON_NAMES = ("kept", "token", "budget", "sequence", "clip", "hole")


@dataclass(frozen=True, eq=False)
class Decision:
    """Coefficients, keep flags and reasons; `g`, `keep`, `reason`, `gate` have the form of the batch.

    Parameters
    ----------
    batch : TokenBatch
    rows_g, rows_keep, rows_reason : array (B, T)
        The same in the padded form: 0, False and `HOLE` where there is no token.
    rows_gate : array (B, T)
        Share of the coefficient that the rule leaves: 0 or 1 of a hard rule, between of a soft one.
    """

    batch: Any
    rows_g: Array
    rows_keep: Array
    rows_reason: Array
    rows_gate: Array | None = None

    @property
    def g(self) -> Array:
        return self.batch.tokens(self.rows_g)

    @property
    def keep(self) -> Array:
        return self.batch.tokens(self.rows_keep)

    @property
    def reason(self) -> Array:
        return self.batch.tokens(self.rows_reason)

    @property
    def gate(self) -> Array:
        return self.batch.tokens(self.whole_gate)

    @property
    def whole_gate(self) -> Array:
        """`gate` in the padded form."""
        if self.rows_gate is None:
            return self.batch.xp.astype(self.rows_keep, self.rows_g.dtype, copy=False)
        return self.rows_gate

    def times(self, weight: Array) -> Decision:
        """The same decision with every coefficient multiplied; weights of dropped tokens do not matter."""
        xp = self.batch.xp
        product = select(xp, self.rows_keep, self.rows_g * xp.astype(weight, self.rows_g.dtype, copy=False))
        return Decision(self.batch, product, self.rows_keep, self.rows_reason, self.rows_gate)


def decide(b: Any, g: Any, gate: Array | None, conditions: dict[str, Array]) -> Decision:
    """Keep the tokens that meet all conditions; the first that fails is the reason.

    ``g`` is an array, or the decision of a base rule, whose own conditions come last.  Selection is by
    `select`, never by multiplication: inf times 0 cannot occur.
    """
    unknown = [name for name in conditions if name not in REASONS]
    if unknown:
        raise TypeError(f"keep: condition {unknown[0]!r} is unknown; known are {', '.join(REASONS)}")
    xp = b.xp
    base = g if isinstance(g, Decision) else None
    alive = b.mask
    if base is None:
        g = xp.astype(b.array(g), b.log_ratio.dtype, copy=False)
    reason = xp.zeros_like(alive, dtype=xp.int8) if b.full else xp.astype(~alive, xp.int8) * HOLE
    for name, condition in conditions.items():
        condition = whole(xp, condition, alive.shape)  # noqa: PLW2901 - NumPy is slow on (R, 1) flags
        failed = alive & ~condition
        reason = reason + xp.astype(failed, xp.int8) * REASONS[name]
        alive = alive & condition
    if base is not None:
        reason = reason + base.rows_reason * xp.astype(alive, xp.int8)
        alive, g = alive & base.rows_keep, base.rows_g
    if gate is not None:
        gate = xp.astype(gate, g.dtype, copy=False)
        g = g * gate
    left = gate if base is None else base.rows_gate
    keeps_all = b.full and base is None and not conditions
    if left is not None:
        left = b.spread(left) if keeps_all else select(xp, alive, b.spread(left))
    if keeps_all and gate is None:
        return Decision(b, b.spread(g), alive, reason)
    counted = alive
    if gate is not None:
        counted = gate != 0 if keeps_all else alive & (gate != 0)
    return Decision(b, select(xp, counted, b.spread(g)), alive, reason, left)
