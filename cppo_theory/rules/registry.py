"""Every rule by name: formula, source, the three factors of g, and the parameters of its variants."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any

from . import corrections, divergence_masks, lookahead, prefix, ratio_clips, sequence, soft_gates
from .batch import TokenBatch
from .decision import Decision
from .parameters import Parameter, parameters

PAPER = "arXiv:2606.10968v2, "


@dataclass(frozen=True)
class Rule:
    """A rule and what is known of it; calling it decides on a batch.

    Parameters
    ----------
    name : str
    function : callable
        (batch, parameters...) -> `Decision`, or an array of coefficients.
    formula, source : str
    mask, correction, ratio : str
        The three factors of g_t = M_t c_t r_t: statistic, threshold and direction; correction; ratio.
    level : str
        Where the decision is taken: token, prefix, sequence.
    preset : mapping
        Defaults that this name gives to the function.
    with_kl : mapping
        Defaults when divergences are KL.
    judges_kl : bool
        Whether it looks at KL(mu || pi) whatever divergence is asked for.
    """

    name: str
    function: Callable[..., Any]
    formula: str = ""
    source: str = ""
    mask: str = "none"
    correction: str = "1"
    ratio: str = "p/q"
    level: str = "token"
    preset: Mapping[str, Any] = field(default_factory=dict)
    with_kl: Mapping[str, float] = field(default_factory=dict)
    judges_kl: bool = False

    def __call__(self, b: TokenBatch, **given: Any) -> Decision:
        answer = self.function(b, **{**self.preset, **given})
        return answer if isinstance(answer, Decision) else bare(b, answer)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Parameters by name, with the defaults of this name."""
        return {
            name: replace(p, default=self.preset.get(name, p.default))
            for name, p in parameters(self.function).items()
        }

    def with_parameters(self, **given: Any) -> Callable[[TokenBatch], Decision]:
        """The rule with these parameters fixed.

        Raises
        ------
        ValueError
            For a name that is no parameter of the rule, a required one that is missing, or a number that
            it cannot be.
        """
        known = self.parameters
        for name, value in given.items():
            if name not in known:
                raise ValueError(f"{self.name} has no parameter {name}; it has {', '.join(known) or 'none'}")
            known[name].check(value)
        missing = [name for name, p in known.items() if p.required and name not in given]
        if missing:
            raise ValueError(f"{self.name} needs {' and '.join(missing)}: there is no default")
        return partial(self, **given)


def bare(b: TokenBatch, g: Any) -> Decision:
    """The decision that an array of coefficients alone stands for: kept where g is not 0.

    Raises
    ------
    TypeError, ValueError
        If it is no array, or does not broadcast to the tokens.
    """
    if not hasattr(g, "shape") or not hasattr(g, "dtype"):
        raise TypeError(
            f"the rule returned {type(g).__name__}; a Decision (b.keep(...)) or an array is required"
        )
    if g.shape != b.shape:
        if b.tokens(b.mask).shape == g.shape:
            g = b.layout.rows(b.xp, g)
        elif len(g.shape) != 2 or any(n not in (1, m) for n, m in zip(g.shape, b.shape, strict=True)):
            raise ValueError(f"the rule returned shape {tuple(g.shape)}; the tokens have {b.shape}")
    kept = b.spread(g != 0) & b.mask
    return b.keep(g, clip=kept)


