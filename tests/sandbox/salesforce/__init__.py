"""A Salesforce that runs on loopback: web server flow with rotation, SOQL and upserts, with its own refusals."""

from __future__ import annotations

from tests.sandbox.salesforce.server import SalesforceServer

__all__ = ["SalesforceServer"]
