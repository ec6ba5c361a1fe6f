"""The commands ``run``, ``list``, ``show`` and ``compare`` of ``python -m simulations``.

Exit codes: 0 fine, 2 bad usage, 3 bad input or a worker that was killed, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Literal

import tyro

from cppo_theory.cli.terminal import UsageError, brief, print_table, say
from cppo_theory.errors import InputError
from cppo_theory.files import write_bytes
from simulations import adoption, records, runner, tables
from simulations.compare import compare
from simulations.experiment import SUMMARY, Cell, Experiment, cells, load, names, seeds_of
from simulations.summary import summarise

RECORDS = Path(__file__).parent / "records"
RESULTS = Path(__file__).parent / "results"
"""Where the summaries of the preset ``paper`` are kept, for the figures and the pages."""


def run(  # noqa: PLR0913 - the options of a command
    name: tyro.conf.Positional[str],
    task: tuple[str, ...] = (),
    rule: tuple[str, ...] = (),
    seeds: int | None = None,
    jobs: int | None = None,
    preset: Literal["smoke", "paper", "full"] = "smoke",
    out: Path | None = None,
    plan: bool = False,
    adopt: int = 0,
) -> int:
    """Run an experiment: finish the cells that lack seeds, then summarise and print its table.

    Args:
        name: Experiment, as `list` shows them, or a TOML file.
        task: Only these conditions.
        rule: Only these rules.
        seeds: Number of reported seeds; default: that of the preset.
        jobs: Worker processes; default: one per core.
        preset: smoke, paper or full.
        out: Folder of records and summaries; default: simulations/records.
        plan: Print cells, seconds and disk space, run nothing.
        adopt: Take over records of other code of which this many seeds, trained anew, come out the same.
    """
    experiment = load(name)
    chosen = cells(experiment, preset, task, rule)
    if (seeds is not None and seeds < 1) or (jobs is not None and jobs < 1):
        raise UsageError("--seeds, --jobs: at least 1 is required")
    reported, tuning = seeds_of(experiment.presets[preset], seeds)
    base = (out or RECORDS) / preset / experiment.name
    if adopt < 0 or (adopt and plan):
        raise UsageError("--adopt: a number of seeds is required, and no --plan")
    workers = jobs or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    if adopt:
        _adopt(chosen, base, adopt, workers)
    work = runner.plan(chosen, [*reported, *tuning], base, say, look_only=plan)
    if plan:
        _print_plan(work, workers)
        return 0
    _run_all(work, workers)
    is_whole = not task and not rule and seeds is None
    summaries = RESULTS if out is None and preset == "paper" and is_whole else base / SUMMARY
    folder = summaries / experiment.name if summaries == RESULTS else summaries
    _summarise(experiment, chosen, base, folder, (reported, tuning))
    only = {(cell.condition.name, cell.ray.name) for cell in chosen}  # others lie there from other runs
    tables.print_experiment(experiment, folder, only)
    return 0


def list_experiments() -> int:
    """List the experiments and the question of each."""
    print_table(("experiment", "question"), [(name, load(name).question) for name in names()])
    return 0


def show(name: tyro.conf.Positional[str]) -> int:
    """Show an experiment: question, presets, conditions, rules and their settings.

    Args:
        name: Experiment, as `list` shows them.
    """
    found = load(name)
    print(f"{found.name}: {found.question}")
    presets = [(n, str(p.seeds), str(p.tuning_seeds)) for n, p in found.presets.items()]
    print_table(("preset", "seeds", "tuning seeds"), presets, numbers=range(1, 3))
    conditions = [
        (c.name, c.policy, f"{c.rate:g}", str(c.updates), str(c.rounds), c.optimizer) for c in found.condition
    ]
    headers = ("condition", "policy", "rate", "updates", "rounds", "optimiser")
    print_table(headers, conditions, numbers=range(2, 5))
    rays = [
        (
            r.name,
            ", ".join([r.rule, *(f"{part} {value}" for part, value in r.fixed.items())]),
            "; ".join(", ".join(f"{k} {v:g}" for k, v in s.items()) for s in r.settings),
        )
        for r in found.rule
    ]
    print_table(("rule", "of the package", "settings"), rays)
    return 0


COMMANDS: dict[str, Callable[..., int]] = {
    "run": run,
    "list": list_experiments,
    "show": show,
    "compare": compare,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        return int(
            tyro.extras.subcommand_cli_from_dict(
                COMMANDS,
                prog="python -m simulations",
                description="Small policies trained under trust-region rules.",
                args=arguments,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
        )
    except UsageError as error:
        say(f"error: {error}")
        return 2
    except InputError as error:
        say(f"error: {brief(error.field)}: {brief(error.found)}; {error.remedy}")
        return 3
    except records.ForeignRecordError as error:
        say(f"error: {brief(str(error))}")
        return 3
    except OSError as error:
        say(f"error: {error.filename or 'output'}: {error.strerror}; finished cells are kept")
        return 3
    except BrokenExecutor:
        say("error: a worker ended; finished cells are kept, the same command goes on")
        return 3
    except KeyboardInterrupt:
        say("interrupted; finished cells are kept, the same command goes on")
        return 130


def _adopt(chosen: Sequence[Cell], base: Path, count: int, workers: int) -> None:
    found = list(adoption.adopt(chosen, base, count, workers))
    kept = sum(not words for _, words in found)
    say(f"{kept} of {len(found)} records of other code adopted: {count} seeds of each came out the same")
    for cell, words in found:
        if words:
            say(f"  {cell.label}: {words}")


def _run_all(work: Sequence[runner.Work], workers: int) -> None:
    left = [item for item in work if item.missing]
    if not left:
        return
    start, total = time.perf_counter(), runner.seconds_of(left)
    finished = 0.0
    for count, done in enumerate(runner.run(left, workers), start=1):
        finished += runner.seconds_of([done.work])
        spent = time.perf_counter() - start
        rest = spent * (total - finished) / max(finished, 1e-9)
        say(f"{count}/{len(left)} {done.work.cell.label} {done.seconds:.1f} s, about {rest:.0f} s left")


def _summarise(
    experiment: Experiment,
    chosen: Sequence[Cell],
    base: Path,
    folder: Path,
    seeds: tuple[list[int], list[int]],
) -> None:
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in chosen:
        groups.setdefault((cell.condition.name, cell.ray.name), []).append(cell)
    for group in groups.values():
        pairs = [(cell, records.read(base / f"{cell.label}.npz")) for cell in group]
        summary = summarise(experiment, pairs, *seeds)
        write_bytes(
            folder / f"{Path(group[0].label).parent}.npz",
            records.encoded(summary),
        )


def _print_plan(work: Sequence[runner.Work], workers: int) -> None:
    left = [item for item in work if item.missing]
    seconds = runner.seconds_of(work)
    rows = [
        ("cells", f"{len(work)}"),
        ("cells to run", f"{len(left)}"),
        ("seeds to train", f"{sum(len(item.missing) for item in left):,}"),
        ("CPU seconds, about", f"{seconds:.0f}"),
        (f"seconds on {workers} workers, about", f"{seconds / workers:.0f}"),
        ("disk of the records, at most", f"{runner.size_of(work) / 1e6:.1f} MB"),
    ]
    print_table(("plan", ""), rows, numbers=range(1, 2))


if __name__ == "__main__":
    sys.exit(main())
