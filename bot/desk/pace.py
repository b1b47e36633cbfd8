"""How often one person may have vendors asked live: a flood of commands must not become a flood at the vendors."""

from __future__ import annotations

from collections import defaultdict, deque
from datetime import datetime, timedelta
from functools import partial
from threading import Lock

LOOKS = 10
WITHIN = timedelta(minutes=1)


class Pace:
    """For all threads of one process. It lives in memory: vendors count by the minute, and so does this."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looks: defaultdict[int, deque[datetime]] = defaultdict(partial(deque, maxlen=LOOKS))

    def allows(self, person_id: int, now: datetime) -> bool:
        """Whether this look is among the first LOOKS within WITHIN; it counts where it is."""
        with self._lock:
            looks = self._looks[person_id]
            # A clock that was set back allows it: else nobody could look until it has caught up.
            if len(looks) == LOOKS and timedelta() <= now - looks[0] < WITHIN:
                return False
            looks.append(now)
            return True
