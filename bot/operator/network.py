"""What doctor finds on the way: our own address, the proxy and the certificate authorities. No vendor is asked here."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot.model import Finding, Level
from bot.settings import is_loopback

PUBLIC, PROXY, AUTHORITIES = "public address", "proxy", "certificates"
SECONDS = 5
ENDS_SOON = timedelta(days=30)


def public(url: str, *, serving: bool, ca_bundle: Path | None) -> Iterator[Finding]:
    """Only people's browsers must reach it, so that silence here need not be a fault."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        yield Finding(Level.OK, PUBLIC, f"{url} is https.")
    else:
        yield Finding(Level.OK, PUBLIC, f"{url} is plain http, which is good for this machine's own browsers only.")
    if not serving:
        yield Finding(Level.OK, PUBLIC, "Not tried: no bot is running that could answer there.")
        return
    said = _ask(url, ca_bundle)
    if said == "":
        yield Finding(Level.OK, PUBLIC, f"{url}/healthz answers, and it is a Relatch.")
        return
    mend = (
        f"Open {url}/healthz in a browser as people have it. If that says ok, all is well; else the reverse proxy must "
        "lead to RELATCH_LISTEN and pass the Host on."
    )
    yield Finding(Level.WARN, PUBLIC, f"From this machine {url}/healthz does not answer: {said}.", mend)


def way_out(*, proxy: str, ca_bundle: Path | None, now: datetime) -> Iterator[Finding]:
    """The proxy is told by its host: its address may hold a password."""
    if proxy:
        yield Finding(Level.OK, PROXY, f"All that goes out goes through {_host(proxy)}.")
    else:
        yield Finding(Level.OK, PROXY, "None: everything goes out directly, whatever the environment says.")
    if ca_bundle is None:
        yield Finding(Level.OK, AUTHORITIES, "The public ones that come with Relatch.")
        return
    try:
        trusted = ssl.create_default_context(cafile=str(ca_bundle)).get_ca_certs()
    except (OSError, ssl.SSLError) as error:
        mend = "Give RELATCH_CA_BUNDLE a PEM file that the user who runs Relatch may read."
        yield Finding(Level.FAIL, AUTHORITIES, f"{ca_bundle} cannot be read: {type(error).__name__}.", mend)
        return
    yield _ending(ca_bundle, [_end(str(each["notAfter"])) for each in trusted], now)


def _ending(ca_bundle: Path, ends: list[datetime], now: datetime) -> Finding:
    words = f"{len(ends)} authorities from {ca_bundle}"
    soon = [end for end in ends if end < now + ENDS_SOON]
    if not ends:
        return Finding(Level.FAIL, AUTHORITIES, f"{words}.", "Put your authorities' certificates into it, as PEM.")
    if len(soon) == len(ends):
        words = f"{words}; the last one ends on {max(ends):%Y-%m-%d}."
        return Finding(Level.WARN, AUTHORITIES, words, "Replace the bundle before that day, and restart Relatch.")
    return Finding(Level.OK, AUTHORITIES, f"{words}.")


def _ask(url: str, ca_bundle: Path | None) -> str:
    """Why it does not answer; empty where it does."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    # Not every resolver knows *.localhost, and every browser does.
    at = "127.0.0.1" if is_loopback(host) and host.endswith("localhost") else host
    try:
        connection = _connection(parts.scheme, at, parts.port, ca_bundle)
        try:
            connection.request("GET", "/healthz", headers={"Host": parts.netloc})
            answer = connection.getresponse()
            return "" if answer.status == 200 and answer.read(100).strip() == b"ok" else f"status {answer.status}"
        finally:
            connection.close()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def _connection(scheme: str, host: str, port: int | None, ca_bundle: Path | None) -> http.client.HTTPConnection:
    if scheme == "https":
        # A browser's own authorities count for people; ours are the system's and the operator's.
        tls = ssl.create_default_context()
        if ca_bundle is not None:
            tls.load_verify_locations(cafile=str(ca_bundle))
        return http.client.HTTPSConnection(host, port, timeout=SECONDS, context=tls)
    return http.client.HTTPConnection(host, port, timeout=SECONDS)


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _end(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
