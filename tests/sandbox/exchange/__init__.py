"""An on-premises Exchange that runs on loopback: Exchange Web Services behind Basic and NTLM, with its refusals.

`ews.answer` is the SOAP part over a `Mailbox`, for whoever puts another login in front of it.
"""

from __future__ import annotations

from tests.sandbox.exchange.server import ExchangeServer

__all__ = ["ExchangeServer"]
