"""The planted errors of every area: a new module here with a tuple `ERRORS` is found by itself."""

import importlib
import pkgutil

from tests.planted import Planted

AREAS: dict[str, tuple[Planted, ...]] = {
    found.name: importlib.import_module(f"{__name__}.{found.name}").ERRORS
    for found in pkgutil.iter_modules(__path__)
}
ERRORS: tuple[Planted, ...] = sum(AREAS.values(), ())
