"""``cppo-theory claims``: the registry, and one claim in full."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any, Literal

import tyro

from cppo_theory.claims import CLAIMS, Claim
from cppo_theory.cli.terminal import UsageError, print_table

PAPER = "arXiv:2606.10968v2, "


def claims(
    action: tyro.conf.Positional[Literal["list", "show"]] = "list",
    id: tyro.conf.Positional[str | None] = None,
    json: Annotated[bool, tyro.conf.arg(help="Print JSON.")] = False,
) -> int:
    """List the claims, or show one: statement, source, hypotheses, formula, where it is tested.

    Args:
        action: "list" (default), or "show" with the id of a claim.
        id: Claim id, for example prop-4.
        json: Print JSON on stdout.
    """
    if action == "show":
        if id is None:
            raise UsageError("claims show: give the id of a claim; `cppo-theory claims` lists them")
        if id not in CLAIMS:
            raise UsageError(f"claims show: {id!r} is unknown; known ids are {', '.join(CLAIMS)}")
        chosen = described(CLAIMS[id])
        if json:
            print(json_text.dumps(chosen, indent=1))
        else:
            _print_one(chosen)
    elif id is not None:
        raise UsageError(f"claims list: found {id!r}; did you mean `cppo-theory claims show {id}`?")
    elif json:
        print(json_text.dumps([described(claim) for claim in CLAIMS.values()], indent=1))
    else:
        rows = [(claim.id, claim.formula, claim.source.removeprefix(PAPER)) for claim in CLAIMS.values()]
        print_table(("claim", "formula", "source"), rows, title=f"Claims of {PAPER.rstrip(', ')}")
    return 0


def described(claim: Claim) -> dict[str, Any]:
    """A claim as plain data."""
    return {
        "id": claim.id,
        "statement": claim.statement,
        "formula": claim.formula,
        "source": claim.source,
        "relation": claim.relation,
        "subject": claim.subject,
        "tiers": ["float"] if claim.float_only else ["exact", "float"],
        "needs_tree": claim.needs_tree,
        "hypotheses": [{"name": h.name, "statement": h.statement} for h in claim.hypotheses],
        "bounds_residual": claim.bounds_residual,
        "tested_in": claim.tested_in,
    }


def _print_one(claim: dict[str, Any]) -> None:
    print(f"{claim['id']}: {claim['statement']}\n")
    print(f"  formula     {claim['formula']}")
    print(f"  source      {claim['source']}")
    print(f"  subject     {claim['subject']}{' (prefix trees only)' if claim['needs_tree'] else ''}")
    print(f"  arithmetic  {' and '.join(claim['tiers'])}")
    names = [hypothesis["name"] for hypothesis in claim["hypotheses"]]
    for i, hypothesis in enumerate(claim["hypotheses"]):
        label = "hypotheses" if i == 0 else ""
        print(f"  {label:<11} {hypothesis['name']:<{max(map(len, names))}}  {hypothesis['statement']}")
    if not names:
        print("  hypotheses  none")
    print(f"  tested in   {claim['tested_in']}")
