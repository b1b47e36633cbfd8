"""Slack's text: what a person reads of it, the links in it, how typed text is escaped. It keeps no state."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

ANGLED = re.compile(r"<([^<>\s][^<>]*)>")
BARE_LINK = re.compile(r"https?://[^\s<>|]+")
STYLED = re.compile(r"(?<![\w*_~`])([*_~`])(?=\S)([^\n]*?\S)\1(?![\w*_~`])")
FENCED = re.compile(r"```(.*?)```", re.DOTALL)
DATE_TOKEN = re.compile(r"\{(\w+)\}")
TYPED_MENTION = re.compile(r"(?<![\w@#])([@#])(\w(?:[\w.-]*\w)?)")
TYPED_MAIL = re.compile(r"(?<![\w.@])([\w.+-]+@[\w-]+\.[\w.-]*\w)")

Name = Callable[[str], str]


def visible(text: str, *, name: Name, now: datetime, zone: str) -> str:
    """What a person in `zone` reads: links by their label, mentions by `name`, her own time, no markup."""

    def angled(match: re.Match[str]) -> str:
        return _angled(match.group(1), name=name, now=now, zone=ZoneInfo(zone))

    plain = FENCED.sub(lambda match: match.group(1).strip("\n"), text)
    plain = ANGLED.sub(angled, plain)
    while STYLED.search(plain):
        plain = STYLED.sub(lambda match: match.group(2), plain)
    return html.unescape(plain)


def links(text: str) -> Iterator[str]:
    """Every http address that Slack would follow, written bare or in angle brackets."""
    for match in ANGLED.finditer(text):
        target = match.group(1).partition("|")[0]
        if target.startswith(("http://", "https://")):
            yield html.unescape(target)
    for match in BARE_LINK.finditer(ANGLED.sub(" ", text)):
        yield html.unescape(match.group().rstrip(".,;:!?)'\""))


def as_sent(typed: str, *, user_id: Name, channel_id: Name, should_escape: bool) -> str:
    """Typed text as the app gets it. Control characters are always entities.

    With `should_escape` a person or channel from the list becomes `<@U0BOB|bob>`; other names stay as typed.
    """
    text = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if not should_escape:
        return text

    def mention(match: re.Match[str]) -> str:
        sign, label = match.groups()
        found = (user_id if sign == "@" else channel_id)(label)
        return f"<{sign}{found}|{label}>" if found else match.group()

    text = BARE_LINK.sub(lambda match: f"<{match.group()}>", text)
    text = TYPED_MAIL.sub(lambda match: f"<mailto:{match.group(1)}|{match.group(1)}>", text)
    return TYPED_MENTION.sub(mention, text)


def words(blocks: list[dict[str, Any]], read: Callable[[str], str]) -> str:
    """All visible words of blocks, a line for each text, in reading order. `read` turns mrkdwn into words."""
    return "\n".join(line for line in _lines(blocks, read) if line)


def _lines(value: Any, read: Callable[[str], str]) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _lines(inner, read)
    elif isinstance(value, dict):
        match value.get("type"):
            case "plain_text":
                yield html.unescape(str(value.get("text", "")))
            case "mrkdwn" | "markdown":
                yield read(str(value.get("text", "")))
            case "image":
                yield str(value.get("alt_text", ""))
            case "text":  # A piece of rich text.
                yield str(value.get("text", ""))
            case _:
                # A confirm dialog is not on the screen, and neither is what a person has not yet typed over.
                yield from _lines(
                    [inner for key, inner in value.items() if key not in {"confirm", "placeholder"}], read
                )


def _angled(inner: str, *, name: Name, now: datetime, zone: ZoneInfo) -> str:
    target, _, label = inner.partition("|")
    if target.startswith("!date^"):
        return _date(target, fallback=label, now=now, zone=zone)
    if target.startswith(("@", "#")):
        return target[0] + (name(target[1:]) or label or target[1:])
    if target.startswith("!subteam^"):
        return "@" + (label.lstrip("@") or name(target.removeprefix("!subteam^")))
    if target.startswith("!"):
        return "@" + (label or target[1:])
    return label or target.removeprefix("mailto:")


def _date(target: str, *, fallback: str, now: datetime, zone: ZoneInfo) -> str:
    """`!date^1700000000^{date_short_pretty} at {time}`: docs.slack.dev/messaging/formatting-message-text."""
    _, seconds, pattern, *_ = [*target.split("^"), ""]
    if not seconds.isdigit():
        return fallback
    moment = datetime.fromtimestamp(int(seconds), zone)
    return DATE_TOKEN.sub(lambda match: _token(match.group(1), moment, now.astimezone(zone)), pattern)


def _token(token: str, moment: datetime, now: datetime) -> str:
    if token.endswith("_pretty"):
        days = (moment.date() - now.date()) // timedelta(days=1)
        if days in {-1, 0, 1}:
            return ("yesterday", "today", "tomorrow")[days + 1]
    match token.removesuffix("_pretty"):
        case "date_num":
            return f"{moment:%Y-%m-%d}"
        case "date_short":
            return f"{moment:%b} {moment.day}, {moment.year}"
        case "date_long":
            return f"{moment:%A, %B} {moment.day}, {moment.year}"
        case "date" | "date_slash":
            return f"{moment:%B} {moment.day}, {moment.year}"
        case "time":
            return f"{moment:%H:%M}"
        case "time_secs":
            return f"{moment:%H:%M:%S}"
        case "ago":
            return f"{abs(now - moment)} ago"
        case _:
            return "{" + token + "}"
