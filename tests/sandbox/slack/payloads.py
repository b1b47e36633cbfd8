"""The payloads that Slack sends, field by field as real ones: commands, actions, submissions, events.

Shapes: @slack/types, Bolt for JavaScript's types, docs.slack.dev/reference/interaction-payloads.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tests.sandbox.slack.inputs import Entered, state_values
from tests.sandbox.slack.messages import Messages
from tests.sandbox.slack.state import APP, BOT_USER, Json, Post, State, View
from tests.sandbox.slack.views import Views

VERIFICATION_TOKEN = "sandbox-verification"


@dataclass(slots=True)
class Payloads:
    state: State
    messages: Messages
    views: Views
    api: str = ""

    def command(self, user: str, channel: str, command: str, text: str) -> tuple[Json, str]:
        """The payload and the token of its response_url. `team_id` is the person's own workspace."""
        person = self.state.users[user]
        team = self.state.teams[person.team]
        token = self.messages.new_response_url(user, channel)
        payload: Json = {
            "token": VERIFICATION_TOKEN,
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel,
            "channel_name": self.state.channels[channel].name,
            "user_id": user,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": f"{self.api}/commands/{self.state.home_team.id}/{token}",
            "trigger_id": self.state.trigger(user),
        }
        return payload, token

    def pressed_in_message(self, user: str, post: Post, action: Json, entered: Entered) -> Json:
        """An ephemeral message is not in the payload: its place in `container` must do."""
        channel = self.state.channels[post.channel]
        token = self.messages.new_response_url(user, post.channel, post)
        payload = self._interaction("block_actions", user) | {
            "container": {
                "type": "message",
                "message_ts": post.ts,
                "channel_id": post.channel,
                "is_ephemeral": bool(post.viewer),
            },
            "channel": {"id": channel.id, "name": channel.name},
            "response_url": f"{self.api}/actions/{self.state.home_team.id}/{token}",
            "state": {"values": state_values(post.blocks, entered)},
            "trigger_id": self.state.trigger(user),
            "actions": [action],
        }
        return payload if post.viewer else payload | {"message": self.messages.as_json(post)}

    def pressed_in_view(self, view: View, action: Json) -> Json:
        shown = self.views.as_json(view)
        return self._interaction("block_actions", view.user) | {
            "container": {"type": "view", "view_id": view.id},
            "view": shown,
            "state": shown["state"],
            "trigger_id": self.state.trigger(view.user, view=view.id),
            "actions": [action],
        }

    def submitted(self, view: View) -> Json:
        return self._interaction("view_submission", view.user) | {
            "view": self.views.as_json(view),
            "response_urls": [],
            "trigger_id": self.state.trigger(view.user, view=view.id),
        }

    def closed(self, view: View, *, cleared: bool) -> Json:
        return self._interaction("view_closed", view.user) | {
            "view": self.views.as_json(view),
            "is_cleared": cleared,
        }

    def home_opened(self, user: str) -> Json:
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "channel": self.state.dm(user).id,
            "tab": "home",
            "event_ts": self.state.new_ts(),
        }
        if home := self.state.homes.get(user):
            event["view"] = self.views.as_json(home)
        return self.event(event)

    def event(self, event: Json) -> Json:
        team = self.state.home_team.id
        authorization = {"enterprise_id": None, "team_id": team, "user_id": BOT_USER, "is_bot": True}
        return {
            "token": VERIFICATION_TOKEN,
            "team_id": team,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": "Ev0" + secrets.token_hex(5).upper(),
            "event_time": int(self.state.clock.now().timestamp()),
            "authorizations": [authorization | {"is_enterprise_install": False}],
            "is_ext_shared_channel": False,
        }

    def _interaction(self, kind: str, user: str) -> Json:
        person = self.state.users[user]
        team = self.state.home_team
        return {
            "type": kind,
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": person.team},
            "api_app_id": APP,
            "token": VERIFICATION_TOKEN,
            "team": {"id": team.id, "domain": team.domain},
            "enterprise": None,
            "is_enterprise_install": False,
        }
