"""Every provider there is. Only `bot.build` imports this file: it loads every vendor's SDK."""

from __future__ import annotations

from providers.base import Provider
from providers.exchange import Exchange
from providers.google import Google
from providers.microsoft import Microsoft
from providers.salesforce import Salesforce

ALL: tuple[type[Provider], ...] = (Microsoft, Exchange, Google, Salesforce)
