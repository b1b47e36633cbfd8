"""Every provider there is. Only `bot.build` imports this file: it loads every vendor's SDK."""

from __future__ import annotations

from providers.base import Provider
from providers.google import Google

ALL: tuple[type[Provider], ...] = (Google,)
