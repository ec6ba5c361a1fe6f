"""``cppo-theory mask``: what a rule would keep of sampled responses."""

from __future__ import annotations

import gzip
import io
import itertools
import json as json_text
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import tyro

from cppo_theory.cli.rule_options import Choices, Thresholds, chosen_rule, rule_parameters
from cppo_theory.cli.terminal import UsageError, jsonable, number, print_table, say
from cppo_theory.files import replaced
from cppo_theory.rollouts import Agreement, Reading, agreement, mask_rollouts, read_rollouts
from cppo_theory.rules import Metrics, Rule

NO_THRESHOLDS, NO_CHOICES = Thresholds(), Choices()


def mask(  # noqa: PLR0913 - the options of a command
    file: tyro.conf.Positional[Path],
    rule: str | None = None,
    compare: str | None = None,
    out: Path | None = None,
    trace: bool = False,
    summary: bool = False,
    json: bool = False,
    divergence: Literal["tv", "kl"] = "tv",
    source: Literal["exact", "topk", "binary"] | None = None,
    nan: Literal["fail", "drop"] = "fail",
    thresholds: Annotated[Any, tyro.conf.arg(name="", constructor=Thresholds)] = NO_THRESHOLDS,
    choices: Annotated[Choices, tyro.conf.arg(name="")] = NO_CHOICES,
) -> int:
    """Apply a rule to the responses of a file: which tokens it keeps, with which coefficient, and why not.

    Args:
        file: Rollout file (schema cppo-rollout/1, JSON lines, plain or gzip); - for the standard input.
        rule: Rule, as `cppo-theory rules` lists them, or module:function.
        compare: Rules separated by commas: print on how many tokens they agree.
        out: Where the masks go, one line per response; gzip if it ends in .gz; - for the standard output.
        trace: Write the ledger of every token too.
        summary: Print every metric, not only the main ones.
        json: Print the metrics as JSON.
        divergence: What is measured at a token: total variation or KL(mu || pi).
        source: From what: whole vocabulary, Top-K table, sampled token; default: the best that a row has.
        nan: What to do with a NaN: fail, or drop the token.
        thresholds: Parameters of the rule.
        choices: Parts of the rule.
    """
    if (rule is None) == (compare is None):
        raise UsageError("mask: give --rule NAME or --compare NAME,NAME, one of them")
    names = [rule] if rule is not None else [n.strip() for n in str(compare).split(",") if n.strip()]
    rules = [chosen_rule(str(name), "--rule" if compare is None else "--compare") for name in names]
    given = rule_parameters(rules, thresholds, choices, divergence)
    readings = [Reading(measure_of(r, divergence), source, nan == "drop") for r in rules]
    if rule is not None:
        _mask_one(file, rules[0], given[0], readings[0], Output(out, trace), summary, json)
        return 0
    if out is not None or trace or summary:
        raise UsageError("mask: --compare prints a table only; leave --out, --trace and --summary out")
    if len(rules) < 2:
        raise UsageError(f"--compare: found {compare!r}; two rules or more are required")
    _compare(file, rules, given, readings, json)
    return 0


def measure_of(rule: Rule, asked: Literal["tv", "kl"]) -> Literal["tv", "kl"]:
    """What a rule looks at: what was asked for, if it takes a divergence at all."""
    if rule.judges_kl:
        return "kl"
    return asked if "divergence" in rule.parameters else "tv"


class Output:
    """Where the lines go: a temporary file that is renamed at the end, the standard output, or nowhere."""

    def __init__(self, path: Path | None, trace: bool) -> None:
        self.path, self.trace = path, trace
        self.is_stdout = path is not None and str(path) == "-"
        if trace and path is None:
            raise UsageError("--trace: the ledgers are written with the masks; give --out")

    @contextmanager
    def opened(self) -> Iterator[IO[bytes] | None]:
        if self.path is None:
            yield None
        elif self.is_stdout:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        else:
            with _renamed_at_the_end(self.path) as stream:
                yield stream


