"""``cppo-theory hunt``: the worst case of a claim, or of all of them."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from cppo_theory.claims import CLAIMS, Status
from cppo_theory.cli.terminal import UsageError, number, print_table, say
from cppo_theory.errors import InputError
from cppo_theory.hunt import Budget, Found, page
from cppo_theory.hunt import hunt as search
from cppo_theory.hunt.budget import Progress
from cppo_theory.hunt.run import check_size
from cppo_theory.spaces import PrefixTree

PAGE = Path("docs/tightness.md")
"""Page that --all fills where it exists: it belongs to the checkout."""


@dataclass(frozen=True)
class Effort:
    """How long to search, and where.

    Args:
        budget: Time, per claim, such as 60s, 2m or 60 (seconds); default: 60s.
        evaluations: Number of candidates instead of a time; then the seed alone decides the result.
        seed: Of the search.
        horizon: T of the prefix tree.
        actions: V of the prefix tree.
    """

    budget: str | None = None
    evaluations: int | None = None
    seed: int = 0
    horizon: int = 3
    actions: int = 2


DEFAULT = Effort()


def hunt(
    claim: tyro.conf.Positional[str | None] = None,
    drop: str | None = None,
    effort: Annotated[Effort, tyro.conf.arg(name="")] = DEFAULT,
    out: Path = Path("cppo-theory-hunts"),
    all: bool = False,
    table: Path | None = None,
) -> int:
    """Search the instance that strains a claim most, or violates it without one hypothesis.

    The witness is rational, is judged exactly and is written to a file that `evaluate` replays. What is
    found is a lower bound of the worst case, not a proof that nothing is worse. Ctrl-C keeps the best so far.

    Args:
        claim: Claim id, for example thm-1; none with --all.
        drop: Hypothesis to ignore; `cppo-theory claims show CLAIM` lists them.
        out: Directory for the witness.
        all: Hunt every claim and fill the table of docs/tightness.md where that page exists.
        table: Page to fill instead.
    """
    if all == (claim is not None):
        raise UsageError("hunt: give the id of one claim, or --all")
    if all and drop is not None:
        raise UsageError("--drop: found with --all; it belongs to one claim")
    if table is not None and not all:
        raise UsageError("--table: found without --all")
    if effort.seed < 0:
        raise UsageError(f"--seed: found {effort.seed}; a non-negative integer is required")
    budget, space = _budget(effort), _space(effort)
    _make_directory(out)
    if claim is None:
        return _hunt_all(budget, space, effort.seed, out, table)
    try:
        with _progress(claim) as progress:
            found = search(claim, space, drop, budget, effort.seed, progress)
    except InputError as error:
        raise UsageError(f"hunt: {error}") from None
    path = _witness(found, out)
    _print(found, path)
    if found.interrupted:
        say("interrupted; the best so far is kept")
        return 130
    return 1 if found.is_violated and drop is None else 0


def _budget(effort: Effort) -> Budget:
    if effort.budget is not None and effort.evaluations is not None:
        raise UsageError("--evaluations: found with --budget; give one of them")
    try:
        if effort.evaluations is not None:
            return Budget(evaluations=effort.evaluations)
        return Budget.parse(effort.budget or "60s")
    except InputError as error:
        raise UsageError(f"--{error}") from None


def _space(effort: Effort) -> PrefixTree:
    for name in ("horizon", "actions"):
        least, found = {"horizon": 1, "actions": 2}[name], getattr(effort, name)
        if found < least:
            raise UsageError(f"--{name}: found {found}; at least {least} is required")
    try:
        check_size(effort.actions, effort.horizon)
    except InputError as error:
        raise UsageError(f"--horizon, --actions: {error.found}; {error.remedy}") from None
    return PrefixTree(effort.actions, effort.horizon)


def _make_directory(path: Path) -> None:
    """Fail before the work, not after it, where the witness cannot be written."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out: found {path} ({error.strerror}); give a directory") from None


def _witness(found: Found, out: Path) -> Path:
    path = out / f"{found.claim}{f'-without-{found.drop}' if found.drop else ''}.json"
    found.witness.save(path)
    return path


def _print(found: Found, path: Path) -> None:
    verdict, witness = found.verdict, found.witness
    label = "|lhs - rhs|" if verdict.relation == "==" else "lhs / rhs"
    status = str(verdict.status) + (f", without {found.drop}" if found.drop else "")
    if verdict.status == Status.NOT_APPLICABLE:
        status += f" (fails {', '.join(verdict.failed)})"
    rows = [
        (label, page.shown(verdict)),
        ("lhs", number(verdict.lhs)),
        ("rhs", number(verdict.rhs)),
        ("status", status),
        ("size", f"V = {witness.actions}, T = {witness.horizon}"),
        ("evaluations", f"{found.evaluations:,}, {found.evaluations / found.seconds:,.0f} per second"),
        ("seconds", f"{found.seconds:.1f}"),
        ("seed", str(found.seed)),
    ]
    print_table(("quantity", "value"), rows, title=f"{found.claim}, worst instance found")
    print(f"\nreplay: cppo-theory evaluate {shlex.quote(str(path))} --claims {found.claim}")
    if found.is_violated and found.drop:
        print(f"(it shows the same sides as not applicable: {found.drop} fails)")


def _hunt_all(budget: Budget, space: PrefixTree, seed: int, out: Path, table: Path | None) -> int:
    target = table or (PAGE if PAGE.exists() else None)
    if target is not None:
        page.check_page(target, target.read_text("utf-8"))
    results: list[Found] = []
    try:
        with _progress("hunt --all") as progress:
            for found in page.hunt_all(budget, space, seed, progress):
                results.append(found)
                _witness(found, out)
                if found.interrupted:
                    break
    except KeyboardInterrupt:
        pass
    rows = [page.row(found) for found in results]
    print_table(page.HEADERS, rows, page.NUMBERS, title="Worst instances found")
    print(f"\nwitnesses: {out}; replay one with: cppo-theory evaluate FILE")
    if len(results) < len(CLAIMS) or results[-1].interrupted:
        say("interrupted; the page is left as it was")
        return 130
    if target is not None:
        page.write_page(target, rows)
        say(f"table written to {target}")
    violated = [found.claim for found in results if found.is_violated]
    if violated:
        say(f"violated: {', '.join(violated)}")
    return 1 if violated else 0


@contextmanager
def _progress(title: str) -> Iterator[Progress | None]:
    """A progress bar on stderr; nothing when stderr is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn(title), BarColumn(), TextColumn("best {task.fields[best]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, best="-")
        yield lambda share, best: bar.update(task, completed=share, best=f"{max(best, 0.0):.6g}")
