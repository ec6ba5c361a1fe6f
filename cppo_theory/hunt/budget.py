"""How long a hunt may search: seconds, or a number of evaluations, which makes it deterministic."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from cppo_theory.errors import InputError

Progress = Callable[[float, float], None]
"""Called with the share of the budget used, in [0, 1], and the best score so far."""

_TEXT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|m|)")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Budget:
    """Seconds or evaluations, exactly one of them, positive.

    Parameters
    ----------
    seconds : float, optional
    evaluations : int, optional
        Of candidates; a search stops after the first generation that reaches it.
    """

    seconds: float | None = None
    evaluations: int | None = None

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.evaluations is None):
            found = f"found {self.seconds} seconds and {self.evaluations} evaluations"
            raise InputError("budget", found, "give one of them")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise InputError("budget", f"found {self.seconds:g} seconds", "a positive time is required")
        if self.evaluations is not None and self.evaluations < 1:
            raise InputError("evaluations", f"found {self.evaluations}", "a positive number is required")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """A time such as 60s, 2m or 60 (seconds)."""
        match = _TEXT.fullmatch(text.strip())
        if match is None:
            raise InputError("budget", f"found {text!r}", "a time such as 60s, 2m or 60 is required")
        return cls(seconds=float(match[1]) * _SECONDS[match[2]])


class Clock:
    """What is left of a budget; counts evaluations."""

    def __init__(self, budget: Budget, progress: Progress | None = None) -> None:
        self.budget, self.progress = budget, progress
        self.start = time.monotonic()
        self.evaluations = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.start

    @property
    def share(self) -> float:
        """Used part of the budget; above 1 when it is overdrawn."""
        if self.budget.evaluations is not None:
            return self.evaluations / self.budget.evaluations
        assert self.budget.seconds is not None
        return self.seconds / self.budget.seconds

    def has_reached(self, share: float, best: float) -> bool:
        """Whether this part of the budget is used; reports the progress on the way."""
        used = self.share
        if self.progress is not None:
            self.progress(min(used, 1.0), best)
        return used >= share
