"""The account of a response: what every token spent, what it was allowed, and why it was dropped.

Source: arXiv:2606.10968v2, Algorithm 1 and Figure 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import schedules
from .batch import TokenBatch
from .decision import Decision
from .measures import Divergence, kl, tv, weighted
from .named import Rule
from .registry import rule
from .scans import running_sum, select

Array = Any


@dataclass(frozen=True, eq=False)
class Ledger:
    """One number per token, each in the form of the batch; sums run over the valid tokens.

    Parameters
    ----------
    divergence : array
        D_t, in [0, 1] (TV) or nats (KL).
    weight : array
        w_t.
    weighted : array
        Z_t = w_t D_t.
    cum_divergence, cum_weights : array
        S_t = sum_{j<=t} w_j D_j and W_t = sum_{j<=t} w_j.
    excess : array
        X_t = sum_{j<=t} w_j (D_j - delta_b); -inf without a budget.
    threshold : array
        c_t = min(delta, delta + delta_b W_{t-1} - S_{t-1}) = delta - max(0, X_{t-1}); inf without any.
    toward : bool array
        Whether the step moves pi towards mu at the sampled token (ties and A = 0 included).
    delta_b : array
        Budget per token in force; inf without a budget.
    reason : int array
        See `REASON_NAMES`.
    """

    divergence: Array
    weight: Array
    weighted: Array
    cum_divergence: Array
    cum_weights: Array
    excess: Array
    threshold: Array
    toward: Array
    delta_b: Array
    reason: Array


def ledger(  # noqa: PLR0913 - those of the rule that is explained
    b: TokenBatch,
    decision: Decision,
    delta: float = float("inf"),
    delta_b: float = float("inf"),
    w_min: float = 1.0,
    *,
    weights: schedules.Schedule = schedules.uniform,
    budget: schedules.Budget = schedules.fixed,
    divergence: Divergence = tv,
) -> Ledger:
    """The ledger of a batch under a threshold, a budget and weights; parameters as in `cppo`.

    Source: arXiv:2606.10968v2, Algorithm 1.
    """
    xp = b.xp
    d, w = b.spread(divergence(b)), b.spread(weights(b, w_min))
    spent, per_token = weighted(b, w, d), b.spread(budget(b, delta_b, d))
    bounded = per_token < xp.inf  # else the excess is -inf, without the inf - inf of an infinite KL
    step = xp.where(bounded, spent - w * xp.where(bounded, per_token, 0.0), -xp.inf)
    drift = b.before(step)
    columns = {
        "divergence": d,
        "weight": w,
        "weighted": spent,
        "cum_divergence": running_sum(xp, select(xp, b.mask, spent)),
        "cum_weights": running_sum(xp, select(xp, b.mask, w)),
        "excess": drift + select(xp, b.mask, step),
        "threshold": delta - xp.clip(drift, min=0.0),
        "toward": b.toward,
        "delta_b": per_token,
        "reason": decision.rows_reason,
    }
    return Ledger(**{name: b.tokens(x) for name, x in columns.items()})


def explain(chosen: str | Callable[..., Any], b: TokenBatch, **given: Any) -> tuple[Decision, Ledger]:
    """What a rule decides on a batch, and the ledger under the parameters of that rule, or of its base.

    A rule without token divergences (its parameters hold no ``divergence``) has neither threshold nor
    budget there: its ledger shows D_t with weight 1, the KL of a rule that always judges that.

    Raises
    ------
    ValueError
        As `Rule.with_parameters`.
    """
    found = rule(chosen)
    decision = found.with_parameters(**given)(b)
    inner, of_rule = _innermost(found, given)
    if "divergence" not in inner.parameters:
        return decision, ledger(b, decision, divergence=kl if found.judges_kl else tv)
    names = ("delta", "delta_b", "w_min", "weights", "budget", "divergence")
    return decision, ledger(b, decision, **{name: of_rule[name] for name in names if name in of_rule})


def _innermost(found: Rule, given: dict[str, Any]) -> tuple[Rule, dict[str, Any]]:
    """The rule whose thresholds a composed rule applies to tokens, and its parameters."""
    of_rule = {name: p.default for name, p in found.parameters.items() if not p.required} | given
    base = of_rule.get("base")
    if base is None:
        return found, of_rule
    if isinstance(base, partial):
        return _innermost(rule(base.func), base.keywords)
    return _innermost(rule(base), {})
