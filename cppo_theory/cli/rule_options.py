"""Options that set the parameters of a rule: one for every number that a rule of the registry takes."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from typing import Annotated, Any, Literal

import tyro

from cppo_theory import schedules
from cppo_theory.cli.terminal import UsageError
from cppo_theory.rules import RULES, Rule, hard_gate, inverse_gate, kl, rule, sapo_gate

GATES = {"inverse": inverse_gate, "hard": hard_gate, "sapo": sapo_gate}
UNIT, POSITIVE = (
    {p.name for known in RULES.values() for p in known.parameters.values() if getattr(p, kind)}
    for kind in ("is_share", "is_divisor")
)
"""Parameters that lie in (0, 1]; parameters above 0."""


@dataclass(frozen=True)
class Choices:
    """What replaces the parts of a rule.

    Args:
        weights: Position weights of cppo: linear (default), uniform, shuffled, reversed, remaining (T - t).
        horizon: Horizon of the weights: own (default), the length of each response, or a number.
        adaptive: Budget of Eq. (22) in place of a fixed one; --delta-b is then its smallest value.
        ceiling: Ceiling of the adaptive budget, as a multiple of --delta-b.
        gate: Soft gate of cppo-soft: inverse (default), hard, sapo.
        base: Base rule of trm-max, trm-avg, trm-max-avg, opsm, tis, icepop and the other corrections.
        ratio: What the KL of trm-max and trm-avg compares with mu: current (default) or anchor.
        advantage: Whose sign gspo takes: token (default) or mean.
        seed: Seed of the shuffled weights.
        param: Parameter of a rule of your own, NAME=VALUE; repeat it for more.
    """

    weights: Literal["linear", "uniform", "shuffled", "reversed", "remaining"] | None = None
    horizon: str | None = None
    adaptive: bool = False
    ceiling: float | None = None
    gate: Literal["inverse", "hard", "sapo"] | None = None
    base: str | None = None
    ratio: Literal["current", "anchor"] | None = None
    advantage: Literal["token", "mean"] | None = None
    seed: int | None = None
    param: tyro.conf.UseAppendAction[tuple[str, ...]] = ()


def _number_options() -> dict[str, str]:
    """Name of every numeric parameter, and the rules that have it."""
    users: dict[str, list[str]] = {}
    for name, known in RULES.items():
        for parameter in known.parameters.values():
            if parameter.is_number:
                users.setdefault(parameter.name, []).append(name)
    return {name: ", ".join(rules) for name, rules in users.items()}


NUMBERS = _number_options()

Thresholds: Any = make_dataclass(
    "Thresholds",
    [
        (name, Annotated[str | None, tyro.conf.arg(help=f"Parameter of {users}.")], field(default=None))
        for name, users in NUMBERS.items()
    ],
    frozen=True,
)
"""One option per numeric parameter of the registry."""


def chosen_rule(name: str, option: str = "--rule") -> Rule:
    """The rule of a name, or of ``module:function`` found from the working directory."""
    if ":" in name and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return rule(name)
    except ValueError as error:
        raise UsageError(f"{option}: {str(error).removeprefix('rule: ')}") from None


def rule_parameters(
    rules: list[Rule], thresholds: Any, choices: Choices, measure: str
) -> list[dict[str, Any]]:
    """The parameters of each rule; an option that none of them takes is a mistake."""
    numbers = {n: number_option(n, text) for n, text in vars(thresholds).items() if text is not None}
    given = {**numbers, **_objects(choices, measure)}
    for name, value in map(_own_parameter, choices.param):
        if name in given:
            raise UsageError(f"--param: {name} is given twice")
        given[name] = value
    judges = [*rules, *([] if choices.base is None else [chosen_rule(choices.base, "--base")])]
    if measure == "kl" and not any("divergence" in r.parameters or r.judges_kl for r in judges):
        raise UsageError(f"--divergence kl: {' and '.join(r.name for r in rules)} takes no divergence")
    out = []
    for found in rules:
        known = found.parameters
        own = {name: value for name, value in given.items() if name in known}
        out.append({**_measured(found, measure), **own})
    for name in given:
        if not any(name in own for own in out):
            _refuse(name, rules)
    for found, own in zip(rules, out, strict=True):
        missing = [flag(n) for n, p in found.parameters.items() if p.required and n not in own]
        if missing:
            raise UsageError(f"{found.name} needs {' and '.join(missing)}: there is no default")
    return out


def _measured(found: Rule, measure: str) -> dict[str, Any]:
    """What a rule takes where divergences are KL."""
    return {"divergence": kl, **found.with_kl} if measure == "kl" and "divergence" in found.parameters else {}


def _refuse(name: str, rules: list[Rule]) -> None:
    described = "; ".join(
        f"{r.name} has {', '.join(map(flag, r.parameters)) or 'no parameters'}" for r in rules
    )
    raise UsageError(f"{flag(name)}: a parameter of another rule; {described}")


def flag(name: str) -> str:
    """The option of a parameter; a budget is chosen by --adaptive."""
    if name not in {*NUMBERS, *Choices.__dataclass_fields__, "budget", "divergence"}:
        return f"--param {name}=VALUE"
    return f"--{name.replace('_', '-')}" if name != "budget" else "--adaptive"


def number_option(name: str, text: str) -> float:
    """A non-negative number of the command line; inf is allowed."""
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{flag(name)}: found {text!r}; a number is required") from None
    if name in UNIT and not 0 < value <= 1:
        raise UsageError(f"{flag(name)}: found {text}; a floor in (0, 1] is required")
    if name in POSITIVE and not value > 0:
        raise UsageError(f"{flag(name)}: found {text}; a positive number is required")
    if math.isnan(value) or value < 0:
        raise UsageError(f"{flag(name)}: found {text}; a non-negative number is required")
    return value


def _own_parameter(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise UsageError(f"--param: found {text!r}; NAME=VALUE is required")
    try:
        number = float(value)  # of a sign that the rule itself knows
    except ValueError:
        raise UsageError(f"--param {name}: found {value!r}; a number is required") from None
    return name, number


def _objects(choices: Choices, measure: str) -> dict[str, Any]:
    """Schedules, budgets, gates and base rules, as the rules take them."""
    out: dict[str, Any] = {}
    if choices.weights is not None or choices.horizon is not None:
        out["weights"] = _schedule(choices)
    if choices.seed is not None and choices.weights != "shuffled":
        raise UsageError("--seed: only --weights shuffled draws at random")
    if choices.adaptive:
        out["budget"] = schedules.Adaptive() if choices.ceiling is None else _with_ceiling(choices.ceiling)
    elif choices.ceiling is not None:
        raise UsageError("--ceiling: only --adaptive has a ceiling")
    if choices.gate is not None:
        out["gate"] = GATES[choices.gate]
    if choices.base is not None:
        out["base"] = _base(choices.base, measure)
    for name in ("ratio", "advantage"):
        if getattr(choices, name) is not None:
            out[name] = getattr(choices, name)
    return out


def _schedule(choices: Choices) -> schedules.Schedule:
    horizon = None
    if choices.horizon not in (None, "own"):
        if not str(choices.horizon).isdecimal() or int(str(choices.horizon)) < 1:
            raise UsageError(f"--horizon: found {choices.horizon!r}; own, or a number of tokens, is required")
        horizon = int(str(choices.horizon))
    match choices.weights:
        case None | "linear":
            return schedules.Linear(horizon)
        case "reversed":
            return schedules.Reversed(horizon)
        case "remaining":
            return schedules.Remaining(horizon)
    if horizon is not None:
        raise UsageError(f"--horizon: {choices.weights} weights have none")
    return schedules.Uniform() if choices.weights == "uniform" else schedules.Shuffled(choices.seed or 0)


def _with_ceiling(ceiling: float) -> schedules.Adaptive:
    if not ceiling >= 1:
        raise UsageError(f"--ceiling: found {ceiling}; a multiple of at least 1 is required")
    return schedules.Adaptive(ceiling)


def _base(name: str, measure: str) -> Callable[..., Any]:
    found = chosen_rule(name, "--base")
    try:
        return found.with_parameters(**_measured(found, measure))
    except ValueError as error:
        raise UsageError(f"--base: {error}; choose a base with defaults") from None
