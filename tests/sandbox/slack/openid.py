"""Sign in with Slack: the authorize page, its consent, codes, ID tokens and user info. It knows no messages.

Protocol: docs.slack.dev/authentication/sign-in-with-slack. Lifetimes are real time, not the sandbox's clock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html import escape

import jwt
from aiohttp import web
from jwt.algorithms import RSAAlgorithm
from multidict import MultiMapping

from tests.sandbox.oauth import Codes, Pkce, Verifier, signing_key, with_query
from tests.sandbox.slack.errors import ApiError
from tests.sandbox.slack.manifest import Installed
from tests.sandbox.slack.state import Grant, Json, State, User

CODE_LIFE = timedelta(minutes=10)
ID_TOKEN_LIFE = timedelta(minutes=5)
KEY_ID = "slack-sandbox"
WHO = "slack_user"
AUTHORIZE = "/openid/connect/authorize"

STYLE = """
body{margin:0;background:#f6f4f1;color:#1d1c1d;font:16px/1.5 system-ui,sans-serif}
main{box-sizing:border-box;max-width:28rem;margin:10vh auto;padding:2rem;border-radius:1rem;background:#fff;
 text-align:center}
h1{margin:0 0 1rem;font-size:1.4rem}
form{margin:1rem 0 0}
button{padding:.65rem 1.5rem;border:0;border-radius:.5rem;background:#3f5e5a;color:#fff;font:inherit;
 cursor:pointer}
button.quiet{background:#eceae6;color:inherit}
.people button{display:block;width:100%;margin:.5rem 0}
footer{margin-top:2rem;font-size:.8rem;color:#6b6a6b}
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """What the application asked the browser to bring back."""

    redirect_uri: str
    scopes: frozenset[str]
    state: str
    nonce: str
    pkce: Pkce


@dataclass(frozen=True, slots=True)
class Proof:
    """What a code stands for."""

    user: str
    ask: Ask = field(repr=False)


class Wrong(Exception):
    """The authorize address is wrong: Slack says so on its own page and never sends the browser back."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code = code
        self.words = words


class OpenId:
    def __init__(self, state: State) -> None:
        self._state = state
        self._codes: Codes[Proof] = Codes(CODE_LIFE)
        self._asks: dict[str, Ask] = {}
        self._key = signing_key("slack")
        self.installed: Installed | None = None
        self.page = ""
        self.api = ""
        # An app that is not distributed signs in people of its own workspace only.
        self.distributed = False

    # The browser's side

    def page_routes(self) -> list[web.RouteDef]:
        return [
            web.get(AUTHORIZE, self._authorize),
            web.post(AUTHORIZE, self._decide),
            web.post("/openid/connect/who", self._say_who),
        ]

    async def _authorize(self, request: web.Request) -> web.Response:
        try:
            ask = self._read(request.query)
            person = self._state.users.get(request.cookies.get(WHO, ""))
            if person is None:
                return _html(_chooser(list(self._state.users.values()), request.path_qs))
            self._refuse_stranger(person)
        except Wrong as wrong:
            return _html(
                _page(
                    "Something went wrong", f"<p>{escape(wrong.words)}</p><p><code>{wrong.code}</code></p>"
                ),
                400,
            )
        flow = secrets.token_urlsafe(16)
        self._asks[flow] = ask
        return _html(_consent(flow, self._state, person))

    async def _decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        ask = self._asks.pop(str(form.get("flow", "")), None)
        user = request.cookies.get(WHO, "")
        if ask is None or user not in self._state.users:
            raise web.HTTPBadRequest(text="This sign-in is over. Start again from the app.")
        told = {"state": ask.state} if ask.state else {}
        if form.get("decision") != "allow":
            return _redirect(with_query(ask.redirect_uri, error="access_denied", **told))
        code = self._codes.issue(Proof(user, ask), self._real_now())
        return _redirect(with_query(ask.redirect_uri, code=code, **told))

    async def _say_who(self, request: web.Request) -> web.Response:
        form = await request.post()
        back = str(form.get("back", ""))
        if not back.startswith(AUTHORIZE):
            raise web.HTTPBadRequest
        response = _redirect(back)
        response.set_cookie(WHO, str(form.get("user", "")), path="/", samesite="Lax")
        return response

    def _read(self, query: MultiMapping[str]) -> Ask:
        app = self.installed
        if app is None or query.get("client_id") != app.client_id:
            raise Wrong("invalid_client_id", "The app that sent you here is not known to Slack.")
        redirect_uri = query.get("redirect_uri", "")
        if redirect_uri not in (self._state.setting("oauth_config", "redirect_urls") or []):
            raise Wrong("bad_redirect_uri", "The app sent a return address that it has not registered.")
        if query.get("response_type") != "code":
            raise Wrong("invalid_response_type", "The app asked for an answer that Slack does not give.")
        scopes = frozenset(query.get("scope", "").replace(",", " ").split())
        allowed = set(self._state.setting("oauth_config", "scopes", "user") or [])
        if "openid" not in scopes or not scopes <= allowed:
            raise Wrong("invalid_scope", "The app asked for permissions that it has not registered.")
        pkce = Pkce(query.get("code_challenge", ""), query.get("code_challenge_method", "plain"))
        if not pkce.is_known:
            raise Wrong(
                "invalid_code_challenge_method", "The app asked for a proof that Slack does not know."
            )
        return Ask(redirect_uri, scopes, query.get("state", ""), query.get("nonce", ""), pkce)

    def _refuse_stranger(self, person: User) -> None:
        if person.team != self._state.home_team.id and not self.distributed:
            words = f"This app signs in people of {self._state.home_team.name} only."
            raise Wrong("invalid_team_for_non_distributed_app", words)

    # The application's side

    def api_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/.well-known/openid-configuration", self._discovery),
            web.get("/openid/connect/keys", self._keys),
        ]

    def token(self, arguments: Json) -> Json:
        """Raises ApiError in the order in which Slack looks: client, code, redirect, verifier."""
        app = self.installed
        if app is None or arguments.get("client_id") != app.client_id:
            raise ApiError("invalid_client_id")
        if not hmac.compare_digest(str(arguments.get("client_secret", "")), app.client_secret):
            raise ApiError("bad_client_secret")
        if arguments.get("grant_type", "authorization_code") != "authorization_code":
            raise ApiError("invalid_grant_type")
        proof = self._codes.redeem(str(arguments.get("code", "")), self._real_now())
        if proof is None:
            raise ApiError("invalid_code")
        if arguments.get("redirect_uri") != proof.ask.redirect_uri:
            raise ApiError("bad_redirect_uri")
        if proof.ask.pkce.judge(str(arguments.get("code_verifier", ""))) in {
            Verifier.WRONG,
            Verifier.MISSING,
        }:
            raise ApiError("invalid_code_verifier")
        value = "xoxp-" + secrets.token_urlsafe(24)
        self._state.grants[value] = Grant("user", proof.user, proof.ask.scopes)
        return {"access_token": value, "token_type": "Bearer", "id_token": self._id_token(proof, value)}

    def user_info(self, grant: Grant) -> Json:
        return self._claims(self._state.users[grant.user], grant.scopes)

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.page,
                "authorization_endpoint": self.page + AUTHORIZE,
                "token_endpoint": f"{self.api}/api/openid.connect.token",
                "userinfo_endpoint": f"{self.api}/api/openid.connect.userInfo",
                "jwks_uri": f"{self.api}/openid/connect/keys",
                "scopes_supported": ["openid", "profile", "email"],
                "response_types_supported": ["code"],
                "response_modes_supported": ["form_post"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": ["sub", "auth_time", "iss"],
                "claims_parameter_supported": False,
                "request_parameter_supported": False,
                "request_uri_parameter_supported": True,
            }
        )

    async def _keys(self, _request: web.Request) -> web.Response:
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return web.json_response({"keys": [key | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]})

    def _id_token(self, proof: Proof, access_token: str) -> str:
        app, now = self.installed, self._real_now()
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self.page,
            "aud": app.client_id if app else "",
            "iat": int(now.timestamp()),
            "exp": int((now + ID_TOKEN_LIFE).timestamp()),
            "auth_time": int(now.timestamp()),
            "at_hash": base64.urlsafe_b64encode(half).decode().rstrip("="),
            **({"nonce": proof.ask.nonce} if proof.ask.nonce else {}),
            **self._claims(self._state.users[proof.user], proof.ask.scopes),
        }
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def _claims(self, person: User, scopes: frozenset[str]) -> Json:
        team = self._state.teams[person.team]
        claims: Json = {
            "sub": person.id,
            "https://slack.com/user_id": person.id,
            "https://slack.com/team_id": team.id,
        }
        if "email" in scopes:
            claims |= {"email": person.email, "email_verified": True}
        if "profile" in scopes:
            given, _, family = person.real_name.partition(" ")
            claims |= {
                "name": person.real_name,
                "given_name": given,
                "family_name": family,
                "locale": "en-US",
            }
            claims |= {"https://slack.com/team_name": team.name, "https://slack.com/team_domain": team.domain}
            claims |= {"picture": f"{self.page}/avatar/{person.id}.png"}
        return claims

    def _real_now(self) -> datetime:
        return self._state.clock.now() - self._state.clock.offset


def _consent(flow: str, state: State, person: User) -> str:
    app = escape(state.app_name)
    return _page(
        f"Sign in to {app} with Slack",
        f"<p>{app} learns who you are in {escape(state.home_team.name)}: your name and e-mail address.</p>"
        f"<p>You are <strong>{escape(person.real_name)}</strong>.</p>"
        f'<form method="post" action="{AUTHORIZE}"><input type="hidden" name="flow" value="{flow}">'
        '<button name="decision" value="allow">Allow</button> '
        '<button class="quiet" name="decision" value="cancel">Cancel</button></form>',
    )


def _chooser(people: list[User], back: str) -> str:
    rows = "".join(
        f'<button name="user" value="{escape(person.id)}">{escape(person.real_name)}</button>'
        for person in people
        if not person.is_bot and not person.deleted
    )
    return _page(
        "Sign in to Slack",
        "<p>Who are you in this sandbox?</p>"
        '<form class="people" method="post" action="/openid/connect/who">'
        f'<input type="hidden" name="back" value="{escape(back)}">{rows}</form>',
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}"
        "<footer>A stand-in for Slack's sign-in page. No real account is involved.</footer>"
        "</main></body></html>"
    )


def _html(page: str, status: int = 200) -> web.Response:
    headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return web.Response(text=page, status=status, content_type="text/html", headers=headers)


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location})
