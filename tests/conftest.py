"""What holds for every test: the shell's own settings of Relatch stay outside, and chance is not timed."""

from __future__ import annotations

import os

from hypothesis import settings


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith("RELATCH_")]:
        del os.environ[name]
    # A busy machine is no fault of the code under test: time limits are pytest-timeout's, for the whole test.
    settings.register_profile("house", deadline=None)
    settings.load_profile("house")
