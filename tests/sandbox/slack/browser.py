"""What the sandbox's Slack page asks over HTTP, and the page's own files. It decides nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from tests.sandbox.slack.errors import NothingThere
from tests.sandbox.slack.openid import WHO
from tests.sandbox.slack.people import People, words_for
from tests.sandbox.slack.seen import Screen
from tests.sandbox.slack.state import BOT_USER, Json, Post, State, User, View
from tests.sandbox.slack.stream import Stream
from tests.sandbox.switches import Switches

PAGE = Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def say_what_is_gone(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A page may be a moment behind: what it names may be gone, and the person is told so."""
    try:
        return await handler(request)
    except NothingThere as gone:
        return web.json_response({"ok": False, "words": str(gone)})


class BrowserApi:
    def __init__(self, state: State, people: People, screen: Screen) -> None:
        self._state = state
        self._people = people
        self._screen = screen
        self.stream = Stream(state, message=self._message, view=people.views.as_json)
        self.switches = Switches()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/page/world", self._world),
            web.get("/page/messages", self._messages),
            web.post("/page/home", self._home),
            web.get("/page/stream", self._stream),
            web.post("/page/send", self._send),
            web.post("/page/press", self._press),
            web.post("/page/submit", self._submit),
            web.post("/page/close", self._close),
            web.get("/page/switches", self._list_switches),
            web.post("/page/switches/{id}", self._press_switch),
            web.get("/page/clock", self._clock),
            web.get("/page/phone", self._phone),
            web.post("/page/whoami", self._whoami),
            web.get("/", self._index),
            web.get("/{file}", self._file),
        ]

    def show(self, switches: Switches) -> None:
        self.switches = switches
        switches.on_change(lambda: self.stream.tell_all({"type": "switches", "groups": switches.listing()}))

    # What is there

    async def _world(self, request: web.Request) -> web.Response:
        state, me = self._state, self._who(request, request.query.get("user", ""))
        app_dm = state.dm(me)
        rooms = [channel for channel in state.channels.values() if not channel.user and me in channel.members]
        return web.json_response(
            {
                "me": me,
                "users": [
                    self._user(user) for user in state.users.values() if not (user.is_bot or user.deleted)
                ],
                "team": {"id": state.home_team.id, "name": state.home_team.name},
                "app": {
                    "id": BOT_USER,
                    "name": state.app_name,
                    "user_id": BOT_USER,
                    "commands": self._commands(),
                },
                "conversations": [
                    *(
                        {
                            "id": each.id,
                            "kind": "channel",
                            "name": each.name,
                            "unread": state.unread(me, each.id),
                        }
                        for each in rooms
                    ),
                    {
                        "id": app_dm.id,
                        "kind": "app_dm",
                        "name": state.app_name,
                        "unread": state.unread(me, app_dm.id),
                    },
                ],
            }
        )

    async def _messages(self, request: web.Request) -> web.Response:
        """Reading a channel makes it read."""
        user = self._who(request, request.query.get("user", ""))
        channel = self._people.channel(user, request.query.get("channel", "")).id
        with self._state.lock:
            posts = self._state.seen_by(user, channel)
            if posts:
                self._state.read_up_to[user, channel] = posts[-1].ts
            self._state.changed("badge", [user], channel=channel, unread=0)
            return web.json_response({"messages": [self._message(post) for post in posts]})

    async def _phone(self, request: web.Request) -> web.Response:
        user = self._who(request, request.query.get("user", ""))
        with self._state.lock:
            rooms = [channel.id for channel in self._state.channels.values() if user in channel.members]
            posts = [
                post for room in rooms for post in self._state.seen_by(user, room) if post.author == BOT_USER
            ]
            lasting = sorted((post for post in posts if not post.viewer), key=lambda post: post.ts)
            return web.json_response(
                {"notifications": [self._screen.notification(post, user) for post in lasting]}
            )

    async def _list_switches(self, _request: web.Request) -> web.Response:
        return web.json_response({"groups": self.switches.listing()})

    async def _clock(self, _request: web.Request) -> web.Response:
        clock = self._state.clock
        return web.json_response({"now": clock.now().isoformat(), "offset": clock.offset.total_seconds()})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        return await self.stream.serve(request, self._who(request, request.query.get("user", "")))

    # What a person does

    async def _home(self, request: web.Request) -> web.Response:
        body = await request.json()
        user = self._who(request, body.get("user", ""))
        await self._people.open_home(user)
        home = self._state.homes.get(user)
        return web.json_response({"view": self._people.views.as_json(home) if home else None})

    async def _send(self, request: web.Request) -> web.Response:
        body = await request.json()
        user, text = self._who(request, body.get("user", "")), str(body.get("text", ""))
        if not text.startswith("/"):
            self._people.say(user, body["channel"], text)
            return web.json_response({"ok": True})
        command, _, rest = text.partition(" ")
        acked = await self._people.command(user, command, rest.strip(), channel=body["channel"])
        if acked.ok:
            return web.json_response({"ok": True})
        return web.json_response(
            {"ok": False, "error": acked.error, "words": words_for(acked, command=command)}
        )

    async def _press(self, request: web.Request) -> web.Response:
        body = await request.json()
        user, element = self._who(request, body.get("user", "")), body.get("element", {})
        place = body["block_id"], body["action_id"]
        if "view_id" in body:
            view = self._view(user, body["view_id"])
            self._people.refuse_forged(view.shown["blocks"], *place, element)
            acked = await self._people.press_in_view(view, *place, element)
        else:
            post = self._post(user, body["message"])
            self._people.refuse_forged(post.blocks, *place, element)
            acked = await self._people.press_in_message(user, post, *place, element)
        answer: Json = {"ok": True} if acked.ok else {"ok": False, "words": words_for(acked)}
        return web.json_response(answer)

    async def _submit(self, request: web.Request) -> web.Response:
        body = await request.json()
        view = self._view(self._who(request, body.get("user", "")), body["view_id"])
        given = body.get("state") or {}
        self._people.enter(view, given.get("values", given))
        acked = await self._people.submit(view)
        if acked.ok:
            return web.json_response({"ok": True})
        if acked.payload:
            return web.json_response({"errors": acked.payload.get("errors", {})})
        return web.json_response({"ok": False, "words": words_for(acked)})

    async def _close(self, request: web.Request) -> web.Response:
        body = await request.json()
        await self._people.close(self._view(self._who(request, body.get("user", "")), body["view_id"]))
        return web.json_response({"ok": True})

    async def _press_switch(self, request: web.Request) -> web.Response:
        body = await request.json()
        try:
            self.switches.press(request.match_info["id"], body.get("value"))
        except KeyError as error:
            raise web.HTTPNotFound(text="no such switch") from error
        except ValueError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return web.json_response({"groups": self.switches.listing()})

    async def _whoami(self, request: web.Request) -> web.Response:
        body = await request.json()
        user = self._who(request, body.get("user", ""))
        response = web.json_response({"ok": True, "user": user})
        response.set_cookie(WHO, user, path="/", samesite="Lax")
        return response

    # The page's files

    async def _index(self, _request: web.Request) -> web.Response:
        return _served(PAGE / "index.html")

    async def _file(self, request: web.Request) -> web.Response:
        return _served(PAGE / Path(request.match_info["file"]).name)

    # Shapes

    def _who(self, request: web.Request, given: str) -> str:
        """Whoever the page says, else whom the cookie remembers, else the first of the cast."""
        for user in (given, request.cookies.get(WHO, "")):
            if user in self._state.users:
                return user
        return next(user.id for user in self._state.users.values() if not user.is_bot)

    def _post(self, user: str, named: Json) -> Post:
        post = self._state.post(str(named.get("channel")), str(named.get("ts")))
        if post is None or user not in self._state.viewers(post):
            raise NothingThere("This message is gone.")
        return post

    def _view(self, user: str, view_id: str) -> View:
        view = self._people.views.find(view_id)
        if view is None or view.user != user:
            raise NothingThere("This view is no longer open.")
        return view

    def _message(self, post: Post) -> Json:
        author = self._state.users[post.author]
        return {
            "ts": post.ts,
            "user": post.author,
            "name": author.real_name,
            "text": post.text,
            "blocks": post.blocks,
            "edited": bool(post.edits),
            "ephemeral": bool(post.viewer),
        }

    def _user(self, user: User) -> Json:
        initials = "".join(word[0] for word in user.real_name.split()[:2])
        return {
            "id": user.id,
            "name": user.name,
            "real_name": user.real_name,
            "role": self._role(user),
            "avatar": initials,
        }

    def _role(self, user: User) -> str:
        if any(user.id in members for _, members in self._state.groups.values()):
            return "admin"
        if user.team != self._state.home_team.id:
            return f"from {self._state.teams[user.team].name}"
        return "guest" if user.is_restricted else "user"

    def _commands(self) -> list[Json]:
        kept = ("command", "description", "usage_hint")
        return [{key: command.get(key, "") for key in kept} for command in self._state.commands]


def _served(path: Path) -> web.Response:
    if path.suffix not in TYPES or not path.is_file():
        raise web.HTTPNotFound(text="There is no such page.")
    headers = {"Cache-Control": "no-store"}
    return web.Response(
        body=path.read_bytes(), content_type=TYPES[path.suffix], charset="utf-8", headers=headers
    )
