"""Every rule with its parameters and objects, and the reference it is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import inf, isclose
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from cppo_theory import schedules
from cppo_theory.rules import RULES, apply, dppo, hard_gate, kl, pg_is, ppo, sapo_gate
from cppo_theory.rules import blocks as module
from tests.rules import batches, oracles
from tests.rules.oracles import Response, Token
from tests.tolerances import RELATIVE, ROUNDING

F = Fraction
MARGIN = 1e-9
"""A log-probability has a relative error of 1.1e-16, an exponent of at most 200 (12 tokens of 1e-6) hence an
absolute one of 3e-14; the KL of p = 1 - 1e-9 loses seven digits more of a number below 20 times 1e-9."""

BLOCKS = module.blocks
FORMS = ("padded", "packed", "blocks", "packed blocks")


@dataclass(frozen=True)
class Case:
    """A rule, the objects given to it, its reference, and numbers to choose its parameters from."""

    name: str
    reference: Callable[..., list[Token]]
    numbers: dict[str, list[Any]]
    objects: dict[str, Any]

    def parameters(self) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({name: st.sampled_from(xs) for name, xs in self.numbers.items()})

    def run(self, form: str, rows: list[Response], numbers: dict[str, Any], **given: Any) -> Any:
        """The package's answer on a batch of that form."""
        parameters = {name: float(x) for name, x in numbers.items()} | self.objects
        batch = (batches.packed if form.startswith("packed") else batches.padded)(rows, **given)
        if not form.endswith("blocks"):
            with np.errstate(over="ignore"):  # w = prod r of some rules is infinite on purpose
                return RULES[self.name](batch, **parameters)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "blocks", partial(BLOCKS, tokens=8))
            return apply(self.name, batch, check=False, **parameters)


def case(
    name: str, reference: Callable[..., list[Token]], objects: dict[str, Any] | None = None, **numbers: Any
) -> Case:
    return Case(name, reference, numbers, objects or {})


EPS = [F(0), F(1, 10), F(1, 5), F(1, 2)]
CPPO = {
    "delta": [F(0), F(1, 10), F(3, 20), F(1, 4), inf],
    "delta_b": [F(0), F(1, 100), F(1, 10), inf],
    "w_min": [F(1), F(4, 5), F(1, 10)],
}
SOFT = {**CPPO, "delta": [F(1, 10), F(3, 20), F(1, 4)]}
KL_CPPO = {**CPPO, "delta": [F(1, 20), F(1, 10), F(1)], "delta_b": [F(0), F(1, 500), F(1, 20)]}
KL = dict.fromkeys(["divergence"], kl)
REMAINING = partial(oracles.cppo, weights=oracles.remaining)

