"""One look per thing that is drawn, the same in every figure: colour, marker and line style all differ.

Colours start from those of Okabe and Ito, which people with colour-blindness tell apart; where there are
more methods than such colours, markers and line styles tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

LineStyle = Any


@dataclass(frozen=True)
class Look:
    """How one series is drawn, and what it is called."""

    label: str
    color: str
    marker: str
    line: LineStyle = "-"

    def as_line(self, marker: bool = True) -> dict[str, Any]:
        """Keyword arguments of `Axes.plot`."""
        style = {"color": self.color, "linestyle": self.line, "label": self.label}
        return style | ({"marker": self.marker} if marker else {})


METHODS: Mapping[str, Look] = MappingProxyType(
    {
        "pg-is": Look("PG-IS", "#000000", "o", (0, (1, 1))),
        "grpo": Look("GRPO", "#E69F00", "s", (0, (5, 1))),
        "cispo": Look("CISPO", "#56B4E9", "^", (0, (3, 1, 1, 1))),
        "minpro": Look("MinPRO", "#009E73", "v", (0, (5, 1, 1, 1))),
        "dppo": Look("DPPO", "#0072B2", "D", "--"),
        "trm-max": Look("TRM-Max", "#CC79A7", "P", (0, (1, 2))),
        "trm-avg": Look("TRM-Avg", "#7A3B69", "X", (0, (3, 1, 1, 1, 1, 1))),
        "cppo": Look("CPPO", "#D55E00", "*", "-"),
        "cppo-half": Look(r"CPPO, $\delta_b=\delta/2$", "#7F2704", "h", "-."),
        "cppo-soft": Look("CPPO soft", "#B8A000", "p", (0, (8, 2))),
        "cppo-soft-half": Look(r"CPPO soft, $\delta_b=\delta/2$", "#666600", "d", (0, (8, 2, 1, 2))),
    }
)
"""Every rule of the figures by its name."""

ALIASES = {"ppo": "grpo", "dapo": "grpo"}
"""Rules that are the rule of another name."""

SPARE = (
    Look("", "#777777", "<", (0, (2, 2))),
    Look("", "#4B2E83", ">", (0, (6, 2, 2, 2))),
    Look("", "#2B5D34", "8", (0, (4, 4))),
    Look("", "#A0522D", "H", (0, (1, 3))),
)
"""For rules of a user, in the order in which they are given."""


def in_order(names: Iterable[str]) -> list[str]:
    """Rules in the order of `METHODS`, then all others by name."""
    order = list(METHODS)
    return sorted(set(names), key=lambda n: (order.index(n) if n in METHODS else len(order), n))


def method(name: str, others: tuple[str, ...] = ()) -> Look:
    """The look of a rule; an unknown one takes the spare look of its place among ``others``."""
    known = METHODS.get(ALIASES.get(name, name))
    if known is not None:
        return known
    strangers = [n for n in others if ALIASES.get(n, n) not in METHODS]
    spare = SPARE[(strangers.index(name) if name in strangers else 0) % len(SPARE)]
    return Look(name, spare.color, spare.marker, spare.line)


SOURCES: Mapping[str, Look] = MappingProxyType(
    {
        "exact": Look("exact", "#000000", "o", "-"),
        "topk": Look("Top-20", "#0072B2", "s", "--"),
        "binary": Look("Binary", "#D55E00", "^", (0, (1, 1))),
    }
)
"""Where divergences come from."""

BOUNDS: Mapping[str, Look] = MappingProxyType(
    {
        "uniform": Look("uniform", "#0072B2", "D", "--"),
        "thm-1": Look("Theorem 1", "#D55E00", "s", "-."),
        "b9-product": Look("product form (B.9)", "#009E73", "v", (0, (5, 1, 1, 1))),
        "b9-closed": Look("product form (B.9), closed", "#E69F00", "h", (0, (8, 2))),
        "union": Look("union bound", "#56B4E9", "^", (0, (3, 1, 1, 1))),
        "coupling": Look("coupling", "#CC79A7", "P", (0, (1, 1))),
        "exact": Look("exact", "#000000", "o", "-"),
    }
)
"""Bounds, and the exact value that they bound."""

REASON_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "toward": Look("toward", "#BBBBBB", "", ""),
        "kept": Look("away, kept", "#56B4E9", "", ""),
        "shrunk": Look("shrunk", "#F0E442", "", "\\\\\\\\"),
        "token": Look("masked: token", "#E69F00", "v", "////"),
        "budget": Look("masked: budget", "#D55E00", "x", "xxxx"),
        "sequence": Look("masked: sequence", "#CC79A7", "s", "...."),
        "clip": Look("masked: clip", "#7A3B69", "d", "++++"),
    }
)
"""What becomes of a token; here ``line`` is the hatching of its bar."""
