"""A trust-region rule on every response that mu can give: what the mask leaves of the violations of Eq. (5).

A response is a trajectory of positive mu-probability; a sampled token is a pair (response, t), t = 1..|y|,
and stands for the state s_t at which it was drawn.  With the weights w_t, thresholds c_t and budget delta_b
of `Constraints`, D_t = D(s_t), S_t = sum_{j<=t} w_j D_j and W_t = sum_{j<=t} w_j, a token violates

    token     w_t D_t > c_t                                       t = 1..T
    budget    S_t > delta_b W_t                                   t = 1..T-1 (D_t itself is in the sum)
    eq5       one of these: pi is outside Eq. (5)
    eq8       w_t D_t + max(S_{t-1} - delta_b W_{t-1}, 0) > c_t   the mask's own inequality as a constraint

Both sums run over all tokens and all of it depends on s_t alone.  A share weighs a token by the
mu-probability of its response and divides by E_mu |y|, masked tokens included:

    before      tokens that violate, whether masked or not: what Eq. (5) speaks of
    kept        those of them that the rule keeps: the gradient still acts there
    kept_sums   the same with D_t = 0 at the masked tokens (W_t still counts them): does what the rule keeps
                satisfy Eq. (5)?

so kept_sums <= kept <= before.  What the mask does not do: it zeroes gradients at sampled tokens and never
projects pi, so `before` is the same for every rule; it lets toward tokens, A (r - 1) <= 0, pass with any D;
it lets away tokens use the slack c_t - delta_b w_t between Eqs. (8) and (5); it judges pi before the step,
not after it; and on the first minibatch pi = mu, where it is inert.

Source: arXiv:2606.10968v2, Eqs. (3), (5), (8)-(10) and Algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, Number, as_numbers, full, is_exact, scalar, to_float
from cppo_theory.constraints import Constraints
from cppo_theory.errors import InputError
from cppo_theory.instance import Instance
from cppo_theory.recursions import fold_back
from cppo_theory.responses import Responses, enumerate_responses
from cppo_theory.rules import Measured, Rule, TokenBatch, cppo, dppo
from cppo_theory.rules import rule as rule_named

ADVANTAGES = ("centred", "group-relative")


@dataclass(frozen=True)
class Shares:
    """Shares of sampled tokens that violate; Fractions where mu is exact, in [0, 1].

    Attributes
    ----------
    token, budget, eq5, eq8 : number
        By the condition violated; see the module.  What the constraints do not prescribe is not violated.
    responses : number
        mu-probability of the responses with at least one such token of ``eq5``.
    """

    token: Number
    budget: Number
    eq5: Number
    eq8: Number
    responses: Number


@dataclass(frozen=True, eq=False)
class MaskedTree:
    """All responses of an instance and what a rule does to their tokens, N responses of T positions.

    Attributes
    ----------
    prompts : int array (N,)
        State of level 0 of each response; responses are in lexicographic order.
    tokens, states : int array (N, T)
        y_t, and the state of the instance's space at which it was drawn.
    mask : bool array (N, T)
        False after an end token.
    probability, returns : array (N,)
        Probability under mu, prompt (and successors of a kernel) included, and the return R.
    advantage, divergence : array (N, T)
        A_t, and D_t = TV(mu, pi) at the state.
    toward, keep : bool array (N, T)
    g, reason : array (N, T)
        The rule's coefficient of A_t grad log pi(y_t|s_t), and its code of `rules.REASON_NAMES`.
    constraints : Constraints
        Those of Eq. (5) that violations are counted against.
    before, kept, kept_sums : Shares
        See the module.
    """

    prompts: Array
    tokens: Array
    states: Array
    mask: Array
    probability: Array
    returns: Array
    advantage: Array
    divergence: Array
    toward: Array
    keep: Array
    g: Array
    reason: Array
    constraints: Constraints
    before: Shares
    kept: Shares
    kept_sums: Shares


def masked_tree(
    instance: Instance,
    rule: str | Callable[..., Any] = "cppo",
    parameters: Mapping[str, Any] | None = None,
    *,
    advantage: str | Array = "centred",
    constraints: Constraints | None = None,
    end: Collection[int] | None = None,
) -> MaskedTree:
    """Apply a rule to every response of an instance and count the violations of Eq. (5) that it leaves.

    Source: arXiv:2606.10968v2, Eq. (5) and Algorithm 1; the definitions are in the module's docstring.

    Parameters
    ----------
    instance : Instance
        On any space, with at most 2^16 responses of positive probability.
    rule : str or callable
        Name of a rule, ``module:function``, or a function of a `TokenBatch`.  Its divergences are the exact
        ones of the visited states.
    parameters : mapping, optional
        Parameters of the rule; Fractions are allowed.
    advantage : {"centred", "group-relative"} or array (N,) or (N, T)
        R - J(mu | prompt), or that over the standard deviation of R given the prompt (0 where R is
        constant), or numbers in the order of the responses.
    constraints : Constraints, optional
        Default: what `dppo` or `cppo` aims at with these parameters (weights of Eq. (9) over the horizon,
        c_t = delta, delta_b), else those of the instance.  None in them: not asked for.  D_t is TV here,
        whatever the rule measures.
    end : collection of int, optional
        Tokens that end a response; default: those of a tree, none on other spaces.

    Returns
    -------
    MaskedTree

    Raises
    ------
    InputError
        A batch of instances, too many responses, constraints that nothing prescribes, or an advantage of
        another shape.
    ValueError, TypeError
        An unknown rule, or a parameter that it has not.

    Notes
    -----
    Probabilities and shares are exact if the instance is; violations are decided exactly if the constraints
    are rational too, else in float64.  The rule decides in float64, as in training: exactly where no number
    is rounded (dyadic D, thresholds and weights), else up to ties.  `cppo` takes its weights over the length
    of each response, Eq. (5) over the horizon: one and the same only for responses of full length.
    """
    chosen, given = rule_named(rule), dict(parameters or {})
    constraints = _settled(constraints, chosen, given, instance)
    drawn = enumerate_responses(instance, end)
    a = _advantage(advantage, instance, drawn)
    batch = _batch(drawn, to_float(a)).validate()
    with np.errstate(over="ignore"):
        decided = chosen.with_parameters(**{name: _in_floats(x) for name, x in given.items()})(batch)
    kept_alone = np.where(decided.keep, drawn.tv, full((), 0, drawn.tv))
    violating = _violations(constraints, drawn.tv)
    return MaskedTree(
        prompts=drawn.prompts,
        tokens=drawn.tokens,
        states=drawn.states,
        mask=drawn.mask,
        probability=drawn.probability,
        returns=drawn.returns,
        advantage=a,
        divergence=drawn.tv,
        toward=np.broadcast_to(batch.toward, a.shape) & drawn.mask,
        keep=decided.keep,
        g=decided.g,
        reason=decided.reason,
        constraints=constraints,
        before=_shares(drawn, violating, drawn.mask),
        kept=_shares(drawn, violating, decided.keep),
        kept_sums=_shares(drawn, _violations(constraints, kept_alone), decided.keep),
    )


# --- what is asked for --------------------------------------------------------------------------------------


def _settled(
    constraints: Constraints | None, chosen: Rule, given: Mapping[str, Any], instance: Instance
) -> Constraints:
    """The constraints to count against, for this horizon."""
    settled = constraints or _prescribed(chosen, given, instance.horizon) or instance.constraints
    if settled is None:
        found = f"found none, and {chosen.name} with these parameters prescribes none"
        remedy = "give constraints=Constraints.schedule(horizon, delta, delta_b, w_min)"
        raise InputError("constraints", found, remedy)
    if settled.horizon != instance.horizon:
        found = f"found {settled.horizon} weights"
        remedy = f"the horizon {instance.horizon} needs {instance.horizon}"
        raise InputError("constraints.weights", found, remedy)
    return settled


def _prescribed(chosen: Rule, given: Mapping[str, Any], horizon: int) -> Constraints | None:
    """What DPPO or CPPO aims at, None of other rules, schedules, budgets and divergences."""
    if chosen.function not in (dppo, cppo) or {"weights", "budget", "divergence"} & set(given):
        return None
    numbers = {name: given.get(name, known.default) for name, known in chosen.parameters.items()}
    finite = {name: x for name, x in numbers.items() if x != np.inf}
    return Constraints.schedule(horizon, finite.get("delta"), finite.get("delta_b"), numbers.get("w_min", 1))


def _advantage(given: str | Array, instance: Instance, drawn: Responses) -> Array:
    """A_t of every token, (N, T)."""
    shape = drawn.mask.shape
    if not isinstance(given, str):
        array = as_numbers("advantage", given)
        if array.shape not in (shape, shape[:1]):
            remedy = f"{shape[0]} responses of {shape[1]} positions need shape {shape[:1]} or {shape}"
            raise InputError("advantage", f"found shape {array.shape}", remedy)
        return np.broadcast_to(array if array.ndim == 2 else array[:, None], shape)
    if given not in ADVANTAGES:
        raise InputError("advantage", f"found {given!r}", f"known are {', '.join(ADVANTAGES)}, or an array")
    prompts, returns = drawn.prompts, drawn.returns
    centred = returns - fold_back(instance, ("value_mu",))[0]["value_mu"][prompts]
    starts = np.flatnonzero(np.r_[True, prompts[1:] != prompts[:-1]])
    constant = np.maximum.reduceat(returns, starts) == np.minimum.reduceat(returns, starts)
    group = np.searchsorted(prompts[starts], prompts)
    if given == "group-relative":
        centred, law = to_float(centred), to_float(drawn.probability)
        variance = np.bincount(group, law * centred**2) / np.bincount(group, law)
        centred = centred / np.sqrt(np.where(constant, 1.0, variance))[group]
    # a constant return has advantage 0, not what rounding leaves of R - J
    centred = np.where(constant[group], full((), 0, centred), centred)
    return np.broadcast_to(centred[:, None], shape)


def _in_floats(parameter: Any) -> Any:
    return float(parameter) if isinstance(parameter, Fraction) else parameter


def _batch(drawn: Responses, advantage: Array) -> TokenBatch:
    return TokenBatch(
        drawn.logp_rollout,
        drawn.logp_current,
        advantage,
        drawn.mask,
        source=Measured(to_float(drawn.tv), drawn.kl, drawn.kl_reverse),
        holes=False,
    )


# --- shares -------------------------------------------------------------------------------------------------


def _shares(drawn: Responses, violating: tuple[Array, Array, Array], where: Array) -> Shares:
    """Shares of the tokens that violate and lie in ``where``."""
    probability, mask = drawn.probability, drawn.mask
    token, budget, eq8 = (flags & where & mask for flags in violating)
    eq5 = token | budget

    def mean(flags: Any) -> Any:
        """E_mu of the number of flags; counts as Python integers, which Fractions need."""
        counts = flags.sum(-1)
        return (probability * (counts.astype(object) if is_exact(probability) else counts)).sum()

    tokens = mean(mask)
    by_condition = [scalar(mean(flags) / tokens) for flags in (token, budget, eq5, eq8)]
    by_condition.append(scalar(mean(eq5.any(-1, keepdims=True))))
    return Shares(*by_condition)


def _violations(constraints: Constraints, divergence: Array) -> tuple[Array, Array, Array]:
    """Where token, budget and Eq. (8) are violated if D is ``divergence``, bool (N, T).

    The budget is compared as X_t = sum_{j<=t} w_j (D_j - delta_b) > 0, which loses no digits at a tie.
    """
    if not (is_exact(divergence) and constraints.exact):
        divergence, constraints = to_float(divergence), constraints.in_floats()
    weights, limit, delta_b = constraints.weights, constraints.thresholds, constraints.delta_b
    none = np.zeros(divergence.shape, dtype=bool)
    spent = weights * divergence
    token = none if limit is None else spent > limit
    if delta_b is None:
        return token, none, token
    excess = np.cumsum(spent - weights * delta_b, axis=-1)
    budget = none.copy()
    budget[:, :-1] = excess[:, :-1] > 0
    if limit is None:
        return token, budget, none
    eq8 = token.copy()
    eq8[:, 1:] |= spent[:, 1:] + excess[:, :-1] > limit[1:]
    return token, budget, eq8
