"""Hypothesis profiles; `HYPOTHESIS_PROFILE=long pytest` or `pytest --hypothesis-profile long` selects one."""

import os

from hypothesis import Phase, settings

settings.register_profile("fast", deadline=None, max_examples=25)
settings.register_profile(
    "ci", deadline=None, max_examples=50, derandomize=True, database=None, print_blob=True
)
settings.register_profile("long", deadline=None, max_examples=2000)
# For a planted error the first failing example is enough: no shrinking.
settings.register_profile("planted", settings.get_profile("ci"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "fast"))
