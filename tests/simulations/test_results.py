"""docs/results.md shows what the committed summaries hold."""

import re
from pathlib import Path

import numpy as np
import pytest

from simulations.frontier import at_masked_share
from simulations.kept import read_summaries
from simulations.statistics import interquartile_mean, paired_difference

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "simulations" / "results"
SUMMARIES, MECHANISMS, STALENESS = (
    read_summaries(RESULTS / name) for name in ("main", "mechanisms", "staleness")
)
PAGE = (ROOT / "docs" / "results.md").read_text("utf-8")


def tables(name):
    """The tables of a section, each as rows of cells without its header."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    text = next(part for part in section if part.startswith(f"{name}: "))
    found = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
        for table in found
    ]


RULES = ("pg-is", "grpo", "cispo", "minpro", "dppo", "trm-max", "trm-avg", "cppo", "cppo-soft")
CONDITIONS = sorted({condition for condition, _ in SUMMARIES})


def areas(record, place):
    return record.arrays["area"][:, record.config.get(place, place)].astype(float)


def failures(record, place):
    return int((record.arrays["failure"][:, record.config.get(place, place)] > 0).sum())


def masked(record, place):
    return float(record.arrays["masked"][:, record.config.get(place, place)].mean())


def short(text):
    """0.123 as .123, as the page writes it."""
    return re.sub(r"(?<![0-9])0\.", ".", str(text))


def middle(scores):
    return short(f"{float(interquartile_mean(scores)):.3f}")


def at_equal_share(record, rival):
    """The difference at equal masked share; "outside" the rival's ray there is none."""
    try:
        return short(
            paired_difference(areas(record, "paper"), at_masked_share(rival, masked(record, "paper")))
        )
    except ValueError:
        return "outside"


@pytest.mark.parametrize(
    ("summaries", "conditions", "seeds"), [(SUMMARIES, 6, 100), (MECHANISMS, 2, 40), (STALENESS, 7, 40)]
)
def test_the_records_are_those_that_the_page_speaks_of(summaries, conditions, seeds):
    assert len({condition for condition, _ in summaries}) == conditions
    for record in summaries.values():
        assert record.seeds == list(range(seeds))
        assert len(record.config["tuning"]) in (0, len(record.config["settings"]))


def test_the_tuned_settings():
    rows = {row[0]: row[1:] for row in tables("main")[0]}
    assert sorted(rows) == CONDITIONS
    for condition, (*scores, difference) in rows.items():
        found = [areas(SUMMARIES[condition, rule], "chosen") for rule in RULES]
        assert scores == [middle(score) for score in found]
        pair = found[RULES.index("cppo")], found[RULES.index("dppo")]
        assert difference == short(paired_difference(*pair))


def test_where_the_tuned_setting_is_the_loosest():
    """ "DPPO's under all six conditions, those of hard and soft CPPO under five"."""
    loosest = {
        rule: sum(SUMMARIES[c, rule].config["chosen"] == 4 for c in CONDITIONS)
        for rule in ("dppo", "cppo", "cppo-soft")
    }
    assert loosest == {"dppo": 6, "cppo": 5, "cppo-soft": 5}


def test_the_settings_of_the_paper():
    rows = {row[0]: row[1:] for row in tables("main")[1]}
    assert sorted(rows) == CONDITIONS
    for condition, (shares, hard, soft, equal) in rows.items():
        cppo, dppo, gated = (SUMMARIES[condition, rule] for rule in ("cppo", "dppo", "cppo-soft"))
        assert shares == ", ".join(short(f"{masked(x, 'paper'):.2f}") for x in (cppo, dppo, gated))
        rival = areas(dppo, "paper")
        assert hard == short(paired_difference(areas(cppo, "paper"), rival))
        assert soft == short(paired_difference(areas(gated, "paper"), rival))
        assert equal == at_equal_share(gated, dppo)


def test_the_failures():
    rows = {row[0]: row[1:] for row in tables("main")[2]}
    assert sorted(rows) == ["automaton-mlp", "brackets-mlp"]
    for condition, found in rows.items():
        counts = [failures(SUMMARIES[condition, rule], "chosen") for rule in RULES]
        soft = failures(SUMMARIES[condition, "cppo-soft"], "paper")
        assert found == [str(x) for x in [*counts, soft]]


@pytest.mark.parametrize("condition", [c for c in CONDITIONS if c.endswith("tabular")])
def test_where_the_rays_overlap(condition):
    """Hard CPPO is within .011 of DPPO in the middle of the shares that both rays reach."""
    pair = [SUMMARIES[condition, rule] for rule in ("cppo", "dppo")]
    shares = [record.arrays["masked"].mean(0) for record in pair]
    middle_share = (max(x.min() for x in shares) + min(x.max() for x in shares)) / 2
    cppo, dppo = (at_masked_share(record, float(middle_share)) for record in pair)
    difference = paired_difference(cppo, dppo)
    assert 0.001 < abs(difference.estimate) < 0.011


def test_the_mechanisms():
    (rows,) = tables("mechanisms")
    assert len(rows) == len(MECHANISMS)
    for condition, mechanism, area, failed, share, difference, equal in rows:
        record, rival = MECHANISMS[condition, mechanism], MECHANISMS[condition, "neither"]
        assert (area, failed) == (middle(areas(record, "paper")), str(failures(record, "paper")))
        assert share == short(f"{masked(record, 'paper'):.2f}")
        if mechanism == "neither":
            assert (difference, equal) == ("-", "-")
            continue
        assert difference == short(paired_difference(areas(record, "paper"), areas(rival, "paper")))
        assert equal == at_equal_share(record, rival)


def test_the_staleness():
    (rows,) = tables("staleness")
    assert [row[0] for row in rows] == ["1", "2", "4", "8", "16", "32", "64"]
    for updates, *cells in rows:
        names = ("pg-is", "grpo", "dppo", "cppo", "cppo-soft", "trm-max")
        found = {name: STALENESS[f"brackets-mlp-{updates}", name] for name in names}
        scores = [f"{middle(areas(x, 0))} ({failures(x, 0)})" for x in found.values()]
        pairs = [
            short(paired_difference(areas(found[name], 0), areas(found["dppo"], 0)))
            for name in ("cppo", "cppo-soft")
        ]
        assert cells == [*scores, *pairs]


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
