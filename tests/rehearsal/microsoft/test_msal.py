"""Microsoft's own library signs in and renews against the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msal  # type: ignore[import-untyped]  # It ships no types.
import pytest

from providers.wire import Wire
from tests.rehearsal.microsoft.rig import ACME, BOB, World
from tests.sandbox.browser import Browser
from tests.sandbox.oauth import certificate

# MSAL would rather have form_post; Relatch takes its callbacks by GET only.
pytestmark = pytest.mark.filterwarnings("ignore:response_mode='form_post' is recommended:UserWarning")

SCOPES = ["User.Read", "Mail.ReadBasic", "Calendars.ReadBasic"]


@contextmanager
def application(world: World, tenant: str = "organizations", **client: Any) -> Iterator[Any]:
    with Wire(ca_bundle=world.ca_bundle).session(each_request=True) as session:
        yield msal.ConfidentialClientApplication(
            **{"client_id": world.client_id, "client_credential": world.client_secret} | client,
            authority=f"{world.api}/{tenant}",
            instance_discovery=False,
            http_client=session,
        )


def signed_in(world: World, app: Any) -> dict[str, Any]:
    flow = app.initiate_auth_code_flow(
        SCOPES, redirect_uri=world.back, login_hint=BOB, prompt="select_account", response_mode="query"
    )
    browser = Browser()
    browser.get(flow["auth_uri"])
    browser.click(BOB)
    browser.click("Sign in")
    if not world.told(browser):
        browser.click("Accept")
    answer: dict[str, Any] = app.acquire_token_by_auth_code_flow(flow, world.told(browser))
    return answer


@pytest.mark.parametrize("tenant", ["organizations", ACME])
def test_msal_signs_in_and_renews(world: World, tenant: str) -> None:
    with application(world, tenant) as app:
        tokens = signed_in(world, app)
        assert tokens["id_token_claims"]["preferred_username"] == BOB
        assert tokens["id_token_claims"]["tid"] == world.server.state.tenants[ACME].id
        assert world.get("/me", tokens).json()["mail"] == BOB
        renewed = app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)
        assert renewed["refresh_token"] != tokens["refresh_token"]
        assert world.get("/me", renewed).status_code == 200
    assert world.server.token_posts() == 1


def test_msal_reads_why_a_renewal_is_refused(world: World) -> None:
    with application(world) as app:
        tokens = signed_in(world, app)
        world.server.conditional_access(BOB, True)
        refused = app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)
        assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [53003])
        assert refused["suberror"] == "message_only"


def test_msal_signs_in_with_a_certificate(world: World) -> None:
    private_key, public = certificate("relatch.example")
    client_id, _ = world.server.register_client([world.back], public_key=public)
    credential = {"private_key": private_key, "public_certificate": public}
    with application(world, client_id=client_id, client_credential=credential) as app:
        world.server.client_secret_expired(True)
        tokens = signed_in(world, app)
        assert "access_token" in app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)
        world.server.wrong_client_secret(True)
        assert app.acquire_token_by_refresh_token(tokens["refresh_token"], SCOPES)["error_codes"] == [700027]


def test_msal_finds_no_unknown_tenant(world: World) -> None:
    with (
        pytest.raises(ValueError, match="Unable to get authority configuration"),
        application(world, "nowhere.example"),
    ):
        pass
