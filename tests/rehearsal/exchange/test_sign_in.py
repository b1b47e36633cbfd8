"""Basic and NTLM as exchangelib speaks them, refused logins, and the lock that follows them."""

from __future__ import annotations

import pytest
import requests_ntlm
from exchangelib import BASIC, NTLM
from exchangelib.errors import TransportError, UnauthorizedError

from tests.rehearsal.exchange.rig import (
    BOB,
    BOBS_PASSWORD,
    GRACE,
    GRACES_LOGIN,
    GRACES_PASSWORD,
    World,
)
from tests.sandbox.exchange.state import LOCK_OUT_AFTER

BOTH = pytest.mark.parametrize("auth_type", [BASIC, NTLM])


@BOTH
def test_an_address_and_its_password_open_the_mailbox(world: World, auth_type: str) -> None:
    account = world.account(auth_type=auth_type)
    assert account.root.name == "root"
    assert account.inbox.name == "Inbox"
    assert (world.server.logins(BOB) > 0, world.server.refused_logins(BOB)) == (True, 0)


@BOTH
def test_an_account_with_a_windows_name_logs_in_with_that(world: World, auth_type: str) -> None:
    account = world.account(GRACE, login=GRACES_LOGIN.lower(), password=GRACES_PASSWORD, auth_type=auth_type)
    assert account.root.name == "root"
    with pytest.raises(UnauthorizedError):
        _ = world.account(GRACE, login=GRACE, password=GRACES_PASSWORD, auth_type=auth_type).root


def test_ntlm_logs_a_connection_in_once(world: World) -> None:
    account = world.account(auth_type=NTLM)
    assert account.root.name == "root"
    assert account.inbox.name == "Inbox"
    assert [seen.status for seen in world.server.requests] == [401, 401, 200, 200]
    assert world.server.logins(BOB) == 1


def test_a_changed_password_ends_a_connection_that_had_logged_in(world: World) -> None:
    account = world.account(auth_type=NTLM)
    assert account.root.name == "root"
    world.server.change_password(BOB)
    with pytest.raises(UnauthorizedError):
        _ = account.inbox
    assert world.server.refused_logins(BOB) == 1


@BOTH
def test_a_wrong_password_is_one_refused_login(world: World, auth_type: str) -> None:
    with pytest.raises(UnauthorizedError, match="Invalid credentials"):
        _ = world.account(password="wrong", auth_type=auth_type).root
    assert (world.server.refused_logins(BOB), world.server.logins(BOB)) == (1, 0)


@BOTH
def test_five_refusals_in_a_row_lock_the_account(world: World, auth_type: str) -> None:
    for _ in range(LOCK_OUT_AFTER):
        with pytest.raises(UnauthorizedError, match="Invalid credentials"):
            _ = world.account(password="wrong", auth_type=auth_type).root
    with pytest.raises(UnauthorizedError, match="currently locked out"):
        _ = world.account(auth_type=auth_type).root
    assert world.server.refused_logins(BOB) == LOCK_OUT_AFTER + 1
    world.server.lock(BOB, False)
    assert world.account(auth_type=auth_type).root.name == "root"


def test_a_good_login_forgets_the_refusals_before_it(world: World) -> None:
    for _ in range(3):
        for _ in range(LOCK_OUT_AFTER - 1):
            assert world.post(auth=(BOB, "wrong")).status_code == 401
        assert world.account().root.name == "root"
    assert world.server.refused_logins(BOB) == 3 * (LOCK_OUT_AFTER - 1)


@BOTH
def test_a_locked_account_refuses_the_right_password(world: World, auth_type: str) -> None:
    world.server.lock(BOB, True)
    with pytest.raises(UnauthorizedError, match="currently locked out"):
        _ = world.account(auth_type=auth_type).root


def test_a_locked_account_is_out_on_a_connection_that_had_logged_in(world: World) -> None:
    account = world.account(auth_type=NTLM)
    assert account.root.name == "root"
    world.server.lock(BOB, True)
    with pytest.raises(UnauthorizedError, match="currently locked out"):
        _ = account.inbox


def test_nobody_is_locked_by_a_login_that_does_not_exist(world: World) -> None:
    for _ in range(LOCK_OUT_AFTER):
        assert world.post(auth=("nobody@acme.example", BOBS_PASSWORD)).status_code == 401
    assert world.account().root.name == "root"


@pytest.mark.parametrize(
    ("basic", "ntlm", "offered"),
    [
        (True, True, 'NTLM, Basic realm="localhost"'),
        (True, False, 'Basic realm="localhost"'),
        (False, True, "NTLM"),
        (False, False, "Negotiate"),
    ],
)
def test_a_401_names_what_is_offered(world: World, basic: bool, ntlm: bool, offered: str) -> None:
    world.server.basic(basic)
    world.server.ntlm(ntlm)
    assert world.post().headers["WWW-Authenticate"] == offered


def test_exchangelib_finds_out_by_itself_what_is_offered(world: World) -> None:
    guessing = world.account(auth_type=None, version=None)
    assert guessing.protocol.auth_type == NTLM
    assert guessing.root.name == "root"
    world.server.ntlm(False)
    assert world.account(auth_type=None, version=None).protocol.auth_type == BASIC
    world.server.basic(False)
    with pytest.raises(TransportError, match="Failed to get auth type"):
        _ = world.account(auth_type=None).protocol.auth_type


@BOTH
def test_what_is_not_offered_is_not_tried(world: World, auth_type: str) -> None:
    world.server.basic(auth_type != BASIC)
    world.server.ntlm(auth_type != NTLM)
    with pytest.raises(UnauthorizedError):
        _ = world.account(auth_type=auth_type).root
    assert world.server.refused_logins(BOB) == 0


def test_extended_protection_wants_a_login_that_is_tied_to_its_connection(world: World) -> None:
    world.server.extended_protection(True)
    assert world.account(auth_type=NTLM).root.name == "root"
    loose = requests_ntlm.HttpNtlmAuth(BOB, BOBS_PASSWORD, send_cbt=False)
    assert world.post(auth=loose).status_code == 401


@pytest.mark.parametrize("given", ["Basic %%%", "NTLM AAAA", "NTLM TlRMTVNTUAADAAAA", "Bearer eyJ0eXAi", "Basic"])
def test_a_login_that_cannot_be_read_is_a_401(world: World, given: str) -> None:
    assert world.post(headers={"Authorization": given}).status_code == 401
