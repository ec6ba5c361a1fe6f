"""Make figures: PNG, PDF, the CSV of what is drawn, and a JSON of where it comes from."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path

import matplotlib

from cppo_theory.files import write_bytes
from cppo_theory.plots import pdf, png, style
from cppo_theory.version import __version__
from figures.catalogue import figure
from figures.source import ROOT, Drawn, Source


def make(name: str, source: Source, out: Path) -> list[Path]:
    """Write the four files of a figure, each whole or not at all; their paths.

    The same input gives the same bytes (with one version of matplotlib).
    """
    module = figure(name)
    drawn = module.data(source)
    csv = drawn.table.csv().encode("utf-8")
    with style():
        picture = module.draw(drawn.table)
        files = {".png": png(picture), ".pdf": pdf(picture), ".csv": csv}
    files[".json"] = _provenance(name, source, drawn, {kind: files[kind] for kind in (".png", ".csv")})
    paths = [out / f"{name}{kind}" for kind in files]
    for path, data in zip(paths, files.values(), strict=True):
        write_bytes(path, data)
    return paths


def _provenance(name: str, source: Source, drawn: Drawn, files: dict[str, bytes]) -> bytes:
    """What a reader needs to judge a figure, or to make it again."""
    document = {
        "schema": "cppo-figure/1",
        "name": name,
        "caption": " ".join(figure(name).CAPTION.split()),
        "command": f"python -m figures {name} --preset {source.preset}{_folders(source)}",
        "preset": source.preset,
        "seeds": drawn.seeds,
        "interval": drawn.interval or None,
        "settings": drawn.settings,
        "by_other_code": sum(source.is_stale(path) for path in drawn.inputs),
        "inputs": [{"path": _relative(path), "sha256": _hash(path.read_bytes())} for path in drawn.inputs],
        "outputs": {f"{name}{kind}": _hash(data) for kind, data in files.items()},
        "versions": {"cppo_theory": __version__, "matplotlib": matplotlib.__version__},
    }
    return (json.dumps(document, indent=1) + "\n").encode("utf-8")


def _folders(source: Source) -> str:
    """The options of the folders that are not the default ones."""
    given = {"--results": (source.results, Source.results), "--rollouts": (source.rollouts, Source.rollouts)}
    other = {option: path for option, (path, usual) in given.items() if path.resolve() != usual}
    return "".join(f" {option} {shlex.quote(str(path))}" for option, path in other.items())


def _relative(path: Path) -> str:
    """The path in the checkout; of a file elsewhere, its last three parts."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else "/".join(path.parts[-3:])


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
