"""The interactive elements and small objects inside blocks, with their limits. It knows no surface.

Limits: the JSDoc of @slack/types 3.2.0 and docs.slack.dev/reference/block-kit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.sandbox.slack.checker import Checker, Json

SELECTS = {"static_select", "users_select", "conversations_select", "channels_select", "external_select"}
MULTI_SELECTS = {f"multi_{kind}" for kind in SELECTS}
PICKERS = {"datepicker", "timepicker"}
CHOICES = {"checkboxes", "radio_buttons"}
TEXT_INPUTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}

IN_SECTION = {"button", "overflow", "image", *SELECTS, *MULTI_SELECTS, *PICKERS, *CHOICES}
IN_ACTIONS = {"button", "overflow", "datetimepicker", *SELECTS, *PICKERS, *CHOICES}
IN_INPUT = {*TEXT_INPUTS, "datetimepicker", *SELECTS, *MULTI_SELECTS, *PICKERS, *CHOICES}

ANY_TEXT = ("plain_text", "mrkdwn")
PLAIN = ("plain_text",)


def check_text(
    check: Checker, value: object, at: str, *, most: int, kinds: tuple[str, ...] = ANY_TEXT, least: int = 1
) -> None:
    """A composition text. Slack says twice what is wrong with it: that no schema matches, and why."""
    before = len(check.problems)
    text = check.mapping(value, at)
    if text is None:
        return
    kind = text.get("type")
    if kind not in kinds:
        check.refuse(f"{at}/type", "must be a valid enum value")
    extra = "emoji" if kind == "plain_text" else "verbatim"
    check.only(text, at, {"type", "text", extra})
    check.boolean(text, extra, at)
    check.string(text, "text", at, most=most, least=least, required=True)
    if len(check.problems) > before and kinds == ANY_TEXT:
        check.refuse(at, "failed to match all allowed schemas")


def check_element(check: Checker, element: Json, at: str, *, allowed: set[str], block: str) -> None:
    """`block` is the pointer of the block around it: action ids are unique within one."""
    kind = str(element.get("type"))
    if kind not in allowed:
        check.refuse(f"{at}/type", f"unsupported type: {kind}")
        return
    if kind == "image":
        check_image(check, element, at)
        return
    check.string(element, "action_id", at, most=255)
    check.unique("action_id", element.get("action_id"), at, within=block)
    if "confirm" in element:
        _check_confirm(check, element["confirm"], f"{at}/confirm")
    if "placeholder" in element:
        check_text(check, element["placeholder"], f"{at}/placeholder", most=150, kinds=PLAIN)
    check.boolean(element, "focus_on_load", at)
    properties, look = _CHECKS[kind]
    check.only(element, at, {"type", "action_id", *properties})
    look(check, element, at)


def check_image(check: Checker, image: Json, at: str) -> None:
    check.only(image, at, {"type", "block_id", "image_url", "slack_file", "alt_text", "title"})
    if "slack_file" not in image:
        check.url(image, "image_url", at, required=True)
    check.string(image, "alt_text", at, most=2000, required=True)


def _check_confirm(check: Checker, value: object, at: str) -> None:
    confirm = check.mapping(value, at)
    if confirm is None:
        return
    check.only(confirm, at, {"title", "text", "confirm", "deny", "style"})
    check.one_of(confirm, "style", at, {"primary", "danger"})
    for key, most, kinds in (
        ("title", 100, PLAIN),
        ("text", 300, ANY_TEXT),
        ("confirm", 30, PLAIN),
        ("deny", 30, PLAIN),
    ):
        if key in confirm:
            check_text(check, confirm[key], f"{at}/{key}", most=most, kinds=kinds)
        else:
            check.refuse(at, f"missing required field: {key}")


def _check_button(check: Checker, button: Json, at: str) -> None:
    check_text(check, button.get("text"), f"{at}/text", most=75, kinds=PLAIN)
    check.string(button, "value", at, most=2000)
    check.url(button, "url", at)
    check.string(button, "accessibility_label", at, most=75)
    check.one_of(button, "style", at, {"primary", "danger"})


def _check_option(check: Checker, value: object, at: str, *, kinds: tuple[str, ...], with_url: bool) -> None:
    option = check.mapping(value, at)
    if option is None:
        return
    check.only(option, at, {"text", "value", "description", *(("url",) if with_url else ())})
    check_text(check, option.get("text"), f"{at}/text", most=75, kinds=kinds)
    check.string(option, "value", at, most=150, required=True)
    if "description" in option:
        check_text(check, option["description"], f"{at}/description", most=75, kinds=kinds)
    if with_url:
        check.url(option, "url", at)


def _check_options(
    check: Checker,
    holder: Json,
    at: str,
    *,
    most: int,
    kinds: tuple[str, ...] = PLAIN,
    with_url: bool = False,
) -> list[Any]:
    options = check.items(holder.get("options"), f"{at}/options", most=most)
    for number, option in enumerate(options):
        _check_option(check, option, f"{at}/options/{number}", kinds=kinds, with_url=with_url)
    return options


def _check_overflow(check: Checker, menu: Json, at: str) -> None:
    _check_options(check, menu, at, most=5, with_url=True)


def _check_choices(check: Checker, element: Json, at: str) -> None:
    options = _check_options(check, element, at, most=10, kinds=ANY_TEXT)
    _check_initial(check, element, at, options)


def _check_select(check: Checker, select: Json, at: str) -> None:
    if ("options" in select) == ("option_groups" in select):
        check.refuse(at, "must define exactly one of `options` or `option_groups`")
        return
    options = _check_options(check, select, at, most=100) if "options" in select else []
    if "option_groups" in select:
        groups = check.items(select["option_groups"], f"{at}/option_groups", most=100)
        for number, value in enumerate(groups):
            where = f"{at}/option_groups/{number}"
            if group := check.mapping(value, where):
                check.only(group, where, {"label", "options"})
                check_text(check, group.get("label"), f"{where}/label", most=75, kinds=PLAIN)
                options = [*options, *_check_options(check, group, where, most=100)]
    _check_initial(check, select, at, options)


def _check_initial(check: Checker, element: Json, at: str, options: list[Any]) -> None:
    chosen = element.get(
        "initial_options", [element["initial_option"]] if "initial_option" in element else []
    )
    if any(option not in options for option in chosen):
        check.refuse(at, "initial options must be among the options, with the same text and value")


def _check_text_input(check: Checker, element: Json, at: str) -> None:
    check.string(element, "initial_value", at, most=3000, least=0)
    for key in ("min_length", "max_length"):
        if key in element and not (isinstance(element[key], int) and 0 <= element[key] <= 3000):
            check.refuse(f"{at}/{key}", "must be between 0 and 3000")


def _check_nothing_more(check: Checker, element: Json, at: str) -> None:
    """Everything that is checked of this element holds for all elements."""


Look = Callable[[Checker, Json, str], None]
_ASKING = {"placeholder", "focus_on_load"}
_SELECTING = {*_ASKING, "confirm"}
_STATIC = {*_SELECTING, "options", "option_groups"}
_CHECKS: dict[str, tuple[set[str], Look]] = {
    "button": ({"text", "value", "url", "style", "confirm", "accessibility_label"}, _check_button),
    "overflow": ({"options", "confirm"}, _check_overflow),
    "checkboxes": ({"options", "initial_options", "confirm", "focus_on_load"}, _check_choices),
    "radio_buttons": ({"options", "initial_option", "confirm", "focus_on_load"}, _check_choices),
    "static_select": ({*_STATIC, "initial_option"}, _check_select),
    "multi_static_select": ({*_STATIC, "initial_options", "max_selected_items"}, _check_select),
    "external_select": ({*_SELECTING, "min_query_length", "initial_option"}, _check_nothing_more),
    "multi_external_select": (
        {*_SELECTING, "min_query_length", "initial_options", "max_selected_items"},
        _check_nothing_more,
    ),
    "users_select": ({*_SELECTING, "initial_user"}, _check_nothing_more),
    "multi_users_select": ({*_SELECTING, "initial_users", "max_selected_items"}, _check_nothing_more),
    "channels_select": ({*_SELECTING, "initial_channel", "response_url_enabled"}, _check_nothing_more),
    "multi_channels_select": ({*_SELECTING, "initial_channels", "max_selected_items"}, _check_nothing_more),
    "conversations_select": (
        {
            *_SELECTING,
            "initial_conversation",
            "default_to_current_conversation",
            "response_url_enabled",
            "filter",
        },
        _check_nothing_more,
    ),
    "multi_conversations_select": (
        {
            *_SELECTING,
            "initial_conversations",
            "default_to_current_conversation",
            "max_selected_items",
            "filter",
        },
        _check_nothing_more,
    ),
    "datepicker": ({*_SELECTING, "initial_date"}, _check_nothing_more),
    "timepicker": ({*_SELECTING, "initial_time", "timezone"}, _check_nothing_more),
    "datetimepicker": ({"initial_date_time", "confirm", "focus_on_load"}, _check_nothing_more),
    "plain_text_input": (
        {*_ASKING, "initial_value", "multiline", "min_length", "max_length", "dispatch_action_config"},
        _check_text_input,
    ),
    "email_text_input": ({*_ASKING, "initial_value", "dispatch_action_config"}, _check_text_input),
    "url_text_input": ({*_ASKING, "initial_value", "dispatch_action_config"}, _check_text_input),
    "number_input": (
        {*_ASKING, "initial_value", "is_decimal_allowed", "min_value", "max_value", "dispatch_action_config"},
        _check_nothing_more,
    ),
}
