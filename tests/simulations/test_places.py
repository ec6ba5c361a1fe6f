"""Lines of fields in a TOML file, by hand."""

import pytest

from simulations.places import line_of, named

TEXT = """headline = ["a", "b"]

[presets.smoke]
seeds = 3

[[condition]]
name = "a"
rate = 0.1

[[condition]]
name = "b"
"updates" = 2
  rate = 0.2
[[rule]]
settings = [
    { delta = 0.1 },
]
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("headline", 1),
        ("presets.smoke.seeds", 4),
        ("presets.smoke.rounds_share", 3),
        ("presets.smoke", 3),
        ("condition[0].rate", 8),
        ("condition[1].rate", 13),
        ("condition[1].updates", 12),
        ("condition[1].policy", 10),
        ("condition[1]", 10),
        ("condition[2]", None),
        ("rule[0].settings[0]", 15),
        ("presets.paper", None),
        ("question", None),
        ("rate", None),
        ("", None),
    ],
)
def test_lines(place, line):
    assert line_of(TEXT, place) == line
    assert named(TEXT, place) == (place if line is None else f"line {line}: {place}")
