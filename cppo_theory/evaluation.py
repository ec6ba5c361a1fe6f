"""All exact quantities of an instance, under the names used everywhere in the package.

Source: arXiv:2606.10968v2, Sections 1 and 2; each quantity names its item where it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cppo_theory.arithmetic import Array, absolute, dot, is_exact, scalar, to_float, zero
from cppo_theory.constraints import Constraints
from cppo_theory.divergence import kl_divergence, total_variation
from cppo_theory.errors import InputError
from cppo_theory.fused import fused_tree
from cppo_theory.instance import Instance
from cppo_theory.recursions import Forward, fold_back, fold_forward, occupancies
from cppo_theory.trees import suffix_tv, worst_case_residual
from cppo_theory.weights import uniform_weights

KEEP = (
    "token_tv",
    "occupancy_mu",
    "occupancy_pi",
    "overlap",
    "suffix_tv",
    "worst_case_residual",
    "kl_mu_pi",
    "kl_pi_mu",
    "expected_kl_mu_pi",
    "expected_kl_pi_mu",
)
"""What `evaluate` returns only when asked for with ``keep``."""

OF_PATHS = ("suffix_tv", "worst_case_residual")
"""Those that need whole paths, so prefix trees only."""

_EXTREMES = ("best_return", "worst_return")
_SUMS = ("value_mu", "value_pi", "surrogate", "residual", "overlap")


@dataclass(frozen=True, eq=False)
class Values:
    """Exact quantities of one instance, or of a batch (leading axes ...).

    Attributes
    ----------
    value_mu, value_pi : number or array (...)
        J(mu), J(pi), in units of reward.
    surrogate, residual : number or array (...)
        L' and Delta of Lemma 2: J(pi) - J(mu) = L' - Delta.
    root_overlap : number or array (...)
        Probability that the stepwise maximal coupling of the two processes never parts; in [0, 1].
    expected_tv, ell : array (..., T)
        u_t, and the largest D_t over mu-reachable states; in [0, 1].
    weights : array (T,)
        w_t, used by the next two.
    cum_budget : array (..., T + 1)
        Largest path sum of w_j D_j over j <= m, m = 0..T.
    delta_b : number or array (...)
        Smallest budget per token that Eq. (5) holds with: max_{m<T} cum_budget[m] / W_m; 0 if T = 1.
    reward_bound, half_range : number or array (...)
        xi = max |return| over mu-reachable paths; largest over prompts of (max - min)/2 of the return.
    kept : dict
        What ``keep`` asked for; each also an attribute of its name:
        ``token_tv``, ``occupancy_mu``, ``occupancy_pi``, ``overlap``, ``suffix_tv`` (prefix trees only),
        ``kl_mu_pi``, ``kl_pi_mu`` (nats) are lists of T arrays (..., n_t);
        ``expected_kl_mu_pi`` under d^mu and ``expected_kl_pi_mu`` under d^pi are arrays (..., T) whose
        sums are the KL divergences of the complete responses; ``worst_case_residual`` (prefix trees
        only) is a number or array (...), the supremum of |Delta| over rewards |R| <= 1.
    """

    value_mu: Any
    value_pi: Any
    surrogate: Any
    residual: Any
    root_overlap: Any
    expected_tv: Array
    ell: Array
    weights: Array
    cum_budget: Array
    delta_b: Any
    reward_bound: Any
    half_range: Any
    kept: dict[str, Any] = field(repr=False)

    def __getattr__(self, name: str) -> Any:
        kept = self.__dict__.get("kept", {})
        if name in kept:
            return kept[name]
        if name in KEEP:
            raise AttributeError(f"{name} was not kept: call evaluate(instance, keep=[{name!r}])")
        raise AttributeError(f"Values has no attribute {name!r}")


def evaluate(instance: Instance, keep: Collection[str] = (), weights: Array | None = None) -> Values:
    """Evaluate an instance exactly, one backward and one forward pass.

    Parameters
    ----------
    instance : Instance
        With batch axes, every quantity has them in front.
    keep : collection of str
        Names of `KEEP` to return as well.
    weights : array (T,), optional
        w_t of ``cum_budget`` and ``delta_b``; default: those of the instance's constraints, else 1.

    Returns
    -------
    Values
        Fractions throughout if the instance is exact (KL divergences are always float64).

    Raises
    ------
    InputError
        An unknown name in ``keep``, or one of whole paths on a space that is no prefix tree.
    """
    if isinstance(keep, str):
        raise TypeError(
            f"keep: found the string {keep!r}; a collection of names such as [{keep!r}] is required"
        )
    for name in keep:
        if name not in KEEP:
            raise InputError("keep", f"found {name!r}", f"known names are {', '.join(KEEP)}")
        if name in OF_PATHS and not instance.is_tree:
            found = f"found {name!r} on a {instance.space.kind}"
            raise InputError("keep", found, "only a prefix tree has whole paths; `overlap` is on every space")
    weights = settle_weights(instance, weights)
    forward = fold_forward(instance, weights, keep="occupancy_mu" in keep)
    sums, levels = _backward(instance, "overlap" in keep)
    numbers: dict[str, Any] = {
        **sums,
        **return_range(instance),
        "delta_b": prefix_budget(forward.cum_budget, weights),
    }
    if not instance.batch_shape:
        numbers = {name: scalar(value) for name, value in numbers.items()}
    numbers["root_overlap"] = numbers.pop("overlap")
    kept = {name: _kept(instance, name, forward, levels) for name in keep}
    return Values(
        **numbers,
        expected_tv=forward.expected_tv,
        ell=forward.ell,
        weights=weights,
        cum_budget=forward.cum_budget,
        kept=kept,
    )


def settle_weights(instance: Instance, weights: Array | None) -> Array:
    """Weights given, or of the instance's constraints, or 1; in the tier of the instance."""
    if weights is None:
        constraints = instance.constraints
        weights = uniform_weights(instance.horizon) if constraints is None else constraints.weights
    else:
        weights = Constraints(weights).weights
    if len(weights) != instance.horizon:
        found = f"found {len(weights)} weights"
        raise InputError("weights", found, f"the horizon {instance.horizon} needs {instance.horizon}")
    if instance.exact and not is_exact(weights):
        remedy = "give rational weights, or use instance.in_floats()"
        raise InputError("weights", "found floats for an exact instance", remedy)
    return weights if instance.exact else to_float(weights)


