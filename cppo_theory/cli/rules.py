"""``cppo-theory rules``: every trust-region rule, and one in full."""

from __future__ import annotations

import inspect
import json as json_text
from typing import Annotated, Any, Literal

import tyro

from cppo_theory.cli.rule_options import chosen_rule
from cppo_theory.cli.terminal import UsageError, jsonable, print_table
from cppo_theory.rules import RULES, Rule

DIRECTIONS = {1: "keeps more when larger", -1: "keeps fewer when larger", 0: ""}


def rules(
    action: tyro.conf.Positional[Literal["list", "show"]] = "list",
    name: tyro.conf.Positional[str | None] = None,
    json: Annotated[bool, tyro.conf.arg(help="Print JSON.")] = False,
) -> int:
    """List the rules, or show one: formula, source, the factors of g, parameters and defaults.

    Args:
        action: "list" (default), or "show" with the name of a rule.
        name: Rule, for example cppo.
        json: Print JSON on stdout.
    """
    if action == "show":
        if name is None:
            raise UsageError("rules show: give the name of a rule; `cppo-theory rules` lists them")
        chosen = described(chosen_rule(name, "rules show"))
        if json:
            print(json_text.dumps(chosen, indent=1))
        else:
            _print_one(chosen)
    elif name is not None:
        raise UsageError(f"rules list: found {name!r}; did you mean `cppo-theory rules show {name}`?")
    elif json:
        print(json_text.dumps([described(found) for found in RULES.values()], indent=1))
    else:
        rows = [(found.name, found.level, found.formula) for found in RULES.values()]
        print_table(
            ("rule", "level", "g_t, which multiplies A_t grad log pi"), rows, title="Trust-region rules"
        )
    return 0


def described(found: Rule) -> dict[str, Any]:
    """A rule as plain data."""
    return {
        "name": found.name,
        "formula": found.formula,
        "source": found.source,
        "level": found.level,
        "factors": {"mask": found.mask, "correction": found.correction, "ratio": found.ratio},
        "parameters": {
            name: {
                "default": _default(p.default),
                "direction": DIRECTIONS[p.direction],
                "required": p.required,
            }
            for name, p in found.parameters.items()
        },
        "defaults_with_kl": dict(found.with_kl),
        "about": inspect.getdoc(found.function) or "",
    }


def _default(value: Any) -> Any:
    """A default for people: numbers and words as they are, objects by their names."""
    if value is inspect.Parameter.empty:
        return None
    if value is None or isinstance(value, int | float | str):
        return jsonable(value)
    return getattr(value, "__name__", None) or repr(value)


def _print_one(found: dict[str, Any]) -> None:
    print(f"{found['name']}: g = {found['formula']}\n")
    print(f"  source      {found['source']}")
    print(f"  decided     per {found['level']}")
    for factor, text in found["factors"].items():
        print(f"  {factor:<11} {text}")
    width = max((len(name) for name in found["parameters"]), default=0)
    for i, (name, p) in enumerate(found["parameters"].items()):
        default = "required" if p["required"] else f"{p['default']}"
        label = "parameters" if i == 0 else ""
        print(f"  {label:<11} {name:<{width}}  {default:<14} {p['direction']}".rstrip())
    if not found["parameters"]:
        print("  parameters  none")
    if found["defaults_with_kl"]:
        print(f"  with KL     {', '.join(f'{n} = {v}' for n, v in found['defaults_with_kl'].items())}")
    print(f"\n{found['about']}")
