"""Secrets stay in the vault: neither rows, files, logs, messages nor error texts hold them, in any writing."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from bot.model import Word
from providers.base import ProviderError
from providers.oauth import Secret
from tests.memory_slack import ADA, BOB
from tests.rig import HALF_AN_HOUR, Rig, play_google

BOBS = "bob@acme.example"


def writings(secret: str) -> Iterator[str]:
    """As it is, and as somebody's encoder might have left it; base64 at each of its three alignments."""
    yield secret
    yield quote(secret, safe="")
    yield secret.encode().hex()
    for pad in range(3):
        whole = base64.b64encode(b"x" * pad + secret.encode()).decode()
        yield whole[4:-4]
        yield whole[4:-4].replace("+", "-").replace("/", "_")


def secrets_of(rig: Rig) -> set[str]:
    with rig.store.read() as tx:
        stored = tx.credentials.load(rig.connection().credential_id or 0)
    kept = Secret.opened(stored.credential.secret)
    return {kept.access_token, kept.refresh_token}


def test_no_secret_is_anywhere_but_sealed(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    hidden, texts = {rig.kit.settings["client_secret"]}, list[str]()
    session, url = rig.visit(BOB)
    query = play_google(url, BOBS)
    hidden |= {query["code"]}
    texts.append(repr(rig.sign_in.callback("google", query, session)))
    hidden |= secrets_of(rig)
    rig.sync()
    rig.google.expire_access_tokens(BOBS)
    texts += [repr(reply) for word in Word for reply in rig.ask(BOB, word)]
    hidden |= secrets_of(rig)
    texts += [repr(rig.ask(ADA, Word.REFRESH, subject=BOB, reason="x"))]
    rig.google.lose_token_answer()
    for nonsense, refused in ((False, False), (True, False), (False, True)):
        rig.google.nonsense(nonsense)
        if refused:
            rig.google.remove_access(BOBS)
        try:
            rig.renewals.fresh(rig.connection().credential_id or 0, force=True)
        except ProviderError as error:
            texts += [repr(error), str(error), repr(error.__cause__), repr(error.__context__)]
        rig.google.nonsense(False)
    rig.pass_by(HALF_AN_HOUR)
    rig.settle()

    assert len(hidden) == 5
    texts += [record.getMessage() + repr(vars(record)) for record in caplog.records if record.name[:3] == "bot"]
    texts += [repr(reply) for reply in rig.slack.said]
    texts += [repr(rig.connection()), repr(session), *database_texts(rig)]
    everything = "\n".join(texts) + files(rig)
    for secret in hidden:
        assert [writing for writing in writings(secret) if writing in everything] == []


def test_the_canary_would_be_found(rig: Rig) -> None:
    rig.connected(BOB)
    canary = "canary/Secret+of Bob?"
    for writing in writings(canary):
        with rig.store.write() as tx:
            tx.settings.put("leak", f"in between {writing} and more")
        assert any(each in files(rig) for each in writings(canary))


def test_the_browsers_token_and_state_are_kept_hashed(rig: Rig) -> None:
    token, _ = rig.sign_in.arrive(code=BOB, nonce="n")
    _, url = rig.visit(BOB)
    state = url.partition("state=")[2].partition("&")[0]
    assert len(state) > 30
    assert token not in files(rig)
    assert state not in files(rig)


def files(rig: Rig) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in rig.database.parent.iterdir())


def database_texts(rig: Rig) -> Iterator[str]:
    for (table,) in rig.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for row in rig.rows(f"SELECT * FROM {table}"):  # noqa: S608 - a name from the database itself
            yield repr([cell for cell in row if isinstance(cell, str)])
