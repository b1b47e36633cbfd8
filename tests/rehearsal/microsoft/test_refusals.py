"""Refusals as Microsoft publishes them, bad days, and what the tests themselves rely on."""

from __future__ import annotations

import pytest
import requests

from tests.rehearsal.microsoft.rig import BOB, EWS, GRACE, World, deliver
from tests.sandbox.browser import Browser
from tests.sandbox.microsoft.switches import microsoft_switches
from tests.sandbox.switches import Switches

INBOX = "/me/mailFolders/inbox"
GET_INBOX = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Body><m:GetFolder>
 <m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>
 <m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:GetFolder></s:Body></s:Envelope>"""


def test_a_refusal_of_graph_has_all_that_graph_tells(world: World) -> None:
    refused = world.http.get(f"{world.api}/v1.0/me", headers={"client-request-id": "ours"})
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith('Bearer realm=""')
    error = refused.json()["error"]
    assert (error["code"], error["message"]) == ("InvalidAuthenticationToken", "Access token is empty.")
    assert set(error["innerError"]) == {"date", "request-id", "client-request-id"}
    assert error["innerError"]["client-request-id"] == refused.headers["client-request-id"] == "ours"


def test_a_made_up_access_token_is_refused(world: World) -> None:
    refused = world.get("/me", {"access_token": "eyJmade-up"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("scope", "address", "code"),
    [
        ("Mail.ReadBasic", "/me", "Authorization_RequestDenied"),
        ("User.Read", INBOX, "ErrorAccessDenied"),
        ("Mail.ReadBasic", "/me/calendarView/delta", "ErrorAccessDenied"),
        ("Calendars.ReadBasic", f"{INBOX}/messages/delta", "ErrorAccessDenied"),
    ],
)
def test_a_missing_scope_is_forbidden(world: World, scope: str, address: str, code: str) -> None:
    refused = world.get(address, world.signed_in(scope=scope))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)


def test_less_scope_takes_the_mail_away_and_gives_it_back(world: World) -> None:
    tokens = world.signed_in()
    world.server.less_scope(BOB, True)
    refused = world.get(INBOX, tokens)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "ErrorAccessDenied")
    assert "Mail.ReadBasic" not in world.renewed(tokens)["scope"]
    world.server.less_scope(BOB, False)
    assert world.get(INBOX, tokens).status_code == 200


def test_an_account_without_a_mailbox_is_an_account_all_the_same(world: World) -> None:
    tokens = world.signed_in()
    world.server.no_mailbox(BOB, True)
    refused = world.get(INBOX, tokens)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "MailboxNotEnabledForRESTAPI")
    assert world.get("/me", tokens).status_code == 200


def test_a_rate_limit_says_when_to_come_back(world: World) -> None:
    tokens = world.signed_in()
    world.server.rate_limit(True)
    refused = world.get(INBOX, tokens)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")


def test_an_outage_fails_every_request(world: World) -> None:
    tokens = world.signed_in()
    world.server.down(True)
    refused = world.refresh(tokens)
    assert (refused.status_code, refused.json()["error"]) == (503, "temporarily_unavailable")
    assert world.get("/me", tokens).status_code == 503
    assert world.ews(tokens).status_code == 503
    assert world.http.get(f"{world.api}/organizations/v2.0/.well-known/openid-configuration").status_code == 503
    assert Browser().get(world.authorize_url()).status == 503
    world.server.down(False)
    assert world.get("/me", tokens).status_code == 200


@pytest.mark.parametrize("empty", [False, True])
def test_nonsense_is_a_200_that_is_not_json(world: World, empty: bool) -> None:
    tokens = world.signed_in()
    world.server.nonsense(True, empty=empty)
    answer = world.refresh(tokens)
    assert answer.status_code == 200
    assert (answer.text == "") is empty
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_ews_is_off_until_it_is_allowed(world: World) -> None:
    deliver(world, "Offer")
    tokens = world.signed_in(scope=f"openid offline_access {EWS}")
    assert world.ews(tokens, GET_INBOX).status_code == 403
    world.server.ews_enabled(True)
    answer = world.ews(tokens, GET_INBOX)
    assert answer.status_code == 200
    assert "<t:DisplayName>Inbox</t:DisplayName><t:TotalCount>1</t:TotalCount>" in answer.text


def test_ews_takes_no_token_of_graph(world: World) -> None:
    world.server.ews_enabled(True)
    refused = world.ews(world.signed_in(), GET_INBOX)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer client_id=")


@pytest.mark.parametrize(
    ("switch", "code"), [("no_mailbox", "ErrorNonExistentMailbox"), ("less_scope", "ErrorAccessDenied")]
)
def test_ews_refuses_as_exchange_does(world: World, switch: str, code: str) -> None:
    tokens = world.signed_in(scope=f"openid offline_access {EWS}")
    world.server.ews_enabled(True)
    getattr(world.server, switch)(BOB, True)
    assert f"<m:ResponseCode>{code}</m:ResponseCode>" in world.ews(tokens, GET_INBOX).text


def test_requests_are_remembered_without_secrets(world: World) -> None:
    tokens = world.signed_in()
    world.refresh(tokens)
    assert world.server.token_posts() == 1
    assert world.server.token_posts("authorization_code") == 1
    remembered = repr(world.server.requests)
    for secret in (tokens["refresh_token"], tokens["access_token"], world.client_secret, world.verifier, "bobs"):
        assert secret not in remembered


def test_every_switch_of_the_side_panel_can_be_pressed(world: World) -> None:
    tokens = world.signed_in()
    switches, changes = Switches(), []
    for switch in microsoft_switches(world.server, [BOB, GRACE]):
        switches.add(switch)
    switches.on_change(lambda: changes.append(1))
    switches.press("microsoft.bob.revoke")
    assert world.refusal(tokens)[1] == 50173
    switches.press("microsoft.down", True)
    shown = {s["id"]: s for group in switches.listing() for s in group["switches"]}
    assert shown["microsoft.down"]["value"] is True
    assert {group["name"] for group in switches.listing()} == {
        "Microsoft",
        f"Microsoft: {BOB}",
        f"Microsoft: {GRACE}",
    }
    assert len(changes) == 2
    for identity, switch in shown.items():
        if switch["kind"] == "toggle":
            switches.press(identity, True)
            assert pressed(switches, identity) is True, identity
            switches.press(identity, False)
            assert pressed(switches, identity) is False, identity
        elif switch["kind"] == "press":
            switches.press(identity)
    with pytest.raises(ValueError, match="true or false"):
        switches.press("microsoft.down", "yes")


def pressed(switches: Switches, identity: str) -> object:
    return next(s["value"] for g in switches.listing() for s in g["switches"] if s["id"] == identity)
