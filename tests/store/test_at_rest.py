"""What lies on the disk: no secret in any spelling, and nothing for longer than it is of use."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from bot.model import Event, Kind, Person
from bot.store.database import Store
from bot.store.retention import AT_ONCE
from providers.base import Side
from tests.store.everything import CANARIES, VERIFIER, fill
from tests.store.kit import BOBS_KEY, MINUTE, NOON, database_of, raw

DAY = timedelta(days=1)


def forget(store: Store, now: datetime, real: datetime | None = None) -> None:
    with store.write() as tx:
        while tx.retention.forget(now=now, real=real or now, kept=400 * DAY):
            pass


def spellings(secret: str) -> set[bytes]:
    """The secret as it may turn up: plain, escaped, in hex, and in base64 at each of the three offsets."""
    found = {secret, secret.replace("/", "\\/"), quote(secret, safe=""), quote_plus(secret), secret.encode().hex()}
    for shift in range(3):
        padded = b"\0" * shift + secret.encode()
        # The first and last characters hold bits of the neighbours.
        found |= {encode(padded).decode()[4:-4] for encode in (b64encode, urlsafe_b64encode)}
    return {each.encode() for each in found} | {secret.encode().hex().upper().encode()}


@pytest.mark.parametrize("secret", [*CANARIES, VERIFIER])
def test_no_secret_is_on_the_disk(tmp_path: Path, store: Store, bob: Person, secret: str) -> None:
    fill(store, bob)
    raw(tmp_path, "VACUUM INTO ?", str(tmp_path / "data" / "backup.db"))
    files = list(database_of(tmp_path).parent.iterdir())
    assert {file.name for file in files} >= {"relatch.db", "relatch.db-wal", "backup.db"}
    assert database_of(tmp_path).with_name("relatch.db-wal").stat().st_size > 0
    for file in files:
        content = file.read_bytes()
        assert [each for each in spellings(secret) if each in content] == [], file.name


def test_the_search_would_find_a_secret(tmp_path: Path, store: Store) -> None:
    for number, each in enumerate(spellings(CANARIES[0])):
        with store.write() as tx:
            tx.settings.put(f"leak {number}", each.decode())
    wal = database_of(tmp_path).with_name("relatch.db-wal").read_bytes()
    assert all(each in wal for each in spellings(CANARIES[0]))


def test_a_secret_that_was_destroyed_leaves_no_sealed_trace(tmp_path: Path, store: Store, bob: Person) -> None:
    fill(store, bob)
    [(sealed,)] = raw(tmp_path, "SELECT secret FROM credential")
    with store.write() as tx:
        tx.credentials.destroy(tx.connections.of(bob.id)[Side.MAILBOX].credential_id or 0)
    store.close()
    assert sealed not in database_of(tmp_path).read_bytes()


@pytest.mark.parametrize(
    ("table", "before", "after"),
    [
        ("seen", timedelta(hours=23), timedelta(hours=24)),
        ("flow", timedelta(hours=12), DAY),
        ("web_session", timedelta(hours=12), timedelta(hours=13)),
        ("notice", 29 * DAY, 30 * DAY),
        ("event", 400 * DAY, 401 * DAY),
        ("invitation", 179 * DAY, 180 * DAY),
    ],
)
def test_each_is_kept_as_long_as_it_is_of_use(
    tmp_path: Path, store: Store, bob: Person, table: str, before: timedelta, after: timedelta
) -> None:
    fill(store, bob)
    count = f"SELECT count(*) FROM {table}"  # noqa: S608 - a table of the list above
    with store.write() as tx:
        notice = tx.notices.find_open("k")
        assert notice is not None
        tx.notices.close(notice.id, NOON)
    forget(store, NOON + before)
    assert raw(tmp_path, count) == [(1,)]
    forget(store, NOON + after)
    assert raw(tmp_path, count) == [(0,)]


def test_an_account_is_forgotten_when_it_was_long_ago_and_is_not_in_use(store: Store, bob: Person) -> None:
    fill(store, bob)
    with store.write() as tx:
        tx.accounts.used(bob.id, "google", "bobs.old@acme.example", NOON)
    forget(store, NOON + 399 * DAY)
    with store.read() as tx:
        assert len(tx.accounts.of(bob.id)) == 2
    forget(store, NOON + 400 * DAY)
    with store.read() as tx:
        assert tx.accounts.of(bob.id) == [("google", BOBS_KEY.account)]


def test_an_incident_is_forgotten_when_it_is_long_over_and_no_message_tells_of_it(
    tmp_path: Path, store: Store, bob: Person
) -> None:
    fill(store, bob)
    with store.write() as tx:
        [incident] = tx.incidents.all_open()
        tx.incidents.close(incident.id, "over", NOON)
    forget(store, NOON + 400 * DAY)
    assert raw(tmp_path, "SELECT count(*) FROM incident") == [(1,)], "a message still names it"
    with store.write() as tx:
        notice = tx.notices.find_open("k")
        assert notice is not None
        tx.notices.close(notice.id, NOON)
    forget(store, NOON + 400 * DAY)
    assert raw(tmp_path, "SELECT count(*) FROM incident") == [(0,)]


def test_forgetting_goes_in_small_steps_and_the_history_holds_at_each(store: Store) -> None:
    with store.write() as tx:
        for number in range(AT_ONCE + 100):
            tx.events.append(Event(Kind.SYNCED, NOON, number=number))
            tx.seen.first_time(f"delivery {number}", NOON)
    steps = []
    for _ in range(3):
        with store.write() as tx:
            steps.append(tx.retention.forget(now=NOON + 401 * DAY, real=NOON + DAY, kept=400 * DAY))
            tx.events.verify()
    assert steps == [2 * AT_ONCE, 200, 0]


def test_what_still_matters_is_never_swept(tmp_path: Path, store: Store, bob: Person) -> None:
    fill(store, bob)
    late = NOON + 1000 * DAY
    forget(store, late)
    for table in ("person", "connection", "credential", "notice", "incident", "account_used", "setting"):
        assert raw(tmp_path, f"SELECT count(*) > 0 FROM {table}") == [(1,)], table  # noqa: S608 - a name from the line above


def test_an_invitation_in_use_survives_a_clock_that_runs_ahead(store: Store, bob: Person) -> None:
    """In the sandbox schedules may be months ahead of the real time that flows live by."""
    fill(store, bob)
    forget(store, NOON + 200 * DAY, NOON + MINUTE)
    with store.read() as tx:
        assert len(tx.flows.unfinished(NOON + 10 * MINUTE)) == 1


def test_the_chain_holds_after_a_sweep(store: Store, bob: Person) -> None:
    fill(store, bob)
    with store.write() as tx:
        tx.events.append(Event(Kind.SYNCED, NOON + 2 * DAY, bob.id))
    forget(store, NOON + 401 * DAY, NOON)
    with store.read() as tx:
        assert tx.events.verify() == 1
