"""A Google that runs on loopback: OpenID sign-in, Gmail and Calendar, with Google's own refusals."""

from __future__ import annotations

from tests.sandbox.google.server import GoogleServer

__all__ = ["GoogleServer"]
