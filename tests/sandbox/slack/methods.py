"""The Web API's methods: what each does with its arguments. Tokens, scopes and limits are checked before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.sandbox.slack.blocks import check_message_blocks, check_view
from tests.sandbox.slack.checker import Problem
from tests.sandbox.slack.errors import ApiError
from tests.sandbox.slack.faults import Faults
from tests.sandbox.slack.messages import TEXT_IN_UPDATE, Messages, structure, taken_blocks
from tests.sandbox.slack.openid import OpenId
from tests.sandbox.slack.socket import SocketMode
from tests.sandbox.slack.state import BOT, BOT_USER, Channel, Grant, Json, Post, State, User
from tests.sandbox.slack.views import Views

READ_CHANNELS = ("channels:read", "groups:read", "im:read", "mpim:read")


@dataclass(frozen=True, slots=True)
class Call:
    """`grant` is the token's; methods that take none get an empty one."""

    arguments: Json
    grant: Grant

    def text(self, name: str) -> str:
        return str(self.arguments.get(name) or "")

    def says_no(self, name: str) -> bool:
        """False in JSON, 0 or false in a form."""
        return self.arguments.get(name) in (False, 0, "0", "false")

    def says_yes(self, name: str) -> bool:
        return self.arguments.get(name) in (True, 1, "1", "true")


@dataclass(frozen=True, slots=True)
class Method:
    """`kinds` of tokens that may call it (none: no token), and scopes of which one is enough."""

    run: Callable[[Call], Json]
    kinds: tuple[str, ...] = ("bot",)
    scopes: tuple[str, ...] = ()


