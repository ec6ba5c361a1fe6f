"""How a rule declares its parameters: `Threshold` keeps more tokens when larger, `Floor` fewer.

The law of monotone thresholds and the options of the command line read these annotations.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, get_args, get_type_hints

KEEPS_MORE, KEEPS_FEWER = "keeps more when larger", "keeps fewer when larger"

Threshold = Annotated[float, KEEPS_MORE]
Floor = Annotated[float, KEEPS_FEWER]


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
    """

    name: str
    default: Any
    direction: int
    is_number: bool

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty


def parameters(rule: Callable[..., Any]) -> dict[str, Parameter]:
    """Parameters of a rule by name, without the batch."""
    inspected = _inspected if rule.__hash__ is not None else _inspected.__wrapped__
    return dict(inspected(rule))


@lru_cache(maxsize=256)
def _inspected(rule: Callable[..., Any]) -> dict[str, Parameter]:
    hints = get_type_hints(rule, include_extras=True)
    found = {}
    for name, given in list(inspect.signature(rule).parameters.items())[1:]:
        if given.kind in (given.VAR_POSITIONAL, given.VAR_KEYWORD):
            continue
        notes = get_args(hints.get(name, Any))[1:]
        direction = 1 if KEEPS_MORE in notes else -1 if KEEPS_FEWER in notes else 0
        numeric = direction != 0 or hints.get(name) in (float, int) or isinstance(given.default, int | float)
        found[name] = Parameter(name, given.default, direction, numeric)
    return found
