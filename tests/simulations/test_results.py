"""docs/results.md shows what the committed summaries hold."""

import re
from pathlib import Path

import numpy as np
import pytest

from simulations.frontier import at_masked_share
from simulations.statistics import interquartile_mean, paired_difference
from simulations.summary import read_summaries

ROOT = Path(__file__).parent.parent.parent
SUMMARIES = read_summaries(ROOT / "simulations" / "results" / "main")
ROWS = [
    [cell.strip() for cell in line.strip("|\n ").split("|")]
    for line in (ROOT / "docs" / "results.md").read_text("utf-8").splitlines()
    if re.match(r"\| \w+(-\w+)*-(tabular|mlp) ", line)
]
TUNED, PAPER = (
    {row[0]: row[1:] for row in ROWS[first : first + 6]}
    for first in (0, 6)  # the two tables
)
RULES = ("pg-is", "grpo", "cispo", "minpro", "dppo", "trm-max", "trm-avg", "cppo", "cppo-soft")
CONDITIONS = sorted({condition for condition, _ in SUMMARIES})


def areas(condition, rule, which):
    record = SUMMARIES[condition, rule]
    return record.arrays["area"][:, record.config[which]].astype(float)


def short(text):
    """0.123 as .123, as the page writes it."""
    return re.sub(r"(?<![0-9])0\.", ".", str(text))


def test_the_records_are_those_that_the_page_speaks_of():
    assert len(CONDITIONS) == 6
    for record in SUMMARIES.values():
        assert record.seeds == list(range(40))
        assert len(record.config["tuning"]) == len(record.config["settings"])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_tuned_settings(condition):
    *scores, difference = TUNED[condition]
    found = [float(interquartile_mean(areas(condition, rule, "chosen"))) for rule in RULES]
    assert scores == [short(f"{score:.3f}") for score in found]
    pair = (areas(condition, rule, "chosen") for rule in ("cppo", "dppo"))
    assert difference == short(paired_difference(*pair))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_settings_of_the_paper(condition):
    masked, hard, soft, equal = PAPER[condition]
    shares = {}
    for rule in ("cppo", "dppo", "cppo-soft"):
        record = SUMMARIES[condition, rule]
        shares[rule] = float(record.arrays["masked"][:, record.config["paper"]].mean())
    assert masked == ", ".join(short(f"{share:.2f}") for share in shares.values())
    one, two, three = (areas(condition, rule, "paper") for rule in ("cppo", "dppo", "cppo-soft"))
    assert (hard, soft) == (short(paired_difference(one, two)), short(paired_difference(three, two)))
    if equal != "outside DPPO's ray":
        rival = at_masked_share(SUMMARIES[condition, "dppo"], shares["cppo-soft"])
        assert equal == short(paired_difference(three, rival))


def test_a_share_outside_the_ray_is_refused():
    record = SUMMARIES["automaton-mlp", "dppo"]
    masked = record.arrays["masked"].mean(0)
    for share in (masked.min() - 1e-3, masked.max() + 1e-3):
        with pytest.raises(ValueError, match="the ray of dppo runs from"):
            at_masked_share(record, float(share))


def test_the_ray_is_read_at_its_settings_and_between():
    record = SUMMARIES["modular-sum-tabular", "dppo"]
    masked, area = record.arrays["masked"].mean(0).astype(float), record.arrays["area"].astype(float)
    np.testing.assert_allclose(at_masked_share(record, float(masked[2])), area[:, 2], atol=1e-6)
    middle = at_masked_share(record, float(masked[2] + masked[3]) / 2)
    np.testing.assert_allclose(middle, (area[:, 2] + area[:, 3]) / 2, atol=1e-6)
