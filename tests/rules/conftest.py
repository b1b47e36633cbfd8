"""What Hypothesis remembers stays beside what pytest remembers."""

from __future__ import annotations

import pytest
from hypothesis.configuration import set_hypothesis_home_dir


def pytest_configure(config: pytest.Config) -> None:
    # Our norecursedirs replaces pytest's own, so a .hypothesis folder in the checkout fails every later run.
    set_hypothesis_home_dir(config.rootpath / ".pytest_cache" / "hypothesis")