def _rules() -> list[Rule]:
    kl_dppo, kl_cppo = {"delta": 0.05}, {"delta": 0.1, "delta_b": 0.002}
    eq_2 = "r 1[A (r - 1) <= 0 or 1 - eps_low <= r <= 1 + eps_high]"
    budget = "w_t D_t + sum_{j<t} w_j (D_j - delta_b) <= delta"
    interval, prefix_mask = "PPO's interval, by the sign of A", f"toward, or w_t D_t <= delta and {budget}"
    return [
        Rule("pg-is", ratio_clips.pg_is, "r", PAPER + "Eq. (1)"),
        Rule("ppo", ratio_clips.ppo, eq_2, PAPER + "Eq. (2)", interval, ratio="p/o"),
        Rule("grpo", ratio_clips.ppo, eq_2, PAPER + "Eq. (2); the same rule as ppo", interval, ratio="p/o"),
        Rule(
            "dapo",
            ratio_clips.ppo,
            eq_2,
            PAPER + "Section 4 (GRPO row, Clip-Higher)",
            interval,
            ratio="p/o",
            preset={"eps_high": 0.28},
        ),
        Rule(
            "cispo",
            ratio_clips.cispo,
            "clip(r, 1 - eps_low, 1 + eps_high)",
            PAPER + "Section 4 (baseline)",
            "none",
            "clip(r, 1 - eps_low, 1 + eps_high) / r",
            "p/o",
        ),
        Rule(
            "dppo",
            divergence_masks.dppo,
            "r 1[A (r - 1) <= 0 or D <= delta]",
            PAPER + "Eq. (3)",
            "toward, or D <= delta",
            with_kl=kl_dppo,
        ),
        Rule(
            "cppo",
            prefix.cppo,
            f"r 1[A (r - 1) <= 0 or (w_t D_t <= delta and {budget})]",
            PAPER + "Eqs. (8)-(10), Algorithm 1; Eq. (22) with an adaptive budget",
            prefix_mask,
            level="token and prefix",
            with_kl=kl_cppo,
        ),
        Rule(
            "cppo-soft",
            prefix.cppo,
            "r (1 if toward, else gate(x_t)), x_t = max(w_t D_t / delta, S_t / (delta + delta_b W_{t-1}))",
            PAPER + "Eqs. (19), (20)",
            "none",
            "gate(x_t) on away tokens",
            level="token and prefix",
            preset={"gate": prefix.inverse_gate},
            with_kl=kl_cppo,
        ),
        Rule(
            "trm-max",
            sequence.trm_max,
            "base 1[max_t KL_t <= delta]",
            PAPER + "Section 3",
            "max_t KL(mu || pi)_t <= delta, both signs",
            ratio="that of the base",
            level="sequence",
            judges_kl=True,
        ),
        Rule(
            "trm-avg",
            sequence.trm_avg,
            "base 1[mean_t KL_t <= delta_avg]",
            PAPER + "Section 3",
            "mean_t KL(mu || pi)_t <= delta_avg, both signs",
            ratio="that of the base",
            level="sequence",
            judges_kl=True,
        ),
        Rule(
            "trm-max-avg",
            sequence.trm_max_avg,
            "base 1[max_t KL_t <= delta] 1[mean_t KL_t <= delta_avg]",
            PAPER + "Section 3",
            "both conditions of trm-max and trm-avg",
            ratio="that of the base",
            level="sequence",
            judges_kl=True,
        ),
        Rule(
            "minpro",
            prefix.minpro,
            "clip(rho_t min_{i<t} rho_i, 1 - eps_low, 1 + eps_high)",
            PAPER + "Section 4 (baseline)",
            "none",
            "clip(rho_t min_{i<t} rho_i, .) / rho_t",
            "p/o",
            "token and prefix",
        ),
        Rule(
            "gspo",
            sequence.gspo,
            "s 1[s not clipped], s = exp(mean_t log(p/o))",
            "public trainers",
            "PPO's interval on s, by the sign of A",
            ratio="s, the geometric mean of p/o",
            level="sequence",
        ),
        Rule(
            "gmpo",
            sequence.gmpo,
            "R 1[x not clipped], R = exp(mean of clipped x), x = log(p/o)",
            "public trainers",
            "PPO's interval on log(p/o), by the sign of A",
            ratio="R, the geometric mean of clipped p/o",
            level="token and sequence",
        ),
        Rule(
            "sapo",
            soft_gates.sapo,
            "r sech^2(tau (r - 1)/2), tau by the sign of A",
            "public trainers; named as a gate in " + PAPER + "Appendix C.3",
            "none",
            "sech^2(tau (r - 1)/2)",
            "p/o",
        ),
        Rule(
            "drpo",
            soft_gates.drpo,
            "r (1 - sgn(A) (p - q)/eps)",
            "public trainers",
            "none",
            "1 - sgn(A) (p - q)/eps",
        ),
        Rule(
            "spo",
            soft_gates.spo,
            "r (1 - sgn(A) (r - 1)/eps)",
            "DRPO with r - 1 for p - q",
            "none",
            "1 - sgn(A) (r - 1)/eps",
        ),
        Rule(
            "icepop",
            corrections.icepop,
            "base (o/q) 1[low <= o/q <= high]",
            "mismatch correction, public trainers",
            "low <= o/q <= high, both signs",
            "o/q",
            "that of the base",
        ),
        Rule(
            "tis",
            corrections.tis,
            "base min(o/q, cap)",
            "mismatch correction, public trainers",
            "none",
            "min(o/q, cap)",
            "that of the base",
        ),
        Rule(
            "fipo",
            lookahead.fipo,
            "ppo with A f_t, f_t = clip(exp sum_{k>=t} discount^{k-t} M_k log(p/o)_k, low, high)",
            "look-ahead variant of " + PAPER + "Eq. (2)",
            interval,
            "f_t",
            "p/o",
            "token, looks ahead",
        ),
        Rule(
            "opsm",
            sequence.opsm,
            "base 1[A >= 0 or mean_t log(q/p) <= delta]",
            "public trainers",
            "mean_t log(q/p) <= delta where A < 0",
            ratio="that of the base",
            level="sequence",
        ),
        Rule(
            "ipo",
            divergence_masks.ipo,
            "r 1[|p - q| <= delta]",
            "public trainers",
            "|p - q| <= delta, both directions",
        ),
        Rule(
            "kpop",
            divergence_masks.kpop,
            "r 1[max of Binary-KL both ways <= phi]",
            "public trainers",
            "max(KL(q || p), KL(p || q)) <= phi, both directions",
        ),
        Rule(
            "ratio-window",
            ratio_clips.ratio_window,
            "r 1[low < r < high]",
            "public trainers",
            "low < r < high, both signs",
        ),
        Rule(
            "seq-tis",
            corrections.seq_tis,
            "base min(w, cap), w = prod_t o/q",
            "mismatch correction, public trainers",
            "none",
            "min(w, cap)",
            "that of the base",
            "sequence",
        ),
        Rule(
            "seq-mis",
            corrections.seq_mis,
            "base w 1[w <= cap], w = prod_t o/q",
            "mismatch correction, public trainers",
            "w <= cap",
            "w",
            "that of the base",
            "sequence",
        ),
        Rule(
            "geometric-mis",
            corrections.geometric_mis,
            "base 1[low <= exp(mean_t log(o/q)) <= high]",
            "mismatch correction, public trainers",
            "low <= geometric mean of o/q <= high",
            "1",
            "that of the base",
            "sequence",
        ),
        Rule(
            "vespo",
            sequence.vespo,
            "exp(l + k log w - l w), w = prod_t r, (k, l) by the sign of A",
            "public trainers",
            "none",
            "1",
            "exp(l + k log w - l w)",
            "sequence",
        ),
        Rule(
            "topr",
            sequence.topr,
            "1 if A >= 0, else clip(exp(mean_t log r), 0, 1)",
            "public trainers",
            "none",
            "1",
            "1, or the clipped geometric mean of p/q",
            "sequence",
        ),
    ]