@contextmanager
def _renamed_at_the_end(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only once it is whole; packed if it ends in .gz."""
    with replaced(path) as raw:
        if path.suffix == ".gz":
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                yield packed  # type: ignore[misc]  # a GzipFile is a stream of bytes
        else:
            yield raw


def _mask_one(  # noqa: PLR0913 - the parts of one run
    file: Path, rule: Rule, given: dict[str, Any], reading: Reading, out: Output, full: bool, json: bool
) -> None:
    total, dropped = Metrics(), 0
    with out.opened() as stream:
        for masked in mask_rollouts(read_rollouts(file), rule, reading, **given):
            total, dropped = total + masked.metrics, dropped + masked.dropped
            if stream is not None:
                stream.write(masked.line(out.trace))
    _remark(total, dropped, rule.name)
    report = io.StringIO()
    with redirect_stdout(report if out.is_stdout else sys.stdout):
        if json:
            print(json_text.dumps({"rule": rule.name, **as_json(total)}, indent=1))
        else:
            title = f"{file}: {rule.name}, divergence {reading.measure}"
            print_table(("quantity", "value"), rows(total, full), numbers=range(1, 2), title=title)
    if out.is_stdout:
        sys.stderr.write(report.getvalue())


def _remark(total: Metrics, dropped: int, name: str) -> None:
    """What a user should know about the file, on stderr."""
    if dropped:
        say(f"{dropped:,} tokens with a NaN were dropped")
    if total.ratios_exactly_one == 1:
        say(f"warning: all ratios are exactly 1 (pi = mu at every token), so {name} is inert")


def rows(total: Metrics, full: bool) -> list[tuple[str, str]]:
    """The metrics as rows of a table."""
    share = "{:.4f}".format
    out = [
        ("responses", f"{total.responses:,}"),
        ("tokens", f"{total.tokens:,}"),
        ("tokens with A != 0", f"{total.scored:,}"),
        ("masked, of these", share(total.masked_fraction)),
        ("  where A > 0", share(total.masked_fraction_up)),
        ("  where A < 0", share(total.masked_fraction_down)),
        ("rejected by the token threshold", f"{total.by_token:,}"),
        ("rejected by the prefix budget", f"{total.by_budget:,}"),
        ("rejected with the sequence", f"{total.by_sequence:,}"),
        ("rejected by a clip", f"{total.by_clip:,}"),
        ("mean divergence", number(total.mean_divergence)),
        ("largest divergence", number(total.max_divergence)),
    ]
    if not full:
        return out
    return [
        *out,
        ("budget's share of the rejected", share(total.budget_share)),
        ("share that moves towards mu", share(total.toward_share)),
        ("budget per token in force, mean", number(total.delta_b)),
        ("mean weighted divergence", number(total.mean_weighted)),
        ("largest weighted divergence", number(total.max_weighted)),
        ("first rejected position, mean", number(total.first_masked_position)),
        ("responses with a rejected token", f"{total.responses_masked:,}"),
        ("responses rejected as a whole", share(total.sequence_rejection_rate)),
        ("ratio above 2", share(total.ratio_tails[0])),
        ("ratio below 1/2", share(total.ratio_tails[1])),
        ("largest |log ratio|", number(total.max_abs_log_ratio)),
        ("ratio exactly 1", share(total.ratios_exactly_one)),
        ("KL(mu || pi) per token, k1", number(total.k1)),
        ("KL(mu || pi) per token, k3", number(total.k3)),
        ("rejections by tenth of the response", " ".join(map(str, total.histogram))),
    ]


def as_json(total: Metrics) -> dict[str, Any]:
    """The metrics as plain data."""
    names = (
        "responses tokens scored masked_fraction masked_fraction_up masked_fraction_down by_token by_budget "
        "by_sequence by_clip budget_share toward_share delta_b mean_divergence max_divergence mean_weighted "
        "max_weighted first_masked_position responses_masked sequence_rejection_rate ratio_tails "
        "max_abs_log_ratio ratios_exactly_one k1 k3 histogram"
    )
    return {name: jsonable(getattr(total, name)) for name in names.split()}


def _compare(
    file: Path, rules: list[Rule], given: list[dict[str, Any]], readings: list[Reading], json: bool
) -> None:
    pairs = list(itertools.combinations(range(len(rules)), 2))
    found = [Agreement() for _ in pairs]
    totals, dropped = [Metrics() for _ in rules], 0
    for row, item in enumerate(read_rollouts(file), start=1):
        one = [
            next(mask_rollouts([item], rule, reading, row, **own))
            for rule, own, reading in zip(rules, given, readings, strict=True)
        ]
        dropped += one[0].dropped
        totals = [total + masked.metrics for total, masked in zip(totals, one, strict=True)]
        found = [a + agreement(one[i], one[j]) for a, (i, j) in zip(found, pairs, strict=True)]
    _remark(totals[0], dropped, "every rule")
    named = [(rules[i].name, rules[j].name, a) for (i, j), a in zip(pairs, found, strict=True)]
    if json:
        masked_fractions = {rule.name: t.masked_fraction for rule, t in zip(rules, totals, strict=True)}
        table = [{"first": x, "second": y, **vars(a), "agreement": a.share} for x, y, a in named]
        print(json_text.dumps({"masked_fraction": masked_fractions, "pairs": table}, indent=1))
        return
    title = f"{file}: {totals[0].scored:,} tokens with A != 0"
    table_of_rules = [(rule.name, f"{t.masked_fraction:.4f}") for rule, t in zip(rules, totals, strict=True)]
    print_table(("rule", "masked"), table_of_rules, numbers=range(1, 2), title=title)
    columns = ("first", "second", "agree", "both keep", "only first", "only second", "neither")
    cells = [
        (x, y, f"{a.share:.4f}", *(f"{n:,}" for n in (a.both, a.first_only, a.second_only, a.neither)))
        for x, y, a in named
    ]
    print_table(columns, cells, numbers=range(2, 7), title="Agreement on the tokens that are kept")
