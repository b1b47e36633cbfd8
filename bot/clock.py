"""The wall clock: the only file that asks the machine what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path


class SystemClock:
    """`now` is the time that schedules follow, `real` the time that leases, flows and sessions follow.

    They differ only in the sandbox, where `offset_file` holds a number of seconds to add.
    """

    def __init__(self, offset_file: Path | None = None) -> None:
        self._offset_file = offset_file

    def now(self) -> datetime:
        if self._offset_file is None:
            return self.real()
        return self.real() + timedelta(seconds=float(self._offset_file.read_text() or 0))

    def real(self) -> datetime:
        return datetime.now(UTC)