RULES: dict[str, Rule] = {rule.name: rule for rule in _rules()}


def rule(name: str | Callable[..., Any]) -> Rule:
    """The rule of that name, of ``module:function``, or a function itself.

    Raises
    ------
    ValueError
        If the name is unknown, or the module or function cannot be found.
    """
    if isinstance(name, Rule):
        return name
    if callable(name):
        return Rule(getattr(name, "__name__", "rule"), name, source="given as a function")
    if ":" in name:
        return Rule(name, _function(name), source="given by the user")
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known rules are {', '.join(RULES)}"
        raise ValueError(f"rule: {name!r} is unknown; {remedy}")
    return RULES[name]


def _function(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    if not (module and name):
        raise ValueError(f"rule: {path!r}: module:function is required")
    try:
        loaded = import_module(module)
    except ModuleNotFoundError as error:
        raise ValueError(f"rule: {path!r}: there is no module {error.name!r}; is it on PYTHONPATH?") from None
    except Exception as error:  # a user's module may fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"rule: {path!r}: module {module!r} cannot be imported ({reason})") from error
    found = getattr(loaded, name, None)
    if found is None:
        raise ValueError(f"rule: {path!r}: module {module!r} has no {name!r}")
    if not callable(found):
        raise ValueError(f"rule: {path!r}: {name!r} is no function")
    function: Callable[..., Any] = found
    return function
