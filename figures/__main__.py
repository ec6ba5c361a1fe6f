"""``python -m figures all | NAME... [--preset smoke|paper] [--out DIR] [--list]``.

Exit codes: 0 fine, 2 an unknown figure or option, 3 input is missing or wrong, 130 interrupted.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from figures.catalogue import NAMES, figure
from figures.run import make
from figures.source import MissingInputError, Source


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the figures named, or list them; the exit code."""
    options = _parser().parse_args(arguments)
    asked = options.names or (["all"] if options.list else [])
    unknown = [name for name in asked if name not in (*NAMES, "all")]
    if unknown or not asked:
        return _say(_unknown(unknown[0]) if unknown else "name a figure, or all; --list names them", 2)
    names = NAMES if "all" in asked else tuple(dict.fromkeys(asked))
    if options.list:
        for name in names:
            print(f"{name:14s} {figure(name).CAPTION.strip().partition(chr(10))[0]}")
        return 0
    folders = {"results": options.results, "rollouts": options.rollouts}
    source = Source(options.preset, **{name: path for name, path in folders.items() if path is not None})
    try:
        code = max([_one(name, source, options.out) for name in names])
        _say_what_is_stale(source)
        return code
    except KeyboardInterrupt:
        return _say("interrupted", 130)


def _one(name: str, source: Source, out: Path) -> int:
    """Make one figure; one that cannot be made does not keep the others from it."""
    start = time.perf_counter()
    try:
        paths = make(name, source, out)
    except (MissingInputError, ValueError) as error:
        return _say(f"{name}: {error}", 3)
    except OSError as error:
        return _say(f"{name}: {error.filename or out}: {error.strerror or error}", 3)
    print(f"{name}: {', '.join(str(path) for path in paths)} ({time.perf_counter() - start:.1f} s)")
    return 0


def _say_what_is_stale(source: Source) -> None:
    """One line for every experiment whose records today's code did not make."""
    for experiment, paths in source.stale.items():
        if count := sum(paths.values()):
            made = f"{count} of {len(paths)} records were made by other code"
            _say(f"{experiment}: {made}; make them anew with: {source.command_for(experiment)}", 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m figures", description="Draw figures.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures, or all")
    parser.add_argument("--preset", choices=("smoke", "paper"), default="paper", help="default: paper")
    parser.add_argument(
        "--out", type=Path, default=Path("build/figures"), help="folder; default: build/figures"
    )
    parser.add_argument("--results", type=Path, help="records; default: simulations/results")
    parser.add_argument("--rollouts", type=Path, help="sampled responses; default: examples/rollouts")
    parser.add_argument("--list", action="store_true", help="name the figures")
    return parser


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, (*NAMES, "all"), n=1)
    return f"unknown figure {name!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"known: {', '.join(NAMES)}"
    )


def _say(message: str, code: int) -> int:
    print(f"figures: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