@dataclass(slots=True)
class Methods:
    state: State
    faults: Faults
    messages: Messages
    views: Views
    socket: SocketMode
    openid: OpenId
    page: str = ""

    def table(self) -> dict[str, Method]:
        return {
            "auth.test": Method(self.auth_test, ("bot", "user", "app")),
            "apps.connections.open": Method(
                lambda _: {"url": self.socket.new_url()}, ("app",), ("connections:write",)
            ),
            "chat.postMessage": Method(self.post_message, scopes=("chat:write",)),
            "chat.postEphemeral": Method(self.post_ephemeral, scopes=("chat:write",)),
            "chat.update": Method(self.update, scopes=("chat:write",)),
            "chat.delete": Method(self.delete, scopes=("chat:write",)),
            "views.open": Method(lambda call: {"view": self.views.as_json(self.views.open(call.arguments))}),
            "views.push": Method(lambda call: {"view": self.views.as_json(self.views.push(call.arguments))}),
            "views.update": Method(
                lambda call: {"view": self.views.as_json(self.views.update(call.arguments))}
            ),
            "views.publish": Method(
                lambda call: {"view": self.views.as_json(self.views.publish(call.arguments))}
            ),
            "users.info": Method(self.users_info, scopes=("users:read",)),
            "users.lookupByEmail": Method(self.lookup_by_email, scopes=("users:read.email",)),
            "usergroups.users.list": Method(self.group_members, scopes=("usergroups:read",)),
            "conversations.open": Method(
                self.conversations_open, scopes=("im:write", "mpim:write", "channels:manage", "groups:write")
            ),
            "conversations.info": Method(self.conversations_info, scopes=READ_CHANNELS),
            "blocks.validate": Method(self.blocks_validate, ("bot", "user", "app")),
            "openid.connect.token": Method(lambda call: self.openid.token(call.arguments), kinds=()),
            "openid.connect.userInfo": Method(
                lambda call: self.openid.user_info(call.grant), ("user",), ("openid",)
            ),
        }

    def auth_test(self, call: Call) -> Json:
        team = self.state.home_team
        person = self.state.users[call.grant.user]
        said: Json = {
            "url": f"{self.page}/",
            "team": team.name,
            "team_id": team.id,
            "user": person.name,
            "user_id": person.id,
        }
        return said | ({"bot_id": BOT} if person.is_bot else {}) | {"is_enterprise_install": False}

    def post_message(self, call: Call) -> Json:
        channel = self._conversation(call.text("channel"))
        text, blocks = call.text("text"), taken_blocks(call.arguments)
        if not text and not blocks:
            raise ApiError("no_text")
        self.faults.refuse_flood(channel.id)
        post = self.messages.post(
            channel.id, text=text, blocks=blocks, unfurl=not call.says_no("unfurl_links")
        )
        return {"channel": channel.id, "ts": post.ts, "message": self.messages.as_json(post)}

    def post_ephemeral(self, call: Call) -> Json:
        channel, user = self._conversation(call.text("channel")), call.text("user")
        if user not in channel.members:
            raise ApiError("user_not_in_channel")
        text, blocks = call.text("text"), taken_blocks(call.arguments)
        if not text and not blocks:
            raise ApiError("no_text")
        self.faults.refuse_flood(channel.id)
        post = self.messages.post(channel.id, text=text, blocks=blocks, viewer=user)
        return {"message_ts": post.ts}

    def update(self, call: Call) -> Json:
        """Ephemeral messages are not found: docs.slack.dev/messaging/modifying-messages."""
        post = self._own_post(call, refusal="cant_update_message")
        text = call.text("text") if "text" in call.arguments else None
        blocks = taken_blocks(call.arguments) if "blocks" in call.arguments else None
        if text is None and blocks is None:
            raise ApiError("no_text")
        if text and len(text) > TEXT_IN_UPDATE:
            raise ApiError("msg_too_long")
        self.messages.edit(post, text=text, blocks=blocks)
        return {
            "channel": post.channel,
            "ts": post.ts,
            "text": post.text,
            "message": self.messages.as_json(post),
        }

    def delete(self, call: Call) -> Json:
        post = self._own_post(call, refusal="cant_delete_message")
        self.messages.delete(post)
        return {"channel": post.channel, "ts": post.ts}

    def users_info(self, call: Call) -> Json:
        person = self.state.users.get(call.text("user"))
        if person is None:
            raise ApiError("user_not_found")
        return {"user": self._user(person, call.grant)}

    def lookup_by_email(self, call: Call) -> Json:
        """A deactivated person is not found: docs.slack.dev/reference/methods/users.lookupByEmail."""
        wanted = call.text("email").casefold()
        for person in self.state.users.values():
            if person.email.casefold() == wanted and wanted and not (person.deleted or person.is_stranger):
                return {"user": self._user(person, call.grant)}
        raise ApiError("users_not_found")

    def group_members(self, call: Call) -> Json:
        if call.text("usergroup") not in self.state.groups:
            raise ApiError("no_such_subteam")
        _, members = self.state.groups[call.text("usergroup")]
        return {"users": [user for user in members if not self.state.users[user].deleted]}

    def conversations_open(self, call: Call) -> Json:
        if call.text("channel"):
            channel = self._conversation(call.text("channel"))
        else:
            given = call.arguments.get("users") or ""
            users = given if isinstance(given, list) else [part for part in str(given).split(",") if part]
            if len(users) != 1:
                raise ApiError("users_list_not_supplied" if not users else "not_enough_users")
            channel = self._opened(str(users[0]))
        return {"channel": self._channel(channel) if call.says_yes("return_im") else {"id": channel.id}}

    def conversations_info(self, call: Call) -> Json:
        channel = self.state.channels.get(call.text("channel"))
        if channel is None:
            raise ApiError("channel_not_found")
        return {"channel": self._channel(channel)}

    def blocks_validate(self, call: Call) -> Json:
        given = [name for name in ("blocks", "message", "view") if call.arguments.get(name)]
        if len(given) != 1:
            raise ApiError("invalid_arguments")
        value = structure(call.arguments[given[0]], otherwise="invalid_arguments")
        problems = _problems(given[0], value)
        if not problems:
            return {}
        told = [{"pointer": each.pointer, "code": each.code, "message": each.message} for each in problems]
        raise ApiError(f"invalid_{given[0]}", errors=told)

    def _conversation(self, wanted: str) -> Channel:
        """Where the app may post: a channel that it is in, its conversation with a person of its workspace.

        A deactivated person's conversation still takes messages; Slack's maintainers say that this is meant.
        """
        person = self.state.users.get(wanted)
        if person is not None:
            if self.state.setting("features", "app_home", "messages_tab_enabled") is False:
                raise ApiError("messages_tab_disabled")
            if person.is_bot or person.team != self.state.home_team.id:
                raise ApiError("channel_not_found")
            return self.state.dm(person.id)
        channel = self.state.channels.get(wanted) or self.state.channels.get(
            self.state.channel_named(wanted.removeprefix("#"))
        )
        if channel is None:
            raise ApiError("channel_not_found")
        if BOT_USER not in channel.members:
            raise ApiError("not_in_channel")
        return channel

    def _opened(self, user: str) -> Channel:
        person = self.state.users.get(user)
        if person is None or person.team != self.state.home_team.id:
            raise ApiError("user_not_found")
        if person.deleted:
            raise ApiError("user_disabled")
        if person.is_bot:
            raise ApiError("cannot_dm_bot")
        return self.state.dm(user)

    def _own_post(self, call: Call, *, refusal: str) -> Post:
        channel = call.text("channel")
        if channel not in self.state.channels:
            raise ApiError("channel_not_found")
        post = self.state.post(channel, call.text("ts"))
        if post is None or post.viewer:
            raise ApiError("message_not_found")
        if post.author != BOT_USER:
            raise ApiError(refusal)
        return post

    def _user(self, person: User, grant: Grant) -> Json:
        at_home = person.team == self.state.home_team.id
        profile: Json = {"real_name": person.real_name, "display_name": person.name, "team": person.team}
        if "users:read.email" in grant.scopes and at_home:
            profile["email"] = person.email
        said: Json = {
            "id": person.id,
            "team_id": person.team,
            "name": person.name,
            "deleted": person.deleted,
            "real_name": person.real_name,
            "profile": profile,
            "is_bot": person.is_bot,
            "is_app_user": False,
            "updated": 1_700_000_000,
        }
        if person.deleted:
            return said  # Slack leaves out the zone and the roles of people who are gone.
        offset = self.state.clock.now().astimezone(ZoneInfo(person.tz)).utcoffset()
        return said | {
            "tz": person.tz,
            "tz_label": person.tz,
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": person.is_restricted,
            "is_ultra_restricted": False,
            **({} if at_home and not person.is_stranger else {"is_stranger": person.is_stranger}),
        }

    def _channel(self, channel: Channel) -> Json:
        strangers = any(self.state.users[user].team != self.state.home_team.id for user in channel.members)
        said: Json = {
            "id": channel.id,
            "is_im": bool(channel.user),
            "is_archived": False,
            "is_ext_shared": strangers,
        }
        if channel.user:
            return said | {"user": channel.user, "is_user_deleted": self.state.users[channel.user].deleted}
        return said | {
            "name": channel.name,
            "is_channel": True,
            "is_private": False,
            "is_member": BOT_USER in channel.members,
        }


def _problems(kind: str, value: object) -> list[Problem]:
    if kind == "blocks":
        return check_message_blocks(value, at="")
    if kind == "view":
        return check_view(value, at="")
    return (
        check_message_blocks(value.get("blocks", []), at="/blocks")
        if isinstance(value, dict)
        else [Problem("", "must provide an object")]
    )
