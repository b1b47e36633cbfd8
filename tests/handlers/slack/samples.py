"""Every template of Slack with the contexts that the desk and the composer give it. It asserts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.desk.desk import NEED_A_REASON
from bot.model import (
    Card,
    Cause,
    Culprit,
    Door,
    Incident,
    IncidentKind,
    Kind,
    Line,
    Names,
    NoticeKind,
    Reply,
    Seen,
    State,
    Who,
    Word,
)
from bot.rules.permissions import Verdict
from bot.rules.revocations import Ending
from bot.upkeep.compose import STEPS
from bot.upkeep.restored import Counts
from handlers.slack.blocks import Renderer
from providers.base import AccessType, Reason, Side

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = Names(product="Relatch", company="Acme", engine="Acme Sync")
# One for the process: each reads and compiles all templates that it draws.
RENDER = Renderer(NAMES)
DONE = ("status", "now", "too_soon", "nothing", "paused", "resumed", "already_paused", "not_paused", "unknown")
MAILBOX_KINDS = (AccessType.OFFICE365, AccessType.EXCHANGE, AccessType.GOOGLE)
CRM_KINDS = (AccessType.PRODUCTION, AccessType.SANDBOX, AccessType.MY_DOMAIN)
VENDORS = (("google", "Google"), ("microsoft", "Office 365"), ("exchange", "Exchange"), ("salesforce", "Salesforce"))
PASSING = {Reason.RATE_LIMITED, Reason.PROVIDER_DOWN, Reason.NETWORK, Reason.UNKNOWN}
ONE_OF_EACH = (Reason.CREDENTIALS_REVOKED, Reason.ACCOUNT_DISABLED, Reason.CLIENT_MISCONFIGURED, Reason.UNKNOWN)
OURS = {Reason.CLIENT_SECRET_EXPIRED, Reason.CLIENT_MISCONFIGURED}


@dataclass(frozen=True, slots=True)
class Told:
    """What other people, vendors and Slack have put into words: the part of a context that may look like anything."""

    name: str = "Bob Builder"
    admin: str = "Ada Admin"
    account: str = "bob@acme.example"
    said: str = "need the Q4 mails"
    code: str = "invalid_grant"
    trace: str = "7f3a-11"

    @classmethod
    def all(cls, text: str) -> Told:
        return cls(name=text, admin=text, account=text, said=text, code=text, trace=text)


def bob(told: Told, *, own: bool = True) -> Who:
    return Who(name=told.name, user_id="U0BOB", own=own)


def door(word: Word = Word.REFRESH, provider: str = "google", label: str = "Google") -> Door:
    return Door(
        word=word, provider=provider, label=label, url=f"https://relatch.example/connect/{word}", id=f"id-{word}"
    )


def culprit(reason: Reason) -> Culprit:
    if reason in PASSING:
        return Culprit.NOBODY
    if reason in OURS:
        return Culprit.OPERATOR
    order = list(Reason)
    is_admins = order.index(reason) >= order.index(Reason.NEEDS_ADMIN_APPROVAL)
    return Culprit.ADMINISTRATOR if is_admins else Culprit.PERSON


def cause(told: Told, reason: Reason = Reason.CREDENTIALS_REVOKED) -> Cause:
    return Cause(culprit=culprit(reason), reason=reason, code=told.code, trace=told.trace)


def working(told: Told) -> Card:
    return Card(
        side=Side.MAILBOX, state=State.ACTIVE, provider="google", label="Google",
        account=told.account, last_ok_at=NOON, items=1204,
    )  # fmt: skip


def broken(told: Told, reason: Reason = Reason.CREDENTIALS_REVOKED) -> Card:
    why = cause(told, reason)
    doors = (door(),) if why.culprit is Culprit.PERSON else ()
    return replace(working(told), state=State.SUSPENDED, cause=why, since=NOON, doors=doors)


def crm(told: Told, state: State = State.SUSPENDED, reason: Reason = Reason.PASSWORD_CHANGED) -> Card:
    card = replace(broken(told, reason), side=Side.CRM, provider="salesforce", label="Salesforce")
    return replace(card, state=state, doors=(door(Word.REFRESH, "salesforce", "Salesforce"),) if card.doors else ())


def bare(side: Side = Side.CRM, state: State = State.NOT_OFFERED) -> Card:
    offered = (door(),) if state in (State.NOT_SET_UP, State.REVOKED) else ()
    return Card(side=side, state=state, doors=offered)


def to_be_chosen(side: Side = Side.CRM, state: State = State.NOT_SET_UP) -> Card:
    """Nothing is connected, and there are several kinds of access."""
    return replace(bare(side, state), doors=(), choose=True)


def every_card(told: Told, reasons: Iterable[Reason]) -> list[Card]:
    alive = [working(told), replace(working(told), last_ok_at=None, items=0), broken(told), crm(told)]
    waiting = broken(told, Reason.NEEDS_ADMIN_APPROVAL)
    return [
        *alive,
        waiting,
        *(replace(card, state=State.PAUSED) for card in (*alive, waiting)),
        *(bare(side, state) for side in Side for state in (State.NOT_OFFERED, State.NOT_SET_UP, State.REVOKED)),
        *(to_be_chosen(side, state) for side in Side for state in (State.NOT_SET_UP, State.REVOKED)),
        replace(working(told), state=State.REVOKING),
        *(replace(working(told), seen=seen) for seen in (Seen.RUNNING, Seen.WORKS, Seen.RENEWED)),
        *(replace(broken(told, reason), seen=Seen.FAILED) for reason in reasons),
        replace(broken(told), seen=Seen.LEFT_ALONE),
    ]


def pairs(told: Told, reasons: Iterable[Reason]) -> Iterator[list[Card]]:
    """Mailbox and CRM as people have them, and no side at all."""
    yield []
    for card in every_card(told, reasons):
        yield [card, bare()] if card.side is Side.MAILBOX else [working(told), card]
    yield [broken(told), crm(told)]
    yield [working(told), replace(crm(told), state=State.ACTIVE, cause=None, doors=())]


def lines(told: Told) -> list[Line]:
    return [line(told, kind) for kind in Kind]


def line(told: Told, kind: Kind, *, actor: str = "", side: Side | None = Side.MAILBOX) -> Line:
    has_cause = kind in (Kind.CHECK_FAILED, Kind.SYNC_FAILED, Kind.SUSPENDED, Kind.SIGN_IN_FAILED, Kind.STUCK)
    return Line(
        kind=kind, at=NOON, actor=actor, side=side, label="Google" if side else "",
        cause=cause(told) if has_cause else None, detail=told.said,
        number=12 if kind in (Kind.SYNCED, Kind.NOT_COPIED) else None,
    )  # fmt: skip


def replies(told: Told, reasons: Iterable[Reason]) -> Iterator[Reply]:
    """What bot/desk answers."""
    people = (bob(told), bob(told, own=False))
    for who in people:
        for pair in pairs(told, reasons):
            cards = pair if who.own else [replace(card, doors=()) for card in pair]
            yield Reply("status", {"who": who, "cards": cards})
            for template, done in (("check", True), ("refresh", True), ("refresh", False)):
                yield Reply(template, {"who": who, "cards": cards, "done": done})
        for did in DONE:
            for cards in ([working(told), bare()], [replace(broken(told), state=State.PAUSED), crm(told)], []):
                for at in (NOON, None):
                    context = {"who": who, "cards": cards, "did": did, "next_run_at": at, "last_items": 12 if at else 0}
                    yield Reply("sync", context)
        history = lines(told) + [line(told, kind, actor=told.admin, side=None) for kind in Kind]
        for some in ([], lines(told)[:1], history[:15], history[15:30], history[30:45], history[45:]):
            yield Reply("why", {"who": who, "lines": some})
        for found in (door(Word.CHANGE), None):
            yield Reply("mismatch", {"who": who, "wanted": "Google", "card": crm(told), "door": found})
        for card in (working(told), broken(told), bare(), bare(Side.MAILBOX, State.NOT_SET_UP)):
            for was_told in (True, False):
                yield Reply("handoff_started", {"who": who, "card": card, "told": was_told})
        for word in (Word.CHECK, Word.RELEASE):
            for verdict in Verdict:
                yield Reply("refused", {"verdict": str(verdict), "word": str(word), "who": who})
        for word, argument in NEED_A_REASON:
            asked = {"word": str(word), "argument": argument, "target": told.said[:40], "subject": "U0BOB"}
            yield Reply("reason", {"who": who} | asked)
    for accounts in ([], [told.account], [told.account] * 30):
        for doors in ((door(Word.CHANGE),), (door(Word.CHANGE), door(Word.CHANGE, "microsoft", "Office 365"))):
            for card in (working(told), bare(Side.MAILBOX, State.NOT_SET_UP), bare(Side.CRM, State.REVOKED)):
                yield from changes(told, replace(card, doors=doors[:1]), accounts, len(doors) > 1)
    yield change(told, replace(working(told), state=State.REVOKING), options=[])
    yield from revokes(told)
    for unknown, guess in (("", ""), (told.said[:40], "refresh"), (told.said[:40], "")):
        for admin in (True, False):
            yield Reply("help", {"unknown": unknown, "guess": guess, "admin": admin})
    for wanted in ("Salesforce", "crm", "mailbox"):
        yield Reply("not_offered", {"wanted": wanted})
    yield Reply("nobody", {"typed": told.name})
    yield Reply("opened", {"door": None})
    yield Reply("opened", {"door": door()})
    for was_told in (True, False):
        yield Reply("stuck", {"label": "Google", "cause": cause(told), "told": was_told})
    for did in ("released", "dismissed", "gone"):
        for number in (0, 1, 26):
            yield Reply("held", {"did": did, "number": number})
    yield Reply("error", {"reference": "1A2B3C4D"})
    yield Reply("moment")
    yield Reply("slack_away", {"word": "check"})
    yield Reply("too_often", {"looks": 10})


def change(told: Told, card: Card, **others: Any) -> Reply:
    context: dict[str, Any] = {"who": bob(told), "card": card, "options": ["google"], "picked": "", "accounts": []}
    context |= {"chosen": False, "unsure": False, "found": False, "problem": ""}
    return Reply("change", context | others)


def changes(told: Told, card: Card, accounts: list[str], many: bool) -> Iterator[Reply]:
    kinds = [str(kind) for kind in (MAILBOX_KINDS if card.side is Side.MAILBOX else CRM_KINDS)]
    if not many:
        yield change(told, card, options=kinds[:1], picked=kinds[0], accounts=accounts)
        return
    offered = {"options": kinds, "unsure": card.side is Side.MAILBOX, "accounts": accounts}
    for problem in ("", "host", "not_found"):
        yield change(told, replace(card, doors=()), **offered, problem=problem)
    for kind in kinds:
        for found in (True, False):
            yield change(told, card, **offered, picked=kind, chosen=True, found=found)


def two_sides(told: Told) -> list[Card]:
    return [working(told), replace(crm(told), state=State.ACTIVE, cause=None, doors=())]


def revokes(told: Told) -> Iterator[Reply]:
    both = two_sides(told)
    others = [[replace(working(told), provider=slug, label=label)] for slug, label in VENDORS]
    for own in (True, False):
        for stage in ("ask", "changed", "started"):
            for cards in (both, *others):
                for target in ("all", ""):
                    yield revoke(told, stage, cards, own=own, target=target)
        for state in (State.REVOKING, State.REVOKED):
            yield revoke(told, "nothing", [replace(working(told), state=state)], own=own)


def revoke(told: Told, stage: str, cards: list[Card], *, own: bool = True, target: str = "all") -> Reply:
    context = {"who": bob(told, own=own), "stage": stage, "cards": cards, "confirm": "17-18", "target": target}
    return Reply("revoke", context | {"reason": "" if own else told.said})


def receipts(told: Told) -> Iterator[Reply]:
    for slug, label in VENDORS:
        for admin, said in (("", ""), (told.admin, told.said), (told.admin, "")):
            for trouble in ("", "nobody", "operator"):
                yield receipt(told, slug=slug, label=label, admin=admin, reason=said, trouble=trouble)
            for ending in Ending:
                for link in ("", "https://vendor.example/apps"):
                    yield receipt(told, slug=slug, label=label, admin=admin, reason=said, ending=ending, link=link)


def receipt(told: Told, *, ending: str = "", **others: Any) -> Reply:
    context: dict[str, Any] = {"side": Side.MAILBOX, "slug": "google", "label": "Google", "account": told.account}
    context |= {"admin": "", "reason": "", "stopped_at": NOON, "ending": str(ending), "link": "", "trouble": ""}
    return Reply("notices/revoke", context | {"ended_at": NOON if ending else None} | others)


def notices(told: Told, reasons: Iterable[Reason]) -> Iterator[Reply]:
    """What bot/upkeep/compose draws."""
    yield from failures(told, reasons)
    for stage, caught_up in (
        ("broken", None),
        ("opened", None),
        ("working", None),
        ("revoked", None),
        ("fixed", 0),
        ("fixed", 1),
        ("fixed", 12),
    ):
        ready = replace(working(told), doors=(door(),))
        for card in (broken(told), working(told), crm(told), ready, bare(), to_be_chosen()):
            context: dict[str, Any] = {"card": card, "stage": stage, "caught_up": caught_up, **other_end(told)}
            yield Reply("notices/connected", context)
            for waits, other in (("away", crm(told)), ("connect", bare(state=State.NOT_SET_UP))):
                yield Reply("notices/connected", context | {"waits": waits, "other": other})
                asked = {"admin": told.admin, "reason": told.said, "waiting": ""}
                yield Reply("notices/requested", context | asked | {"waits": waits, "other": other})
            for said in (told.said, ""):
                yield Reply(
                    "notices/requested", context | {"admin": told.admin, "reason": said, "waiting": "id-refresh"}
                )
    for reached in range(len(STEPS) + 1):
        steps = [(step, NOON if number < reached else None) for number, step in enumerate(STEPS)]
        for trouble in ("", "undeliverable", "refused"):
            for label, caught_up in (("Google", None), ("", 0), ("Google", 12)):
                context = {"who": bob(told, own=False), "side": Side.MAILBOX, "label": label, "reason": told.said}
                over = {"steps": steps, "caught_up": caught_up, "trouble": trouble, "done": reached == len(STEPS)}
                yield Reply("notices/handoff", context | over)
    for closed in (True, False):
        for way in (door(), None):
            yield Reply(
                "notices/unfinished",
                {"card": broken(told), "door": way, "waiting": "id-1" if way else "", "closed": closed},
            )
        for card in (broken(told), bare(state=State.NOT_SET_UP), to_be_chosen(Side.MAILBOX)):
            yield Reply("notices/approved", {"label": "Office 365", "card": card})
        for said in (told.said, ""):
            yield Reply("notices/paused", {"admin": told.admin, "reason": said, "closed": closed})
        for kind in NoticeKind:
            yield Reply("notices/moved", {"kind": str(kind), "closed": closed})
    yield from incidents(told)
    yield Reply("notices/hello")
    for runs in (1, 1204):
        yield Reply("notices/away", {"since": NOON, "until": NOON + timedelta(hours=7), "runs": runs})
    yield from receipts(told)
    for cards in pairs(told, reasons):
        for history in ([], lines(told)[:5]):
            context = {"who": bob(told), "cards": cards, "lines": history, "admin": bool(history)}
            context["attention"] = [card for card in cards if card.state is State.SUSPENDED]
            yield Reply("notices/home", context)


def other_end(told: Told, *, to: str = "", again: bool = False) -> dict[str, Any]:
    """With `to`, a CRM that takes what is copied; without, there is none."""
    other = replace(crm(told), state=State.ACTIVE, cause=None, doors=()) if to else bare()
    return {"to": to, "again": again, "waits": "", "other": other}


def failure(
    cards: list[Card],
    *,
    stage: str,
    fixed: list[Card] | None = None,
    caught_up: int | None = None,
    end: Mapping[str, Any] | None = None,
) -> Reply:
    waiting = next((door.id for card in cards for door in card.doors), "")
    context = {"cards": cards, "fixed": fixed or [], "stage": stage, "caught_up": caught_up}
    context |= other_end(Told()) | dict(end or {})
    return Reply("notices/failure", context | {"waiting": waiting, "reminded": False})


def failures(told: Told, reasons: Iterable[Reason]) -> Iterator[Reply]:
    for stage in ("broken", "opened", "working"):
        for reason in reasons:
            yield failure([broken(told, reason)], stage=stage)
            yield failure([broken(told), crm(told, reason=reason)], stage=stage)
        yield failure([broken(told)], stage=stage, fixed=[replace(crm(told), cause=None)], caught_up=3)
    yield failure([working(told)], stage="working")
    yield failure([replace(working(told), state=State.REVOKING)], stage="revoked")
    for number in (0, 1, 12, 1204):
        yield failure([working(told)], stage="fixed", fixed=[working(told)], caught_up=number)
        both = [working(told), replace(crm(told), state=State.ACTIVE, cause=None, doors=())]
        yield failure(both, stage="fixed", fixed=both, caught_up=number)
        for again in (True, False):
            end = other_end(told, to="Salesforce", again=again)
            yield failure(both, stage="fixed", fixed=both, caught_up=number, end=end)
    missing = {"waits": "connect", "other": bare(state=State.NOT_SET_UP)}
    yield failure([working(told)], stage="fixed", fixed=[working(told)], caught_up=0, end=missing)


def incidents(told: Told) -> Iterator[Reply]:
    for kind in IncidentKind:
        for closed in (False, True):
            for outcome in ("released", "dismissed", "over"):
                for link, people in (("", []), ("https://admin.google.com/", [told.name]), ("", [told.name] * 20)):
                    yield incident(told, kind, closed=closed, outcome=outcome, link=link, people=people)


def incident(
    told: Told,
    kind: IncidentKind,
    *,
    closed: bool = False,
    outcome: str = "over",
    link: str = "",
    people: list[str] | None = None,
) -> Reply:
    row = Incident(
        id=7, kind=kind, provider="google", cause=None if kind is IncidentKind.GUARD else cause(told), opened_at=NOON,
        closed_at=NOON + timedelta(hours=1) if closed else None, outcome=outcome if closed else "",
    )  # fmt: skip
    waiting = people or []
    restored = Counts(made_at=NOON, total=300, works=100, broken=20) if kind is IncidentKind.RESTORED else None
    context: Mapping[str, Any] = {
        "incident": row, "label": "Google", "people": waiting, "count": len(waiting) + 5, "closed": closed,
        "link": link, "held": 26, "restored": restored,
    }  # fmt: skip
    return Reply("notices/incident", context)


def everything(told: Told, reasons: Iterable[Reason] = ONE_OF_EACH) -> Iterator[Reply]:
    yield from replies(told, reasons)
    yield from notices(told, reasons)
