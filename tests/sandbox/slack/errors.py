"""How the sandbox's Slack says no. The words are Slack's own error codes.

ApiError(code)                 an answer with ok: false; the Web API's middleware writes it
ManifestRefused(problems)      an app manifest that Slack would not take
NothingThere                   a person presses what she cannot see: a fault of the test, not of the bot
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """`more` goes into the answer beside `error`. `retry_after` in seconds makes it a 429."""

    def __init__(self, code: str, *, retry_after: float | None = None, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.more = more

    @property
    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.more}


class ManifestRefused(Exception):
    """`problems` names each as `path: what is wrong`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class NothingThere(AssertionError):
    """What the person wants to press, fill in or choose is not on her screen."""
