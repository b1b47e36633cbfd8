"""Refusals as exchangelib raises them, bad days, and what the tests themselves rely on."""

from __future__ import annotations

import pytest
import requests
from exchangelib import errors

from tests.rehearsal.exchange.rig import BOB, BOBS_PASSWORD, GRACE, GRACES_PASSWORD, World, synced
from tests.sandbox.exchange.switches import exchange_switches
from tests.sandbox.switches import Switches

EACH_ACCOUNT = [
    ("expire_password", errors.ErrorPasswordExpired),
    ("disable", errors.ErrorAccountDisabled),
    ("no_mailbox", errors.ErrorNonExistentMailbox),
    ("deny", errors.ErrorAccessDenied),
    ("move_mailbox", errors.ErrorMailboxMoveInProgress),
]


@pytest.mark.parametrize(("trouble", "error"), EACH_ACCOUNT, ids=[trouble for trouble, _ in EACH_ACCOUNT])
def test_an_account_in_trouble_is_told_so(world: World, trouble: str, error: type[Exception]) -> None:
    account = world.account()
    inbox, (mail, _) = account.inbox, world.deliver("one", "two")
    getattr(world.server, trouble)(BOB, True)
    with pytest.raises(error):
        _ = world.account().root
    with pytest.raises(error):
        synced(inbox)
    with pytest.raises(error):
        list(inbox.all().only("subject"))
    with pytest.raises(error):
        list(account.fetch([(mail, None)], only_fields=["subject"]))
    assert world.server.refused_logins(BOB) == 0
    getattr(world.server, trouble)(BOB, False)
    assert world.account().root.name == "root"


def test_somebody_elses_mailbox_is_denied_and_an_unknown_one_does_not_exist(world: World) -> None:
    with pytest.raises(errors.ErrorAccessDenied):
        _ = world.account(GRACE).root
    with pytest.raises(errors.ErrorNonExistentMailbox):
        _ = world.account("nobody@acme.example").root
    assert world.account("builder@acme.example").root.name == "root"


def test_nobody_may_act_as_somebody_else(world: World) -> None:
    account = world.account(GRACE)
    account.access_type = "impersonation"
    with pytest.raises(errors.ErrorImpersonateUserDenied):
        _ = account.root


def test_a_busy_server_says_how_long_to_wait(world: World) -> None:
    world.server.rate_limit(True)
    with pytest.raises(errors.ErrorServerBusy) as busy:
        _ = world.account().root
    assert busy.value.back_off == 2
    assert world.server.logins(BOB) == 1


def test_an_outage_fails_every_request(world: World) -> None:
    world.server.down(True)
    with pytest.raises(errors.ErrorServerBusy):
        _ = world.account().root
    assert (world.post().status_code, discovered(world).status_code) == (503, 503)
    world.server.down(False)
    assert world.account().root.name == "root"


@pytest.mark.parametrize("empty", [False, True])
def test_nonsense_is_a_200_that_is_not_soap(world: World, empty: bool) -> None:
    world.server.nonsense(True, empty=empty)
    with pytest.raises((errors.MalformedResponseError, errors.TransportError)):
        _ = world.account().root
    answer = world.post()
    assert (answer.status_code, answer.text == "") == (200, empty)


def test_a_wrong_address_leads_to_the_web_mail(world: World) -> None:
    world.server.redirect(True)
    with pytest.raises(errors.RedirectError) as led:
        _ = world.account().root
    assert led.value.url.startswith(f"{world.url}/owa/")


@pytest.mark.parametrize("status", [403, 404])
def test_ews_can_be_switched_off(world: World, status: int) -> None:
    world.server.ews_off(True, status=status)
    with pytest.raises(errors.MalformedResponseError, match=f"Code: {status}"):
        _ = world.account().root
    assert discovered(world).status_code == 200


def test_what_cannot_be_read_is_a_soap_fault(world: World) -> None:
    for body in (b"", b"<s", b"<Envelope/>"):
        answer = world.post(body, auth=(BOB, BOBS_PASSWORD.encode()))
        assert answer.status_code == 500
        assert "ErrorSchemaValidation" in answer.text


def discovered(world: World, *, email: str = "anybody@acme.example", protocol: str = "EWS") -> requests.Response:
    url = f"{world.url}/autodiscover/autodiscover.json"
    return world.http.get(url, params={"Email": email, "Protocol": protocol})


def test_autodiscover_tells_the_address_without_a_login(world: World) -> None:
    found = {"Protocol": "EWS", "Url": f"{world.url}/EWS/Exchange.asmx"}
    assert discovered(world).json() == found
    assert world.http.get(f"{world.url}/Autodiscover/Autodiscover.json/v1.0/{BOB}?Protocol=ews").json() == found


@pytest.mark.parametrize(
    ("email", "protocol", "status", "code"),
    [
        ("cara@customer.example", "EWS", 404, "UserNotFound"),
        ("", "EWS", 404, "UserNotFound"),
        (BOB, "Gopher", 400, "ProtocolNotSupported"),
    ],
)
def test_autodiscover_knows_its_own_domains_only(
    world: World, email: str, protocol: str, status: int, code: str
) -> None:
    refused = discovered(world, email=email, protocol=protocol)
    assert (refused.status_code, refused.json()["ErrorCode"]) == (status, code)


def test_a_path_is_found_in_whatever_case_it_is_typed(world: World) -> None:
    assert world.http.post(f"{world.url}/ews/exchange.asmx").status_code == 401
    assert world.http.post(f"{world.url}/ews/exchange.wsdl").status_code == 404


def test_requests_are_remembered_without_secrets(world: World) -> None:
    assert world.account().root.name == "root"
    assert world.server.requests[-1].path == "/EWS/Exchange.asmx"
    remembered = repr(world.server.requests) + repr(world.server.state.accounts)
    assert BOBS_PASSWORD not in remembered
    assert GRACES_PASSWORD not in remembered


def test_every_switch_of_the_side_panel_can_be_pressed(world: World) -> None:
    switches, changes = Switches(), []
    for switch in exchange_switches(world.server, [BOB, GRACE]):
        switches.add(switch)
    switches.on_change(lambda: changes.append(1))
    switches.press("exchange.bob.mail")
    switches.press("exchange.bob.meeting")
    account = world.account()
    assert [len(synced(folder)[0]) for folder in (account.inbox, account.calendar)] == [1, 1]
    switches.press("exchange.bob.lock", True)
    with pytest.raises(errors.UnauthorizedError, match="locked out"):
        _ = world.account().root
    shown = {s["id"]: s for group in switches.listing() for s in group["switches"]}
    assert shown["exchange.bob.lock"]["value"] is True
    assert shown["exchange.grace.lock"]["value"] is False
    assert len(changes) == 3
    for id in set(shown) - {"exchange.slow"}:
        switches.press(id, True if shown[id]["kind"] == "toggle" else None)
    switches.press("exchange.slow", 0.5)
    assert world.server.state.faults.slow == 0.5
