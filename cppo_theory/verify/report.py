"""The report of a verification: rows for the terminal, Markdown, JSON, and the files of a directory.

``report.md`` and ``report.json`` depend on the preset and the seed alone; what differs between runs
(versions, time, workers) is in ``manifest.json``.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cppo_theory.claims import CLAIMS
from cppo_theory.files import write_text
from cppo_theory.verify.run import Result
from cppo_theory.verify.suites import SUITES
from cppo_theory.verify.tally import Tally
from cppo_theory.version import __version__

HEADERS = ("claim", "tier", "applicable", "not", "violated", "largest lhs/rhs", "vacuous")
"""Columns of the table; a case is one instance under one setting of constraints."""


def rows(result: Result) -> list[tuple[str, ...]]:
    """Table rows, one per claim and tier, in the order of the registry."""
    order = list(CLAIMS)
    tallies = sorted(result.tallies.values(), key=lambda tally: (order.index(tally.claim), tally.tier))
    return [_row(tally) for tally in tallies]


def _row(tally: Tally) -> tuple[str, ...]:
    ratio = "-" if tally.largest_ratio is None else _decimal(tally.largest_ratio)
    if CLAIMS[tally.claim].relation == "==":
        ratio = f"gap {tally.largest_gap:.0e}" if tally.largest_gap else "equal"
    vacuous = f"{tally.vacuous / tally.judged:.1%}" if tally.judged else "-"
    counts = (tally.applicable, tally.not_applicable, tally.violations)
    return (tally.claim, tally.tier, *(f"{count:,}" for count in counts), ratio, vacuous)


def _decimal(ratio: float) -> str:
    """Six decimals, rounded towards zero near one, so that 1 means attained."""
    return "1" if ratio == 1 else f"{min(ratio, 0.999999) if ratio < 1 else ratio:.6f}"


def summary(result: Result) -> str:
    """One sentence on what was checked."""
    instances = sum(result.instances.values())
    verdict = "no violation" if result.violated == 0 else f"{result.violated:,} violated cases"
    return (
        f"{len(CLAIMS)} claims on {instances:,} instances in {result.cases:,} cases "
        f"(one instance under one setting of constraints): {verdict}."
    )


def as_json(result: Result, preset: str, seed: int) -> dict[str, Any]:
    """The report as plain data; independent of the number of workers and of the clock."""
    order = list(CLAIMS)
    tallies = sorted(result.tallies.values(), key=lambda tally: (order.index(tally.claim), tally.tier))
    return {
        "schema": "cppo-report/1",
        "preset": preset,
        "seed": seed,
        "instances": result.instances,
        "cases": result.cases,
        "violated": result.violated,
        "claims": [asdict(tally) for tally in tallies],
        "violations": [
            {"claim": violation.claim, "lhs": violation.lhs, "rhs": violation.rhs, "file": name}
            for violation, name in zip(result.violations, violation_names(result), strict=True)
        ],
    }


def markdown(result: Result, preset: str, seed: int) -> str:
    """The report as a Markdown page."""
    lines = [
        "# Verification report",
        "",
        f"Preset `{preset}`, seed {seed}. {summary(result)}",
        "",
        "Exact: decided in rationals, without tolerance. Float: float64, tolerance 1e-10 in the claim's",
        "unit. Vacuous: the bound says no more than J(pi) >= -xi (or, for a total variation, than 1).",
        "",
        "| " + " | ".join(HEADERS) + " |",
        "|---|---|" + "---:|" * (len(HEADERS) - 2),
        *("| " + " | ".join(row) + " |" for row in rows(result)),
        "",
        "| suite | instances | what |",
        "|---|---:|---|",
        *(f"| {s.name} | {result.instances.get(s.name, 0):,} | {s.description} |" for s in SUITES),
    ]
    if result.violations:
        lines += ["", "## Violations", ""]
        lines += [
            f"- `{violation.claim}`: {violation.lhs} against {violation.rhs}, `{name}`"
            for violation, name in zip(result.violations, violation_names(result), strict=True)
        ]
    return "\n".join(lines) + "\n"


def violation_names(result: Result) -> list[str]:
    """File names of the violations, relative to the directory of the report."""
    counts: dict[str, int] = {}
    names = []
    for violation in result.violations:
        counts[violation.claim] = counts.get(violation.claim, 0) + 1
        names.append(f"violations/{violation.claim}-{counts[violation.claim]}.json")
    return names


def write_violations(result: Result, directory: Path) -> list[Path]:
    """Write every recorded violation as an instance file that `evaluate` replays."""
    paths = [directory / name for name in violation_names(result)]
    for violation, path in zip(result.violations, paths, strict=True):
        violation.instance.save(path)
    return paths


def write_report(result: Result, preset: str, seed: int, directory: Path, run: dict[str, Any]) -> None:
    """Write ``report.md``, ``report.json`` and ``manifest.json``."""
    write_text(directory / "report.md", markdown(result, preset, seed))
    write_text(directory / "report.json", json.dumps(as_json(result, preset, seed), indent=1) + "\n")
    manifest = {"schema": "cppo-manifest/1", "preset": preset, "seed": seed, **run, **_versions()}
    write_text(directory / "manifest.json", json.dumps(manifest, indent=1) + "\n")


def _versions() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {"cppo-theory": __version__, **{name: version(name) for name in ("numpy", "gymnasium")}},
    }
