"""``compare``: a rule of your own against those of the package, on small policies, in a minute or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cppo_theory.cli.rule_options import chosen_rule
from cppo_theory.cli.terminal import UsageError, print_table, say
from cppo_theory.errors import InputError
from cppo_theory.files import write_bytes
from cppo_theory.rules import Rule, broken
from cppo_theory.tasks import task as make_task
from simulations.cell import train
from simulations.experiment import Condition, known
from simulations.loading import load
from simulations.measure import Watcher
from simulations.output import check_folder, writing
from simulations.records import Record
from simulations.statistics import PAIRED, bootstrap, interquartile_mean, paired_difference, wilson
from simulations.summary import learning_curve, scores
from simulations.world import World

Array = Any

DEFAULT_TASKS = ("brackets-tabular", "brackets-mlp")


def compare(
    rule: str,
    against: str = "dppo,cppo",
    task: tuple[str, ...] = DEFAULT_TASKS,
    seeds: int = 16,
    out: Path = Path("comparison"),
) -> int:
    """Train under a rule and under others with the same draws; print paired differences and broken laws.

    Args:
        rule: module:function of your rule, found from the working directory; or the name of a rule.
        against: Rules to compare with, separated by commas.
        task: Conditions of the experiment `main`.
        seeds: Seeds of every run.
        out: Folder for a picture of the learning curves per task.
    """
    if seeds < 3:
        raise UsageError(f"--seeds: found {seeds}; at least 3 are required")
    mine = _usable(rule)
    named = [_usable(name.strip(), "--against") for name in against.split(",") if name.strip()]
    rivals = [rival for rival in named if rival.name != mine.name]
    if not rivals:
        raise UsageError(f"--against: found {against!r}; the name of another rule is required")
    if len(rivals) < len(named):
        say(f"--against: {mine.name} is the rule itself and not compared")
    conditions = _conditions(task)
    check_folder(out)
    rules = {r.name: r for r in (mine, *rivals)}
    try:
        for name, condition in conditions.items():
            found = {n: trained(condition, r, list(range(seeds))) for n, r in rules.items()}
            _print_table(name, mine.name, found, seeds)
            path = out / f"{name}.png"
            with writing(out):
                write_bytes(path, picture(name, found))
            say(f"curves in {path}")
    except InputError:  # a rule that cannot be trained has laws to break too
        _print_laws(mine)
        raise
    _print_laws(mine)
    return 0


def _print_laws(rule: Rule) -> None:
    laws = broken(rule)
    print("\nlaws of a rule that it breaks: " + ("none" if not laws else ""))
    for law in laws:
        print(f"  {law}")


def trained(condition: Condition, rule: Rule, seeds: list[int]) -> Record:
    """What is recorded of a rule under a condition; all rules see the same draws."""
    watcher = Watcher(World.of(make_task(**condition.task)))
    train(condition, condition.rounds, checked(rule), watcher, seeds)
    return Record({"rule": rule.name}, seeds, watcher.arrays())


def checked(rule: Rule) -> Any:
    """The rule with its defaults; what it may not do is told plainly."""
    bound = rule.with_parameters()

    def decide(b: Any) -> Any:
        before = [b.raw(name).copy() for name in ("logp_rollout", "logp_current", "advantage")]
        try:
            decision = bound(b)
        except (Exception, SystemExit) as error:  # a user's rule may fail in any way
            found = f"failed on a training batch: {type(error).__name__}: {error}"
            remedy = "return new arrays instead" if "read-only" in str(error) else "mend the rule"
            raise InputError(rule.name, found, remedy) from None
        for name, kept in zip(("logp_rollout", "logp_current", "advantage"), before, strict=True):
            if not np.array_equal(b.raw(name), kept, equal_nan=True):
                raise InputError(rule.name, f"modifies {name} of the batch", "return new arrays instead")
        bad = ~np.isfinite(decision.rows_g) & np.isfinite(b.log_ratio)
        if bad.any():
            found = f"returned {decision.rows_g[bad][0]} for g at a valid token"
            raise InputError(rule.name, found, "mend the rule")
        return decision

    return decide


def picture(name: str, found: dict[str, Record]) -> bytes:
    """Learning curves: every seed faint, the interquartile mean strong."""
    from cppo_theory.plots import NARROW, legend_below, method, new_figure, png, style

    with style():
        figure, grid = new_figure(NARROW, 2.6)
        axes = grid[0, 0]
        for rule, record in found.items():
            curve = np.nan_to_num(learning_curve(record))
            look = method(rule, tuple(found))
            axes.plot(curve.T, color=look.color, alpha=0.15, linewidth=0.6)
            middle = interquartile_mean(curve.T[:, :, None])
            axes.plot(middle, **look.as_line(), zorder=3 + len(found) - list(found).index(rule))
        axes.set(xlabel="rollout round", ylabel="return J (reward)", ylim=(-0.02, 1.02), title=name)
        legend_below(figure, axes, 2)
        return png(figure)


def _usable(name: str, option: str = "--rule") -> Rule:
    found = chosen_rule(name, option)
    missing = [p.name for p in found.parameters.values() if p.required]
    if missing:
        raise UsageError(
            f"{name}: {', '.join(missing)} has no default; wrap the rule in a function of your own"
        )
    return found


def _conditions(names: tuple[str, ...]) -> dict[str, Condition]:
    """The conditions of those names, each once."""
    there = {c.name: c for c in load("main").condition}
    if not names:
        raise UsageError(f"--task: found none; known are {', '.join(there)}")
    return {name: known("task", name, there) for name in names}


def _print_table(name: str, mine: str, found: dict[str, Record], seeds: int) -> None:
    own = scores(found[mine])["area"].astype(float)
    rows = []
    for rule, record in found.items():
        score = scores(record)
        area = score["area"].astype(float)
        difference = "-" if rule == mine else str(paired_difference(own, area))
        failed = wilson(int((score["failure"] > 0).sum()), seeds)
        rows.append((rule, str(bootstrap(area)), difference, str(failed), f"{score['masked'].mean():.3f}"))
    title = f"{name}: {seeds} seeds, area under J, interquartile mean and 95% interval; {PAIRED}"
    headers = ("rule", "area under J", f"{mine} - rule, paired", "failed", "masked")
    print_table(headers, rows, numbers=range(4, 5), title=title)
