"""The Slack of the sandbox: its two web applications, what people do and see in it, every way to break it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aiohttp import web

from tests.sandbox.slack import manifest as manifests
from tests.sandbox.slack import state as held
from tests.sandbox.slack.blocks import elements_of
from tests.sandbox.slack.browser import BrowserApi, say_what_is_gone
from tests.sandbox.slack.crawler import Crawled, Crawler
from tests.sandbox.slack.delivery import ACK_SECONDS, Acked, Delivery
from tests.sandbox.slack.errors import ManifestRefused, NothingThere
from tests.sandbox.slack.faults import Faults, fault_switches
from tests.sandbox.slack.inputs import value_of
from tests.sandbox.slack.manifest import Installed
from tests.sandbox.slack.messages import Messages
from tests.sandbox.slack.methods import Methods
from tests.sandbox.slack.openid import OpenId
from tests.sandbox.slack.payloads import Payloads
from tests.sandbox.slack.people import People
from tests.sandbox.slack.requests import HttpMode, Signed
from tests.sandbox.slack.seen import Message, Screen, View
from tests.sandbox.slack.socket import SocketMode
from tests.sandbox.slack.state import (
    APP,
    BOT_USER,
    RESPONSE_URL_LIFE,
    Channel,
    Clock,
    Grant,
    Json,
    State,
    Team,
    User,
)
from tests.sandbox.slack.views import Views
from tests.sandbox.slack.web_api import ApiCall, WebApi
from tests.sandbox.switches import Switches

T = TypeVar("T")

POLL = 0.02
Place = tuple[str, str]


class SlackServer:
    """Methods block and may be called from any thread but the one that serves."""

    def __init__(self, clock: Clock, *, team: str = "T_ACME", name: str = "Acme") -> None:
        self._state = state = State(clock, Team(team, name))
        self._faults = Faults()
        self._crawler = Crawler()
        self._messages = Messages(state, unfurl=self._crawler.follow)
        self._views = Views(state)
        self._payloads = Payloads(state, self._messages, self._views)
        self._socket = SocketMode(state, self._faults)
        self._http = HttpMode(state, self._faults)
        self._delivery = Delivery(state, self._socket, self._http)
        self._people = People(state, self._messages, self._views, self._payloads, self._delivery)
        self._screen = Screen(state)
        self._openid = OpenId(state)
        self._methods = Methods(state, self._faults, self._messages, self._views, self._socket, self._openid)
        self._api = WebApi(state, self._faults, self._messages, self._methods.table())
        self._browser = BrowserApi(state, self._people, self._screen)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.page_app = web.Application(middlewares=[say_what_is_gone])
        self.page_app.add_routes([*self._openid.page_routes(), *self._browser.routes()])
        self.page_app.on_startup.append(self._begin)
        self.api_app = web.Application()
        self.api_app.add_routes(
            [*self._openid.api_routes(), web.get("/link/", self._socket.link), *self._api.routes()]
        )
        self.api_app.on_startup.append(self._begin)
        self.api_app.on_shutdown.append(self._socket.close)
        self.api_app.on_shutdown.append(self._http.close)
        state.users[BOT_USER] = User(BOT_USER, "relatch", "Relatch", "", team, is_bot=True)

    async def _begin(self, _app: web.Application) -> None:
        self._loop = self._browser.stream.loop = asyncio.get_running_loop()

    # Setting up

    def addresses(self, *, page: str, api: str) -> None:
        """Told once the ports are known; of `https://localhost:<p>/api/` the path is left out."""
        page, api = _origin(page), _origin(api)
        self._openid.page, self._openid.api = page, api
        self._methods.page = page
        self._payloads.api = self._socket.address = api

    def add_user(
        self,
        id: str,
        name: str,
        real_name: str,
        email: str,
        *,
        team: str = "",
        is_stranger: bool = False,
        is_bot: bool = False,
        deleted: bool = False,
        is_restricted: bool = False,
        tz: str = "Europe/Berlin",
    ) -> None:
        """Called again with the same id it changes the person, as when she is deactivated."""
        home = self._state.home_team.id
        with self._state.lock:
            of_team = team or home
            self._state.teams.setdefault(of_team, Team(of_team, of_team.removeprefix("T_").title()))
            self._state.users[id] = User(
                id, name, real_name, email, of_team, is_stranger, is_bot, deleted, is_restricted, tz
            )

    def add_channel(self, id: str, name: str, members: Iterable[str]) -> None:
        """The app is a member where `members` has BOT_USER."""
        self._state.channels[id] = Channel(id, name, set(members))

    def add_group(self, id: str, handle: str, members: Iterable[str]) -> None:
        """A user group. Called again it changes the members."""
        self._state.groups[id] = (handle, list(members))

    def install(self, manifest: Json) -> Installed:
        """Raises ManifestRefused. Installed again, the app keeps its tokens and gets the new scopes."""
        if problems := manifests.problems(manifest):
            raise ManifestRefused(problems)
        state = self._state
        installed = self._openid.installed or Installed(
            bot_token="xoxb-" + secrets.token_urlsafe(24),
            app_token=f"xapp-1-{APP}-" + secrets.token_urlsafe(24),
            signing_secret=secrets.token_hex(16),
            client_id=f"{secrets.randbelow(10**12):012d}.{secrets.randbelow(10**12):012d}",
            client_secret=secrets.token_hex(16),
            app_id=APP,
            bot_user_id=BOT_USER,
        )
        with state.lock:
            state.manifest = manifest
            scopes = frozenset(state.setting("oauth_config", "scopes", "bot") or [])
            state.grants[installed.bot_token] = Grant("bot", BOT_USER, scopes)
            state.grants[installed.app_token] = Grant("app", BOT_USER, frozenset({"connections:write"}))
            bot = state.users[BOT_USER]
            bot.name = str(state.setting("features", "bot_user", "display_name") or bot.name)
            bot.real_name = state.app_name
        self._openid.installed = installed
        self._http.signing_secret = installed.signing_secret
        return installed

    def show(self, switches: Switches) -> None:
        """The page shows these; Slack's own faults are added to them."""
        for switch in fault_switches(self._faults, down=self._set_down, drop=self._drop_soon):
            switches.add(switch)
        self._browser.show(switches)

    # What a person does. Each waits for the acknowledgement.

    def command(self, user: str, text: str, *, channel: str = "C0GENERAL", command: str = "/creds") -> Acked:
        """Typed as in Slack: `@bob` is chosen from the list. The channel `app_dm` is the app's own."""
        return self._call(self._people.command(user, command, text, channel=channel))

    def press(
        self,
        user: str,
        label_or_action_id: str,
        *,
        message: Message | None = None,
        view: View | None = None,
        value: object = None,
    ) -> Acked:
        """A button by its words or action id, another element by its action id and the chosen `value`.

        Without `message` or `view`: the topmost modal, then messages from the newest on, then the Home tab.
        A link button gives its `url`. Raises NothingThere (an AssertionError) for what is not on the screen.
        """
        for target in self._surfaces(user, message, view):
            blocks = target.blocks if isinstance(target, held.Post) else target.shown["blocks"]
            if place := _pressable(blocks, label_or_action_id):
                if isinstance(target, held.Post):
                    return self._call(self._people.press_in_message(user, target, *place, value))
                return self._call(self._people.press_in_view(target, *place, value))
        raise NothingThere(f"{user} sees nothing to press named {label_or_action_id!r}{self._last_seen()}")

    def submit(self, user: str, view: View | None = None, values: Json | None = None) -> Acked:
        """`values` by action id: text, an option's value or label, a user id, or a list of these.

        Errors under fields, Slack's or the app's, are in `payload["errors"]` by block id; `ok` is False then.
        """
        target = self._modal(user, view)
        for action_id, chosen in (values or {}).items():
            block_id, _ = _pressable(target.shown["blocks"], action_id) or self._nothing(action_id)
            element = self._element(target, block_id, action_id)
            target.entered[block_id, element["action_id"]] = value_of(element, chosen)
        return self._call(self._people.submit(target))

    def close(self, user: str, view: View | None = None) -> None:
        """Closes this modal and those above it."""
        self._call(self._people.close(self._modal(user, view)))

    def open_home(self, user: str) -> Acked:
        return self._call(self._people.open_home(user))

    # What a person sees

    def messages(self, user: str, *, channel: str | None = None) -> list[Message]:
        """The lasting ones, oldest first; by default of the app's conversation with this person."""
        return [seen for seen in self._seen(user, channel or "app_dm") if not seen.ephemeral]

    def ephemerals(self, user: str, *, channel: str = "C0GENERAL") -> list[Message]:
        """Those that only this person sees, newest last, as they stand after replacements."""
        return [seen for seen in self._seen(user, channel) if seen.ephemeral]

    def home(self, user: str) -> View | None:
        with self._state.lock:
            view = self._state.homes.get(user)
            return self._screen.view(view) if view else None

    def views(self, user: str) -> list[View]:
        """The open modals, the topmost last."""
        with self._state.lock:
            return [self._screen.view(view) for view in self._state.stacks.get(user, [])]

    def notifications(self, user: str) -> list[str]:
        """What the person's phone shows of the app's messages to her: `text` alone, newest last."""
        with self._state.lock:
            posts = self._state.seen_by(user, self._state.dm(user).id)
            return [
                self._screen.notification(p, user)["text"]
                for p in posts
                if p.author == BOT_USER and not p.viewer
            ]

    def wait(self, condition: Callable[[], T], seconds: float = 10, what: str = "") -> T:
        """Polls until `condition` gives something true. A LookupError or AssertionError in it means: not yet.

        Raises AssertionError, which names `what` and the last messages.
        """
        deadline = time.monotonic() + seconds
        why: Exception | None = None
        while time.monotonic() < deadline:
            try:
                if found := condition():
                    return found
            except (LookupError, AssertionError) as error:
                why = error
            time.sleep(POLL)
        raise AssertionError(f"{what or 'it'} did not come within {seconds} s{self._last_seen()}") from why

    # What can be broken

    @property
    def sent(self) -> list[ApiCall]:
        """Every call of the Web API and every post to a response_url (by that name), without tokens."""
        return list(self._api.sent)

    @property
    def crawled(self) -> list[Crawled]:
        """The links that the unfurl crawler opened."""
        return list(self._crawler.crawled)

    @property
    def connections(self) -> int:
        """Open connections of Socket Mode."""
        return self._socket.connections

    @property
    def requests(self) -> list[Signed]:
        """Every request of HTTP mode as it went out, oldest first."""
        return list(self._http.sent)

    def takes_requests(self) -> bool:
        """Whether the app answers at its request URL as Slack wants it before it delivers anything there."""
        return self._call(self._http.verify())

    @property
    def event_retries(self) -> Sequence[float]:
        """Real seconds before the second, third and fourth try of an event that was not acknowledged."""
        return self._delivery.event_retries

    @event_retries.setter
    def event_retries(self, seconds: Sequence[float]) -> None:
        self._delivery.event_retries = seconds

    def redeliver(self, n: int = 1) -> list[Acked]:
        """Sends the last `n` payloads again, in their order."""
        return [self._call(self._delivery.redeliver(envelope)) for envelope in self._delivery.sent[-n:]]

    def drop_connections(self, how: str = "abort") -> None:
        """`abort` cuts them without a word, `refresh` asks for new ones."""
        self._call(self._socket.drop(how))

    def rate_limit(self, method: str, seconds: float) -> None:
        self._faults.rate_limit(method, seconds)

    def slow(self, method: str, seconds: float) -> None:
        """0 ends it. `socket` delays every payload and its answer, `response_url` the posts to one."""
        self._faults.slow(method, seconds)

    def down(self, on: bool) -> None:
        """Every call is answered 503, connections are cut, and new ones refused."""
        self._faults.down = on
        if on:
            self.drop_connections("abort")

    def fail_next(self, method: str, error: str) -> None:
        self._faults.fail_next(method, error)

    def lose_answer(self, method: str) -> None:
        """The next call does its work; then the connection breaks instead of an answer."""
        self._faults.lose_answer(method)

    def limit_posting(self, on: bool) -> None:
        """One message a second and channel, after a short burst. It is on by default."""
        self._faults.posting_limited = on

    def revoke_tokens(self, on: bool = True) -> None:
        self._faults.revoked = on

    def distributed(self, on: bool) -> None:
        """Whether people of other workspaces can sign in to the app with Slack. It is off by default."""
        self._openid.distributed = on

    def expire_response_urls(self) -> None:
        """As if 30 minutes had gone by."""
        for url in self._state.response_urls.values():
            url.born -= RESPONSE_URL_LIFE

    # Inside

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        assert self._loop is not None, "the applications are not served yet"
        # Slack waits three seconds for each acknowledgement; a modal that closes may tell of three views.
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(4 * ACK_SECONDS)

    def _set_down(self, on: bool) -> None:
        """For the side panel, whose presses run in the serving thread."""
        self._faults.down = on
        if on:
            self._drop_soon("abort")

    def _drop_soon(self, how: str) -> None:
        assert self._loop is not None, "the applications are not served yet"
        asyncio.run_coroutine_threadsafe(self._socket.drop(how), self._loop)

    def _seen(self, user: str, channel: str) -> list[Message]:
        with self._state.lock:
            place = self._people.channel(user, channel).id
            return self._screen.messages(self._state.seen_by(user, place), user)

    def _surfaces(self, user: str, message: Message | None, view: View | None) -> list[held.Post | held.View]:
        with self._state.lock:
            if message is not None:
                post = self._state.post(message.channel, message.ts)
                return [post] if post else []
            if view is not None:
                found = self._views.find(view.id)
                return [found] if found else []
            rooms = [channel.id for channel in self._state.channels.values() if user in channel.members]
            posts = [post for room in rooms for post in self._state.seen_by(user, room)]
            newest_first = sorted(posts, key=lambda post: post.ts, reverse=True)
            homes = [self._state.homes[user]] if user in self._state.homes else []
            return [*reversed(self._state.stacks.get(user, [])), *newest_first, *homes]

    def _modal(self, user: str, view: View | None) -> held.View:
        with self._state.lock:
            stack = self._state.stacks.get(user, [])
            found = next((each for each in reversed(stack) if view is None or each.id == view.id), None)
        if found is None:
            raise NothingThere(f"{user} has no such modal open{self._last_seen()}")
        return found

    def _element(self, view: held.View, block_id: str, action_id: str) -> Json:
        block = next(block for block in view.shown["blocks"] if block["block_id"] == block_id)
        return next(element for element in elements_of(block) if element["action_id"] == action_id)

    def _nothing(self, action_id: str) -> Place:
        raise NothingThere(f"there is no field {action_id!r} to fill in")

    def _last_seen(self) -> str:
        with self._state.lock:
            posts = sorted(
                (post for room in self._state.posts.values() for post in room.values()),
                key=lambda post: post.ts,
            )
            lines = [
                f"  {p.channel}{' only for ' + p.viewer if p.viewer else ''}: {p.text!r}" for p in posts[-5:]
            ]
        return "; the last messages:\n" + "\n".join(lines) if lines else "; there is no message"


def _pressable(blocks: list[Json], wanted: str) -> Place | None:
    """Block id and action id of the first element with this label or action id."""
    for block in blocks:
        for element in elements_of(block):
            label = element["text"]["text"] if element["type"] == "button" else None
            if wanted in (label, element["action_id"]):
                return block["block_id"], element["action_id"]
    return None


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
