"""How a rule declares its parameters: `Threshold` keeps more tokens when larger, `Floor` fewer.

Neither is negative; a `Divisor` is a threshold above 0, a `Share` lies in (0, 1].  The law of monotone
thresholds and the options of the command line read these annotations.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any, get_args, get_type_hints

KEEPS_MORE, KEEPS_FEWER = "keeps more when larger", "keeps fewer when larger"

Threshold = Annotated[float, KEEPS_MORE]
Floor = Annotated[float, KEEPS_FEWER]
Divisor = Annotated[float, KEEPS_MORE, "above 0"]
Share = Annotated[float, "in (0, 1]"]


@dataclass(frozen=True)
class Parameter:
    """One parameter of a rule.

    Parameters
    ----------
    name : str
    default : object
        `inspect.Parameter.empty` where the user has to give it.
    direction : int
        +1 of a `Threshold`, -1 of a `Floor`, 0 of anything else.
    is_number : bool
        Whether the command line can give it.
    is_share, is_divisor : bool
        Whether it lies in (0, 1]; whether it is above 0.
    """

    name: str
    default: Any
    direction: int
    is_number: bool
    is_share: bool = False
    is_divisor: bool = False

    def check(self, value: Any) -> None:
        """Raise ValueError for a number that this parameter cannot be; other objects pass."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return
        if self.is_share and not 0 < value <= 1:
            raise ValueError(f"{self.name}: found {value}; a number in (0, 1] is required")
        if self.is_divisor and not value > 0:
            raise ValueError(f"{self.name}: found {value}; a positive number is required")
        if math.isnan(value) or (self.direction and value < 0):
            raise ValueError(f"{self.name}: found {value}; a non-negative number is required")

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def parameters(rule: Callable[..., Any]) -> dict[str, Parameter]:
    """Parameters of a rule by name, without the batch."""
    inspected = _inspected if rule.__hash__ is not None else _inspected.__wrapped__
    return dict(inspected(rule))


def _hints(rule: Callable[..., Any]) -> dict[str, Any]:
    """Annotations of a function, of what a `partial` holds, or of an object's ``__call__``; none where a name
    in them leads nowhere, as one that only type checkers import."""
    while isinstance(rule, partial):
        rule = rule.func
    try:
        return get_type_hints(rule if hasattr(rule, "__name__") else type(rule).__call__, include_extras=True)
    except (NameError, AttributeError, TypeError):
        return {}


@lru_cache(maxsize=256)
def _inspected(rule: Callable[..., Any]) -> dict[str, Parameter]:
    hints = _hints(rule)
    found = {}
    for name, given in list(inspect.signature(rule).parameters.items())[1:]:
        if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD):
            continue
        notes = get_args(hints.get(name, Any))[1:]
        direction = 1 if KEEPS_MORE in notes else -1 if KEEPS_FEWER in notes else 0
        numeric = direction != 0 or hints.get(name) in (float, int) or isinstance(given.default, int | float)
        share = "in (0, 1]" in notes
        divisor = "above 0" in notes
        found[name] = Parameter(name, given.default, direction, numeric or share, share, divisor)
    return found
