"""``cppo-theory evaluate``: the exact quantities of an instance file, and every claim on it."""

from __future__ import annotations

import json as json_text
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from cppo_theory.claims import Case, Status, Verdict, decide, select, verdict_of
from cppo_theory.cli.tasks import TaskChoice
from cppo_theory.cli.terminal import UsageError, jsonable, number, print_table, say
from cppo_theory.constraints import Constraints
from cppo_theory.documents import parse_rational
from cppo_theory.errors import InputError
from cppo_theory.evaluation import OF_PATHS, Values
from cppo_theory.evaluation import evaluate as evaluate_instance
from cppo_theory.instance import Instance

SCALARS = (
    "value_mu",
    "value_pi",
    "surrogate",
    "residual",
    "root_overlap",
    "delta_b",
    "reward_bound",
    "half_range",
)
SERIES = ("expected_tv", "ell", "weights", "cum_budget", "expected_kl_mu_pi", "expected_kl_pi_mu")
LEVELS = ("token_tv", "overlap", "occupancy_mu", "suffix_tv", "kl_mu_pi", "kl_pi_mu")

STATE_LIMIT = 200_000
"""Number of states up to which quantities per state are printed."""


@dataclass(frozen=True)
class Limits:
    """The constraints of Eq. (5).

    Args:
        delta: Token threshold c_t = delta, a number or a rational such as 3/20; default: measured.
        delta_b: Budget per token; default: measured.
        w_min: Floor of the linear weights, in (0, 1]; default: 1.
    """

    delta: str | None = None
    delta_b: str | None = None
    w_min: str | None = None


NO_LIMITS, NO_TASK = Limits(), TaskChoice()


def evaluate(
    file: tyro.conf.Positional[Path | None] = None,
    json: bool = False,
    claims: str | None = None,
    limits: Annotated[Limits, tyro.conf.arg(name="")] = NO_LIMITS,
    chosen: Annotated[TaskChoice, tyro.conf.arg(name="")] = NO_TASK,
) -> int:
    """Evaluate an instance file, or a task with two policies, exactly and check the claims on it.

    Args:
        file: Instance file (schema cppo-instance/1); none with --task.
        json: Print JSON on stdout.
        claims: Claim ids, separated by commas; default: all.
        limits: Constraints.
        chosen: Task and policies.
    """
    ids = None if claims is None else _ids(claims)
    numbers = {name: _option(name, text) for name, text in vars(limits).items() if text is not None}
    if (file is None) == (chosen.task is None):
        raise UsageError("evaluate: give an instance file or --task NAME, one of them")
    if file is not None and replace(chosen, save=None) != NO_TASK:
        raise UsageError("evaluate: --horizon, --actions, --set and --policies belong to --task")
    instance = chosen.instance() if file is None else load_instance(file)
    if chosen.save is not None:
        instance.save(chosen.save)
    constraints = _constraints(instance, numbers)
    case = Case(instance, constraints)
    verdicts = [verdict_of(decide(claim, case)) for claim in select(ids)]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # inf and nan are shown as such
        values = evaluate_instance(instance, _kept(instance), case.weights)
    if json:
        print(json_text.dumps(_document(instance, values, case, verdicts), indent=1))
    else:
        _print(str(file or f"task {instance.name}"), instance, values, verdicts)
    return 1 if any(verdict.status == Status.VIOLATED for verdict in verdicts) else 0


def load_instance(file: Path) -> Instance:
    """The instance of a file; every error names the file."""
    try:
        return Instance.load(file)
    except InputError as error:
        raise InputError(f"{file}: {error.field}", error.found, error.remedy) from None
    except OSError as error:
        found = f"the file cannot be read ({error.strerror})"
        raise InputError(str(file), found, "give the path of an instance file") from None


def _ids(text: str) -> list[str]:
    ids = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not ids:
        raise UsageError("--claims: found no id; give ids separated by commas")
    try:
        select(ids)
    except InputError as error:
        raise UsageError(f"--{error}") from None
    return ids


def _option(name: str, text: str) -> Fraction:
    """A number of the command line; decimals are taken at their decimal value."""
    flag = f"--{name.replace('_', '-')}"
    try:
        value = parse_rational(flag, text)
    except InputError as error:
        raise UsageError(str(error)) from None
    if value < 0 or (name == "w_min" and not 0 < value <= 1):
        required = "a floor in (0, 1]" if name == "w_min" else "a non-negative number"
        raise UsageError(f"{flag}: found {text}; {required} is required")
    return value


