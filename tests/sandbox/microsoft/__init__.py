"""A Microsoft 365 that runs on loopback: Entra's sign-in, Graph and EWS, with Microsoft's own refusals."""

from __future__ import annotations

from tests.sandbox.microsoft.server import MicrosoftServer

__all__ = ["MicrosoftServer"]
