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
from simulations.experiment import SUMMARY, Cell, Experiment, UnknownNameError, cells, seeds_of
from simulations.loading import load, names
from simulations.output import check_folder
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
        out: Folder of records and summaries; default: simulations/records, and simulations/results for the
            summaries of a whole run of an experiment of the package with the preset paper.
        plan: Print cells, seconds and disk space, run nothing.
        adopt: Take over records of other code of which this many seeds, trained anew, come out the same.
    """
    experiment = load(name)
    if out is None and experiment.name in names() and name != experiment.name:
        raise UsageError(
            f"name: {name} shares the name and so the records of {experiment.name}; rename it, or give --out"
        )
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
    check_folder(base)
    _run_all(work, workers)
    is_whole = preset == "paper" and not task and not rule and seeds is None
    is_kept = out is None and name in names() and is_whole
    folder = RESULTS / experiment.name if is_kept else base / SUMMARY
    _summarise(experiment, chosen, base, folder, (reported, tuning))
    others_too = {cell.of_rule for cell in chosen}  # of other runs lie there too
    tables.print_experiment(experiment, folder, others_too)
    return 0


def list_experiments() -> int:
    """List the experiments and the question of each."""
    print_table(("experiment", "question"), [(name, load(name).question) for name in names()])
    return 0


def show(name: tyro.conf.Positional[str]) -> int:
    """Show an experiment: question, presets, conditions, rules and their settings.

    Args:
        name: Experiment, as `list` shows them, or a TOML file.
    """
    found = load(name)
    print(f"{found.name}: {found.question}")
    presets = [(n, str(p.seeds), str(p.tuning_seeds)) for n, p in found.presets.items()]
    print_table(("preset", "seeds", "tuning seeds"), presets, numbers=range(1, 3))
    conditions = [
        (
            c.name,
            " ".join(str(x) if k == "name" else f"{k} {x}" for k, x in c.task.items()),
            *(c.policy, c.optimizer, f"{c.rate:g}", str(c.updates), str(c.rounds)),
        )
        for c in found.condition
    ]
    headers = ("condition", "task", "policy", "optimiser", "rate", "updates", "rounds")
    print_table(headers, conditions, numbers=range(4, 7))
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
    command = (sys.argv[1:] if arguments is None else arguments)[:1]
    kept = "; finished cells are kept, the same command goes on" if list(command) == ["run"] else ""
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
        return 2 if isinstance(error, UnknownNameError) else 3
    except records.ForeignRecordError as error:
        say(f"error: {brief(str(error))}")
        return 3
    except BrokenPipeError:  # of a reader that has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        say(f"error: {error.filename or 'output'}: {error.strerror}{kept}")
        return 3
    except BrokenExecutor:
        say(f"error: a worker ended{kept}")
        return 3
    except KeyboardInterrupt:
        say(f"interrupted{kept}")
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
        pairs = [(cell, records.read(runner.record_path(base, cell))) for cell in group]
        summary = summarise(experiment, pairs, *seeds)
        write_bytes(
            folder / f"{group[0].of_rule}.npz",
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
