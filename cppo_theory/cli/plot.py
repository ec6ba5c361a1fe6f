"""``cppo-theory plot``: a picture of one instance, or of the ledger of one response."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from cppo_theory.cli.evaluate import load_instance
from cppo_theory.cli.mask import NO_CHOICES, NO_THRESHOLDS, measure_of
from cppo_theory.cli.rule_options import Choices, Thresholds, chosen_rule, rule_parameters
from cppo_theory.cli.terminal import UsageError, brief
from cppo_theory.errors import InputError
from cppo_theory.files import write_bytes
from cppo_theory.rollouts import SCHEMA, Masked, Reading, mask_rollouts, read_rollouts
from cppo_theory.rules import PerMeasure, Rule, kl, tv

KINDS = (".png", ".pdf")
LONGEST_NAME = 60
Measure = Literal["tv", "kl"]


def plot(  # noqa: PLR0913 - the options of a command
    file: tyro.conf.Positional[Path],
    row: int | None = None,
    out: Path | None = None,
    rule: str = "cppo",
    divergence: Literal["tv", "kl"] = "tv",
    source: Literal["exact", "topk", "binary"] | None = None,
    thresholds: Annotated[Any, tyro.conf.arg(name="", constructor=Thresholds)] = NO_THRESHOLDS,
    choices: Annotated[Choices, tyro.conf.arg(name="")] = NO_CHOICES,
) -> int:
    """Draw an instance (divergences, suffix TV, bounds), or one response of a rollout file (its ledger).

    Args:
        file: Instance file, or rollout file (JSON lines, plain or gzip; - for the standard input).
        row: Which response of a rollout file, from 1 (default).
        out: Picture, .png or .pdf; default: PNG next to the file; of the standard input there is none.
        rule: Rule whose ledger is drawn, as `cppo-theory rules` lists them, or module:function.
        divergence: What is measured at a token: total variation or KL(mu || pi).
        source: From what: whole vocabulary, Top-K table, sampled token; default: the best of the row.
        thresholds: Parameters of the rule.
        choices: Parts of the rule.
    """
    if out is not None and out.suffix not in KINDS:
        raise UsageError(f"--out: found {str(out)!r}; a name that ends in .png or .pdf is required")
    if str(file) == "-" and out is None:
        raise UsageError("--out: the name of the picture is required, for - is the standard input")
    if _is_rollouts(file):
        chosen = chosen_rule(rule)
        given = rule_parameters([chosen], thresholds, choices, divergence)[0]
        number = 1 if row is None else row
        masked = _response(file, number, rule, Reading(measure_of(chosen, divergence), source), given)
        shown = _shown(chosen, choices, divergence)
        title = f"{_name(file)}, row {number}: {_words(chosen.name)}, source {_source(masked, shown)}"
        _write(out or _beside(file, f".row-{number}"), _ledger(masked, title, shown))
        return 0
    if row is not None:
        raise UsageError("--row: an instance file has no rows")
    if (thresholds, choices, source, rule, divergence) != (NO_THRESHOLDS, NO_CHOICES, None, "cppo", "tv"):
        raise UsageError("plot: an instance takes no rule; its options are for rollout files")
    picture = _instance(file)
    _write(out or _beside(file, ""), picture)
    return 0


def _is_rollouts(file: Path) -> bool:
    """Whether a file holds responses: by its name, else by its first line; the standard input does."""
    if ".jsonl" in file.suffixes or str(file) == "-":
        return True
    try:
        with file.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
        with gzip.open(file) if packed else file.open("rb") as stream:
            document = json.loads(stream.readline())
    except (OSError, EOFError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def _response(file: Path, row: int, rule: str, reading: Reading, given: dict[str, Any]) -> Masked:
    """What the rule decides on one line of the file."""
    if row < 1:
        raise UsageError(f"--row: found {row}; rows are counted from 1")
    number = 0
    for number, one in enumerate(read_rollouts(file), start=1):
        if number == row:
            return _masked(one, rule, reading, row, given)
    raise InputError("--row", f"found {row}, but the file has {number} responses", "rows are counted from 1")


def _masked(one: Any, rule: str, reading: Reading, row: int, given: dict[str, Any]) -> Masked:
    """What the rule decides on one response; a message recommends no option of another command."""
    try:
        return next(mask_rollouts([one], rule, reading, row, **given))
    except InputError as error:
        remedy = error.remedy.partition(" (mask --nan")[0]
        raise InputError(error.field, error.found, remedy) from error


def _shown(chosen: Rule, choices: Choices, asked: Measure) -> Measure | None:
    """What the divergences of the ledger are: those of the rule, or of the base that judges tokens.

    None: a rule of the user measures something else.
    """
    judge = chosen if choices.base is None else chosen_rule(choices.base, "--base")
    if "divergence" not in judge.parameters:
        return "kl" if chosen.judges_kl else "tv"
    default = judge.parameters["divergence"].default
    return "kl" if asked == "kl" or default is kl else "tv" if default is tv else None


def _source(masked: Masked, measure: Measure | None) -> str:
    """Where the divergences of the ledger come from: exact, topk or binary."""
    source = masked.batch.source
    if isinstance(source, PerMeasure) and measure == "tv":
        return source.of_tv.name
    return source.name


def _ledger(masked: Masked, title: str, measure: Measure | None) -> Any:
    from cppo_theory import plots

    return lambda: plots.draw_ledger(plots.ledger_table(masked), title, measure)


def _instance(file: Path) -> Any:
    from cppo_theory import plots

    instance = load_instance(file)
    name = _words(instance.name or file.name)
    words = f"{name}: {instance.space.kind}, V = {instance.actions}, T = {instance.horizon}"
    table = plots.instance_table(instance)
    return lambda: plots.draw_instance(table, words)


def _name(file: Path) -> str:
    return "standard input" if str(file) == "-" else _words(file.name)


def _words(text: str) -> str:
    """A name as it stands in a title: not too long, and a dollar sign starts no formula."""
    line = "".join(c if c.isprintable() else "?" for c in text)
    return brief(line, LONGEST_NAME).replace("$", r"\$")


def _write(path: Path, draw: Any) -> None:
    from cppo_theory import plots

    with plots.style():
        picture = draw()
        write_bytes(path, plots.pdf(picture) if path.suffix == ".pdf" else plots.png(picture))
    print(path)


def _beside(file: Path, ending: str) -> Path:
    """The name of the picture: that of the file without its endings."""
    name = (
        file.name.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json").removesuffix(".instance")
    )
    return file.with_name(f"{name}{ending}.png")