CASES = {
    "pg-is": case("pg-is", oracles.pg_is),
    "ppo": case("ppo", oracles.ppo, eps_low=EPS, eps_high=EPS, dual_clip=[F(3, 2), F(3), inf]),
    "ppo, defaults": case("ppo", oracles.ppo),
    "grpo, defaults": case("grpo", oracles.ppo),
    "dapo, defaults": case("dapo", partial(oracles.ppo, eps_high=F(7, 25))),
    "cispo": case("cispo", oracles.cispo, eps_low=[F(1, 5), F(1), inf], eps_high=EPS),
    "cispo, defaults": case("cispo", oracles.cispo),
    "dppo": case("dppo", oracles.dppo, delta=[F(0), F(1, 20), F(3, 20), F(1, 2), inf]),
    "dppo, defaults": case("dppo", partial(oracles.dppo, delta=F(3, 20))),
    "dppo, KL": case(
        "dppo", partial(oracles.dppo, divergence=oracles.kl), KL, delta=[F(1, 100), F(1, 20), F(1, 2)]
    ),
    "cppo": case("cppo", oracles.cppo, **CPPO),
    "cppo, defaults": case("cppo", partial(oracles.cppo, delta=F(3, 20), delta_b=F(3, 200), w_min=F(4, 5))),
    "cppo, KL": case("cppo", partial(oracles.cppo, divergence=oracles.kl), KL, **KL_CPPO),
    "cppo, uniform": case(
        "cppo", partial(oracles.cppo, weights=oracles.uniform), {"weights": schedules.uniform}, **CPPO
    ),
    "cppo, reversed": case(
        "cppo", partial(oracles.cppo, weights=oracles.reversed_), {"weights": schedules.Reversed()}, **CPPO
    ),
    "cppo, remaining": case("cppo", REMAINING, {"weights": schedules.Remaining()}, **CPPO),
    "cppo, horizon": case(
        "cppo",
        partial(oracles.cppo, weights=partial(oracles.linear, horizon=4)),
        {"weights": schedules.Linear(horizon=4)},
        **CPPO,
    ),
    "cppo, adaptive": case(
        "cppo",
        partial(oracles.cppo, budget=oracles.adaptive),
        {"budget": schedules.adaptive},
        **{**CPPO, "delta_b": [F(1, 100), F(1, 20), F(1, 10)]},
    ),
    "cppo, adaptive, ceiling 5, KL": case(
        "cppo",
        partial(oracles.cppo, budget=partial(oracles.adaptive, ceiling=5), divergence=oracles.kl),
        {"budget": schedules.Adaptive(ceiling=5.0), **KL},
        **{**KL_CPPO, "delta_b": [F(1, 500), F(1, 20)]},
    ),
    "cppo, no budget": case(
        "cppo",
        lambda row, delta, delta_b, w_min: oracles.cppo(row, delta, inf, w_min),
        {"budget": schedules.no_budget},
        **CPPO,
    ),
    "cppo-soft": case("cppo-soft", oracles.cppo_soft, **SOFT),
    "cppo-soft, hard gate": case(
        "cppo-soft", partial(oracles.cppo_soft, gate=oracles.gate_hard), {"gate": hard_gate}, **SOFT
    ),
    "cppo-soft, sech": case(
        "cppo-soft", partial(oracles.cppo_soft, gate=oracles.gate_sapo), {"gate": sapo_gate}, **SOFT
    ),
    "cppo-soft, adaptive, KL": case(
        "cppo-soft",
        partial(oracles.cppo_soft, budget=oracles.adaptive, divergence=oracles.kl),
        {"budget": schedules.adaptive, **KL},
        **{**KL_CPPO, "delta_b": [F(1, 500), F(1, 20)]},
    ),
    "trm-max": case("trm-max", oracles.trm_max, delta=[F(1, 100), F(1, 20), F(1, 10), F(1), inf]),
    "trm-avg": case("trm-avg", oracles.trm_avg, delta_avg=[F(1, 500), F(1, 50), F(1, 5), inf]),
    "trm-max-avg": case(
        "trm-max-avg", oracles.trm, delta=[F(1, 20), F(1, 5), inf], delta_avg=[F(1, 50), F(1, 5), inf]
    ),
    "trm-max-avg over ppo, o/q": case(
        "trm-max-avg",
        partial(oracles.trm, base=oracles.ppo, anchor=True),
        {"base": ppo, "ratio": "anchor"},
        delta=[F(1, 20), F(1, 5), inf],
        delta_avg=[F(1, 50), F(1, 5), inf],
    ),
    "minpro": case("minpro", oracles.minpro, eps_low=[*EPS, inf], eps_high=[*EPS, inf]),
    "gspo": case("gspo", oracles.gspo, eps_low=EPS, eps_high=EPS),
    "gspo, defaults": case("gspo", partial(oracles.gspo, eps_low=F(3, 10000), eps_high=F(4, 10000))),
    "gspo, mean advantage": case(
        "gspo", partial(oracles.gspo, mean=True), {"advantage": "mean"}, eps_low=EPS, eps_high=EPS
    ),
    "gmpo": case("gmpo", oracles.gmpo, eps_low=EPS, eps_high=EPS),
    "gmpo, defaults": case("gmpo", partial(oracles.gmpo, eps_low=F(2, 5), eps_high=F(2, 5))),
    "sapo": case("sapo", oracles.sapo, tau_up=[F(1), F(2)], tau_down=[F(21, 20), F(3)]),
    "sapo, defaults": case("sapo", oracles.sapo),
    "drpo": case("drpo", oracles.drpo, eps=[F(1, 10), F(25, 2), inf]),
    "spo": case("spo", oracles.spo, eps=[F(1, 5), F(2), inf]),
    "icepop": case("icepop", oracles.icepop, low=[F(1, 2), F(9, 10)], high=[F(2), F(5), F(11, 10)]),
    "icepop over pg-is, defaults": case(
        "icepop", partial(oracles.icepop, low=F(1, 2), high=F(5), base=oracles.pg_is), {"base": pg_is}
    ),
    "tis": case("tis", oracles.tis, cap=[F(1, 2), F(1), F(2)]),
    "tis, defaults": case("tis", partial(oracles.tis, cap=F(2))),
    "fipo": case(
        "fipo",
        oracles.fipo,
        eps_low=EPS,
        eps_high=EPS,
        dual_clip=[F(3, 2), F(10)],
        low=[F(1), F(4, 5)],
        high=[F(6, 5), F(2)],
        discount=[F(1, 2), F(1)],
        safe=[F(4), F(11, 10)],
    ),
    "fipo, defaults": case("fipo", oracles.fipo),
    "opsm": case("opsm", oracles.opsm, delta=[F(1, 10000), F(1, 20), F(1, 2)]),
    "opsm over dppo": case(
        "opsm",
        partial(oracles.opsm, base=partial(oracles.dppo, delta=F(3, 20))),
        {"base": dppo},
        delta=[F(1, 20)],
    ),
    "ipo": case("ipo", oracles.ipo, delta=[F(0), F(1, 10), F(1, 4)]),
    "ipo, defaults": case("ipo", partial(oracles.ipo, delta=F(1, 10))),
    "kpop": case("kpop", oracles.kpop, phi=[F(1, 50), F(1, 10), F(1)]),
    "kpop, defaults": case("kpop", partial(oracles.kpop, phi=F(1, 10))),
    "ratio-window": case(
        "ratio-window", oracles.ratio_window, low=[F(0), F(1, 2), F(9, 10)], high=[F(11, 10), F(2)]
    ),
    "seq-tis": case("seq-tis", oracles.seq_tis, cap=[F(1, 2), F(3)]),
    "seq-tis, defaults": case("seq-tis", partial(oracles.seq_tis, cap=F(3))),
    "seq-mis": case("seq-mis", oracles.seq_mis, cap=[F(1, 2), F(3)]),
    "geometric-mis": case(
        "geometric-mis", oracles.geometric_mis, low=[F(9, 10), F(999, 1000)], high=[F(11, 10), F(1002, 1000)]
    ),
    "vespo": case(
        "vespo", oracles.vespo, k_up=[F(2), F(1)], l_up=[F(3)], k_down=[F(3), F(1, 2)], l_down=[F(2)]
    ),
    "vespo, defaults": case("vespo", oracles.vespo),
    "topr": case("topr", oracles.topr),
}


def compare(rows: list[Response], answer: Any, expected: list[list[Token]], *, exact: bool = False) -> None:
    """Keep, reason and g at every token; where numbers are not exact, only of decisions beyond doubt."""
    found = zip(*(batches.cut(rows, x) for x in (answer.keep, answer.reason, answer.g)), strict=True)
    for row, tokens, (keep, reason, g) in zip(rows, expected, found, strict=True):
        for t, token in enumerate(tokens):
            if not exact and token.margin <= MARGIN:
                continue
            assert (keep[t], reason[t]) == (token.keep, token.reason), (t, token)
            # DRPO's and SPO's g is r times a difference of numbers as large as r
            room = ROUNDING * max(1.0, float(row.r(t)) ** 2)
            assert isclose(g[t], float(token.g), rel_tol=RELATIVE, abs_tol=room), (t, g[t], token)
