"""Modals and Home tabs: the stack, hashes, triggers, and what an answer to a submission does. No HTTP."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from tests.sandbox.slack.blocks import VIEW_BYTES, Surface, check_view, completed
from tests.sandbox.slack.checker import Problem
from tests.sandbox.slack.errors import ApiError
from tests.sandbox.slack.inputs import state_values
from tests.sandbox.slack.messages import structure
from tests.sandbox.slack.state import APP, BOT, TRIGGER_LIFE, Json, State, Trigger, View

STACK = 3


class Views:
    """Raises ApiError with Slack's codes."""

    def __init__(self, state: State) -> None:
        self._state = state

    # What apps do

    def open(self, arguments: Json) -> View:
        payload = self._taken(arguments, Surface.MODAL)
        with self._state.lock:
            trigger = self._exchange(arguments)
            self._close_all(trigger.user)
            return self._push(trigger.user, payload)

    def push(self, arguments: Json) -> View:
        payload = self._taken(arguments, Surface.MODAL)
        with self._state.lock:
            trigger = self._exchange(arguments)
            if not trigger.view or self.find(trigger.view) is None:
                raise ApiError("not_found")
            return self._push(trigger.user, payload)

    def update(self, arguments: Json) -> View:
        payload = self._taken(arguments, Surface.MODAL)
        with self._state.lock:
            external = arguments.get("external_id")
            view = self._external(str(external)) if external else self.find(str(arguments.get("view_id", "")))
            if view is None:
                raise ApiError("not_found")
            self._refuse_old_hash(view, arguments)
            self.replace(view, payload)
            return view

    def publish(self, arguments: Json) -> View:
        user = str(arguments.get("user_id", ""))
        if user not in self._state.users:
            raise ApiError("user_not_found")
        if not self._state.setting("features", "app_home", "home_tab_enabled"):
            raise ApiError("not_enabled")
        payload = self._taken(arguments, Surface.HOME)
        with self._state.lock:
            view = self._state.homes.get(user)
            if view is None:
                view = self._state.homes[user] = View(_new_id(), user, {})
            else:
                self._refuse_old_hash(view, arguments)
            view.shown = self._shown(view, payload)
            self._state.changed("home", [user], view=view)
            return view

    # What Slack does

    def find(self, view_id: str) -> View | None:
        views = [view for stack in self._state.stacks.values() for view in stack]
        return next((view for view in [*views, *self._state.homes.values()] if view.id == view_id), None)

    def as_json(self, view: View) -> Json:
        """The view object that apps get, with what the person has entered."""
        return view.shown | {"state": {"values": state_values(view.shown["blocks"], view.entered)}}

    def close(self, view: View) -> list[View]:
        """The person closes this view and those above it. Gives all that closed, the topmost first."""
        with self._state.lock:
            stack = self._state.stacks.get(view.user, [])
            if view not in stack:
                return []
            bottom = 0 if view.shown["clear_on_close"] else stack.index(view)
            closed = list(reversed(stack[bottom:]))
            del stack[bottom:]
            for each in closed:
                self._state.changed("view_close", [view.user], view_id=each.id)
            return closed

    def answer(self, view: View, answer: Json) -> dict[str, str]:
        """Does what the app said to a submission; gives the errors that the person sees.

        Raises ApiError when Slack cannot make sense of it: then the modal stays open and shows trouble.
        """
        with self._state.lock:
            match answer.get("response_action"):
                case None:
                    self.close(view)
                case "clear":
                    self._close_all(view.user)
                case "errors":
                    return self._errors(view, answer.get("errors"))
                case "update":
                    self.replace(view, self._taken(answer, Surface.MODAL))
                case "push":
                    self._push(view.user, self._taken(answer, Surface.MODAL))
                case _:
                    raise ApiError("invalid_response_action")
        return {}

    def replace(self, view: View, payload: Json) -> None:
        """What was entered stays where block and action keep their ids."""
        view.shown = self._shown(view, payload)
        kept = {(block_id, action) for block_id, actions in self._values(view).items() for action in actions}
        view.entered = {place: value for place, value in view.entered.items() if place in kept}
        self._state.changed("view_update", [view.user], view=view)

    def _values(self, view: View) -> Json:
        return state_values(view.shown["blocks"], view.entered)

    def _errors(self, view: View, errors: object) -> dict[str, str]:
        inputs = {block["block_id"] for block in view.shown["blocks"] if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or not errors.keys() <= inputs:
            raise ApiError("invalid_response_action")
        return {str(block): str(words) for block, words in errors.items()}

    def _push(self, user: str, payload: Json) -> View:
        stack = self._state.stacks.setdefault(user, [])
        if len(stack) >= STACK:
            raise ApiError("push_limit_reached")
        if payload.get("external_id") and self._external(payload["external_id"]):
            raise ApiError("duplicate_external_id")
        view = View(_new_id(), user, {})
        stack.append(view)
        view.shown = self._shown(view, payload)
        self._state.changed("view_open", [user], view=view)
        return view

    def _close_all(self, user: str) -> None:
        for view in reversed(self._state.stacks.pop(user, [])):
            self._state.changed("view_close", [user], view_id=view.id)

    def _exchange(self, arguments: Json) -> Trigger:
        given = str(arguments.get("trigger_id", ""))
        if given.count(".") != 2:
            raise ApiError("invalid_trigger_id")
        trigger = self._state.triggers.get(given)
        if trigger is None or time.monotonic() - trigger.born > TRIGGER_LIFE:
            raise ApiError("expired_trigger_id")
        if trigger.used:
            raise ApiError("exchanged_trigger_id")
        trigger.used = True
        return trigger

    def _external(self, external_id: str) -> View | None:
        views = [view for stack in self._state.stacks.values() for view in stack]
        return next((view for view in views if view.shown["external_id"] == external_id), None)

    def _refuse_old_hash(self, view: View, arguments: Json) -> None:
        if arguments.get("hash") and arguments["hash"] != view.shown["hash"]:
            raise ApiError("hash_conflict", view=self.as_json(view))

    def _taken(self, arguments: Json, surface: Surface) -> Json:
        payload = structure(arguments.get("view"), otherwise="invalid_arguments")
        problems = check_view(payload)
        if not problems and payload["type"] != surface:
            problems = [Problem("/view/type", "must be a valid enum value")]
        if problems:
            lines = [f"[ERROR] {problem.line}" for problem in problems]
            raise ApiError("invalid_arguments", response_metadata={"messages": lines})
        if len(json.dumps(payload)) > VIEW_BYTES:
            raise ApiError("view_too_large")
        taken: dict[str, Any] = payload
        return taken

    def _shown(self, view: View, payload: Json) -> Json:
        stack = self._state.stacks.get(view.user, [])
        below = stack[: stack.index(view)] if view in stack else []
        return {
            "id": view.id,
            "team_id": self._state.home_team.id,
            "app_id": APP,
            "app_installed_team_id": self._state.home_team.id,
            "bot_id": BOT,
            "title": None,
            "submit": None,
            "close": None,
            "callback_id": "",
            "external_id": "",
            "private_metadata": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "root_view_id": below[0].id if below else view.id,
            "previous_view_id": below[-1].id if below else None,
            **payload,
            "blocks": completed(payload["blocks"]),
            "hash": f"{int(self._state.clock.now().timestamp())}.{secrets.token_hex(4)}",
        }


def _new_id() -> str:
    return "V0" + secrets.token_hex(5).upper()
