"""The table of docs/tightness.md: how far every claim was strained, a generated block of a page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from cppo_theory.claims import CLAIMS, Verdict
from cppo_theory.errors import InputError
from cppo_theory.files import write_text
from cppo_theory.hunt.budget import Budget, Progress
from cppo_theory.hunt.replay import ratio_of
from cppo_theory.hunt.run import Found, hunt
from cppo_theory.spaces import PrefixTree

BEGIN = "<!-- tightness: begin, written by `cppo-theory hunt --all` -->"
END = "<!-- tightness: end -->"
HEADERS = ("claim", "best", "found", "size", "seconds", "seed")
NUMBERS = (2, 4, 5)

DIGITS = 6
"""Decimals shown; cut off, not rounded, so that nothing below 1 is shown as 1."""


def hunt_all(
    budget: Budget,
    space: PrefixTree | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Iterator[Found]:
    """Hunt every claim of the registry, each with the whole budget."""
    for claim in CLAIMS:
        yield hunt(claim, space, None, budget, seed, progress)


def row(found: Found) -> tuple[str, ...]:
    """One line of the table: texts under `HEADERS`."""
    kind = "gap" if found.verdict.relation == "==" else "lhs / rhs"
    size = f"V = {found.witness.actions}, T = {found.witness.horizon}"
    return (found.claim, kind, shown(found.verdict), size, f"{found.seconds:.1f}", str(found.seed))


def shown(verdict: Verdict) -> str:
    """The ratio (or the gap) with some decimals, cut off."""
    ratio = ratio_of(verdict)
    if isinstance(ratio, float):
        if not math.isfinite(ratio):
            return str(ratio)
        ratio = Fraction(ratio)
    scale = 10**DIGITS
    cut = math.floor(ratio * scale)
    if cut == 0 and ratio > 0:
        return f"{float(ratio):.1e}"
    return f"{cut // scale}.{cut % scale:0{DIGITS}}".rstrip("0").rstrip(".")


def block(rows: Sequence[Sequence[str]]) -> str:
    """The lines between the markers: a table in Markdown."""
    lines = [" | ".join(cells) for cells in (HEADERS, ["---"] * len(HEADERS), *rows)]
    return "\n".join(f"| {line} |" for line in lines)


def write_page(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Replace the block between the markers of a page; the text around it stays.

    Raises
    ------
    InputError
        If the page does not hold each marker once, in order.
    """
    text = path.read_text("utf-8")
    check_page(path, text)
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    write_text(path, f"{before}{BEGIN}\n\n{block(rows)}\n\n{END}{after}")


def check_page(path: Path, text: str) -> None:
    """Raise unless the page holds each marker once, in order."""
    if not (text.count(BEGIN) == text.count(END) == 1 and text.index(BEGIN) < text.index(END)):
        remedy = f"put the lines {BEGIN} and {END} where the table belongs"
        raise InputError(str(path), "found no place for the table", remedy)