def prefix_budget(cum_budget: Array, weights: Array) -> Array:
    """Smallest delta_b of Eq. (5): max_{m<T} cum_budget[m] / W_m; shape (...), 0 if T = 1.

    Source: arXiv:2606.10968v2, Eq. (5); m stops at T - 1.
    """
    if len(weights) == 1:
        return cum_budget[..., 0]
    return np.asarray((cum_budget[..., 1:-1] / np.cumsum(weights)[:-1]).max(-1))


def return_range(instance: Instance) -> dict[str, Array]:
    """``reward_bound`` and ``half_range`` over mu-reachable paths; each (...).

    Source: arXiv:2606.10968v2, Section 1 (|R| <= xi).  Unreachable paths do not count.
    """
    roots, _ = fold_back(instance, _EXTREMES)
    best, worst, possible = np.broadcast_arrays(*(roots[name] for name in _EXTREMES), instance.initial > 0)
    nothing = zero(instance.initial)
    largest = np.where(possible, np.maximum(absolute(best), absolute(worst)), nothing)
    half = np.where(possible, best / 2 - worst / 2, nothing)
    return {"reward_bound": largest.max(-1), "half_range": half.max(-1)}


def _backward(instance: Instance, keep_overlap: bool) -> tuple[dict[str, Array], dict[str, list[Array]]]:
    """Means over prompts of the backward recursions; float trees take the fused pass."""
    if instance.is_tree and not instance.exact and not keep_overlap:
        fused = fused_tree(
            instance.initial,
            instance.mu,
            instance.pi,
            instance.reward,
            instance.step_reward,
        )
        roots = {name: getattr(fused, name) for name in _SUMS}
        return {name: dot(instance.initial, root) for name, root in roots.items()}, {}
    roots, levels = fold_back(instance, _SUMS, keep=("overlap",) if keep_overlap else ())
    return {name: dot(instance.initial, roots[name]) for name in _SUMS}, levels


def _kept(instance: Instance, name: str, forward: Forward, levels: dict[str, list[Array]]) -> Any:
    match name:
        case "token_tv":
            return _of_rows(total_variation, instance.mu, instance.pi)
        case "kl_mu_pi":
            return _of_rows(kl_divergence, instance.mu, instance.pi)
        case "kl_pi_mu":
            return _of_rows(kl_divergence, instance.pi, instance.mu)
        case "occupancy_mu":
            return forward.occupancy_mu
        case "occupancy_pi":
            return list(occupancies(instance, instance.pi))
        case "expected_kl_mu_pi":
            return _expected_kl(instance, instance.mu, instance.pi)
        case "expected_kl_pi_mu":
            return _expected_kl(instance, instance.pi, instance.mu)
        case "suffix_tv":
            return suffix_tv(instance)
        case "worst_case_residual":
            worst = worst_case_residual(instance)
            return worst if instance.batch_shape else scalar(worst)
    return levels[name]


def _of_rows(
    divergence: Callable[[Array, Array], Array], p: Sequence[Array], q: Sequence[Array]
) -> list[Array]:
    """The divergence of every pair of rows; T arrays (..., n_t), one for levels that share both tables."""
    made: dict[tuple[int, int], Array] = {}
    for pair in zip(p, q, strict=True):
        key = id(pair[0]), id(pair[1])
        if key not in made:
            made[key] = divergence(*pair)
    return [made[id(x), id(y)] for x, y in zip(p, q, strict=True)]


def _expected_kl(instance: Instance, p: Any, q: Any) -> Array:
    """E_{s ~ d_t^p} KL(p || q) in nats; (..., T), inf if it is so in a state of positive probability."""
    means = []
    for law, rows in zip(occupancies(instance, p), _of_rows(kl_divergence, p, q), strict=True):
        kl = np.where(law > 0, rows, 0.0)
        infinite = np.isinf(kl)
        mean = (to_float(law) * np.where(infinite, 0.0, kl)).sum(-1)
        means.append(np.where(infinite.any(-1), np.inf, mean))
    return np.stack(means, axis=-1)
