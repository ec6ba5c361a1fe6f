"""Measured ratios, each an alternating A/B comparison by CPU time on one thread; `python -m benchmarks`.

A benchmark is a module here with a function `rows() -> Iterator[Row]`; it is listed in `BENCHMARKS` only.
"""

BENCHMARKS = ("tree_pass", "automaton_pass", "tiers", "sampling", "hunt", "rules", "training", "start")
