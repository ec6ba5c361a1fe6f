"""A tiny experiment as a file, and what the tests of records, runner and commands do with it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulations.commands import main

TINY = """question = "Does a tiny experiment run?"
headline = ["cppo", "dppo"]

[presets.smoke]
seeds = 5
tuning_seeds = 3

[presets.full]
seeds = 7
tuning_seeds = 3
conditions = ["a"]

[[condition]]
name = "a"
task = { name = "brackets", horizon = 4, depth = 2 }
policy = "tabular"
rate = 0.3
updates = 2
rounds = 4
prompts = 2
group = 4

[[condition]]
name = "b"
task = { name = "brackets", horizon = 4, depth = 2 }
policy = "mlp"
rate = 0.1
updates = 2
rounds = 4
prompts = 2
group = 4
hidden = 4

[[rule]]
name = "dppo"
rule = "dppo"
settings = [{ delta = 0.05 }, { delta = 0.15 }]
paper = 1

[[rule]]
name = "cppo"
rule = "cppo"
settings = [{ delta = 0.05, delta_b = 0.005 }, { delta = 0.15, delta_b = 0.015 }]
paper = 1
"""
CELLS = 8


def written(folder: Path, text: str = TINY, name: str = "tiny") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Bytes of every record and summary, by its place."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.npz"))}


def run_main(*arguments: Any) -> int:
    """Exit code of the command line with these arguments."""
    try:
        return main([str(x) for x in arguments])
    except SystemExit as stop:  # what the parser of the command line raises
        return int(stop.code)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Exit code, standard output and standard error of a command, one process, a wide terminal."""
    monkeypatch.setenv("COLUMNS", "250")

    def answer(*arguments: Any) -> tuple[int, str, str]:
        code = run_main(*arguments)
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return answer


def constant_record(seeds: list[int], rounds: int, value: float, **more: float) -> dict[str, np.ndarray]:
    """Arrays of a record whose numbers do not change."""
    names = {"value": value, "value_mu": value, "surrogate": 0.0, "delta": 0.01, "scored": 10.0}
    names |= {f"by_{name}": 0.0 for name in ("token", "budget", "sequence", "clip")}
    names |= {"removed": 1.0, **more}
    return {name: np.full((len(seeds), rounds), x, dtype=np.float32) for name, x in names.items()}


PYTHON = [sys.executable, "-m", "simulations"]
