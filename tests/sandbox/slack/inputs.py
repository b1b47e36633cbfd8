"""What a person fills into an element, as Slack tells it to the app: state values and actions. No HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.sandbox.slack.blocks import elements_of
from tests.sandbox.slack.errors import NothingThere
from tests.sandbox.slack.state import Json

# The field of a state value or action that carries what was chosen, and the element's field that presets it.
FIELDS = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
WORDS_FOR_MISSING = "Please complete this required field."

Entered = dict[tuple[str, str], Json]


def find(blocks: list[Json], block_id: str, action_id: str) -> Json:
    """Raises NothingThere: nobody can press what is not shown."""
    for block in blocks:
        for element in elements_of(block):
            if block["block_id"] == block_id and element["action_id"] == action_id:
                return element
    raise NothingThere(f"there is no element {action_id!r} in block {block_id!r}")


def state_values(blocks: list[Json], entered: Entered) -> Json:
    """`state.values` of a view or message: what was entered, else what the app preset."""
    values: Json = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in FIELDS:
                place = (block["block_id"], element["action_id"])
                values.setdefault(place[0], {})[place[1]] = entered.get(place) or _preset(element)
    return values


def value_of(element: Json, chosen: object) -> Json:
    """A state value for `chosen`: text, an option's value or label, a user id, or as a page sends it a dict
    with Slack's own field. Raises NothingThere for an option that the element does not offer."""
    kind = element["type"]
    field, _ = FIELDS[kind]
    given = chosen.get(field) if isinstance(chosen, dict) and field in chosen else chosen
    if field == "selected_option":
        given = None if given is None else option_of(element, given)
    elif field == "selected_options":
        given = [option_of(element, each) for each in _listed(given)]
    elif field.startswith("selected_") and field.endswith("s"):
        given = _listed(given)
    return {"type": kind, field: given}


def option_of(element: Json, wanted: object) -> Json:
    """By the option itself, its value or its label. Raises NothingThere."""
    if element["type"] in {"external_select", "multi_external_select"} and isinstance(wanted, dict):
        return wanted
    for option in _options(element):
        if wanted in (option, option["value"], option["text"]["text"]):
            return option
        if isinstance(wanted, dict) and wanted.get("value") == option["value"]:
            return option
    raise NothingThere(f"{element.get('action_id')!r} does not offer {wanted!r}")


def action_of(element: Json, block_id: str, chosen: object, *, ts: str) -> Json:
    """One entry of a block_actions payload."""
    kind = element["type"]
    action: Json = {"type": kind, "action_id": element["action_id"], "block_id": block_id, "action_ts": ts}
    if kind == "button":
        kept = ("text", "value", "style", "url")
        return action | {key: element[key] for key in kept if key in element}
    if kind == "overflow":
        given = (
            chosen.get("selected_option")
            if isinstance(chosen, dict) and "selected_option" in chosen
            else chosen
        )
        return action | {"selected_option": option_of(element, given)}
    return action | value_of(element, chosen)


def complaints(blocks: list[Json], entered: Entered) -> dict[str, str]:
    """What Slack itself says before it sends a submission: words by block id."""
    said = {}
    for block in blocks:
        if block["type"] == "input":
            element = block["element"]
            value = state_values([block], entered)[block["block_id"]][element["action_id"]]
            if words := _complaint(element, value, optional=bool(block.get("optional"))):
                said[block["block_id"]] = words
    return said


def _complaint(element: Json, value: Json, *, optional: bool) -> str:
    given = value[FIELDS[element["type"]][0]]
    if not given:
        return "" if optional else WORDS_FOR_MISSING
    if element["type"] == "email_text_input" and "@" not in given:
        return "This doesn't look like an email address."
    if element["type"] == "url_text_input" and "://" not in given:
        return "This doesn't look like a URL."
    if isinstance(given, str) and len(given) < element.get("min_length", 0):
        return f"Must be at least {element['min_length']} characters."
    if isinstance(given, str) and len(given) > element.get("max_length", 3000):
        return f"Must be at most {element.get('max_length', 3000)} characters."
    return ""


def _preset(element: Json) -> Json:
    field, initial = FIELDS[element["type"]]
    return {"type": element["type"], field: element.get(initial, [] if field.endswith("s") else None)}


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


def _options(element: Json) -> Iterator[Json]:
    yield from element.get("options", [])
    for group in element.get("option_groups", []):
        yield from group["options"]
