"""Telling an address each minute that all duties live. Whoever listens there notices when it stops; we know no more."""

from __future__ import annotations

import logging
from collections.abc import Collection

from providers.wire import Wire, WireError

log = logging.getLogger(__name__)


class Pulse:
    """`url` is a secret: whoever has it can say that we live."""

    def __init__(self, *, url: str, wire: Wire) -> None:
        self._url = url
        self._wire = wire
        self._trouble = ""

    def beat(self, *, stuck: Collection[str]) -> None:
        """No beat while a duty is stuck. Fails quietly: a line in the log for each change, not for each minute."""
        trouble = f"stuck: {', '.join(stuck)}" if stuck else self._send()
        if trouble and trouble != self._trouble:
            log.warning("no heartbeat", extra={"cause": trouble})
        elif self._trouble and not trouble:
            log.warning("heartbeat again")
        self._trouble = trouble

    def _send(self) -> str:
        """What went wrong, empty where nothing did."""
        try:
            with self._wire.session() as session:
                answer = session.get(self._url)
        except WireError as error:
            return f"{type(error).__name__} {error.why}".strip()
        return "" if answer.ok else f"http {answer.status_code}"