def _constraints(instance: Instance, numbers: dict[str, Fraction]) -> Constraints | None:
    if not numbers:
        return instance.constraints
    if instance.constraints is not None:
        say("the constraints of the file are replaced by those of the options")
    return Constraints.schedule(instance.horizon, **numbers)


def _kept(instance: Instance) -> list[str]:
    """Quantities beyond the plain ones that are printed for this instance."""
    kept = ["expected_kl_mu_pi", "expected_kl_pi_mu", "worst_case_residual", *LEVELS]
    if not instance.is_tree:
        kept = [name for name in kept if name not in OF_PATHS]
    states = sum(instance.space.sizes[:-1])
    if states > STATE_LIMIT:
        say(f"quantities per state are left out: {states:,} states (up to {STATE_LIMIT:,} are printed)")
        return [name for name in kept if name not in LEVELS]
    return kept


def _scalars(values: Values) -> list[str]:
    return [*SCALARS, *(name for name in ("worst_case_residual",) if name in values.kept)]


def _document(instance: Instance, values: Values, case: Case, verdicts: list[Verdict]) -> dict[str, Any]:
    out: dict[str, Any] = {"schema": "cppo-evaluation/1"}
    if instance.name:
        out["name"] = instance.name
    out |= {"tier": "exact" if instance.exact else "float", "space": instance.space.kind}
    out |= {"actions": instance.actions, "horizon": instance.horizon}
    names = [*_scalars(values), *SERIES, *(name for name in LEVELS if name in values.kept)]
    out |= {name: jsonable(getattr(values, name)) for name in names}
    out["constraints"] = {
        "weights": jsonable(case.weights),
        "ell": jsonable(case.ell[0]),
        "delta": jsonable(case.delta[0]),
        "delta_b": jsonable(case.delta_b[0]),
    }
    out["claims"] = [_claim(verdict) for verdict in verdicts]
    return out


def _claim(verdict: Verdict) -> dict[str, Any]:
    applicable = verdict.status != Status.NOT_APPLICABLE
    return {
        "id": verdict.claim,
        "relation": verdict.relation,
        "lhs": jsonable(verdict.lhs),
        "rhs": jsonable(verdict.rhs),
        "applicable": applicable,
        "holds": verdict.status == Status.HOLDS if applicable else None,
        "vacuous": verdict.vacuous,
        "certifies": verdict.certifies,
        "failed": list(verdict.failed),
    }


def _print(title: str, instance: Instance, values: Values, verdicts: list[Verdict]) -> None:
    tier = "exact rationals" if instance.exact else "float64"
    print(f"{title}: {instance.space.kind}, V = {instance.actions}, T = {instance.horizon}, {tier}")
    quantities = [(name, number(getattr(values, name))) for name in _scalars(values)]
    print_table(("quantity", "value"), quantities, numbers=range(1, 2))
    last = instance.horizon - 1
    shown = [*range(min(last, 8)), last]
    columns = ("expected_tv", "ell", "weights", "cum_budget", "expected_kl_mu_pi")
    series = [np.asarray(getattr(values, name))[-instance.horizon :] for name in columns]
    positions = [(str(t + 1), *(number(array[t]) for array in series)) for t in shown]
    if last > 8:
        positions.insert(-1, ("...",) * (len(columns) + 1))
    print_table(("position", *columns), positions, numbers=range(6))
    rows = [(v.claim, v.status, number(v.lhs), v.relation, number(v.rhs), _remark(v)) for v in verdicts]
    print_table(("claim", "verdict", "lhs", "", "rhs", "remark"), rows, numbers=range(2, 5))
    remarks = {row[-1] for row in rows}
    meanings = [f"{word}: {meaning}" for word, meaning in _MEANING.items() if word in remarks]
    if meanings:
        print("\n" + "\n".join(meanings))


_MEANING = {
    "certifies": "the bound proves J(pi) > J(mu)",
    "vacuous": "the bound says no more than J(pi) >= -xi (or, of a total variation, than 1)",
}


def _remark(verdict: Verdict) -> str:
    if verdict.status == Status.NOT_APPLICABLE:
        return f"fails {', '.join(verdict.failed)}"
    return "vacuous" if verdict.vacuous else "certifies" if verdict.certifies else ""
