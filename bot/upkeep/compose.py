"""What a notice says now, from the rows as they stand. It sends nothing; the same notice drawn twice says the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.model import Card, Connection, IncidentKind, Kind, Notice, NoticeKind, Person, Reply, State, Who
from bot.rules.health import in_trouble
from bot.store.database import Tx
from bot.upkeep import restored
from bot.upkeep.cards import Cards
from bot.upkeep.history import lines
from bot.upkeep.incidents import HOLDING
from bot.upkeep.tell import REVOKED, needs_somebody
from providers.base import Provider, Side

STEPS = ("delivered", "opened", "signed_in", "verified", "caught_up")
LINES_AT_HOME = 5
NAMES_SHOWN = 20


class Composer:
    def __init__(self, *, cards: Cards, providers: Mapping[str, Provider]) -> None:
        self._cards = cards
        self._providers = providers

    def reply(self, tx: Tx, notice: Notice, now: datetime) -> Reply | None:
        """None where there is nothing left to say: it was never sent, and what it would tell is over."""
        context = self._context(tx, notice, now)
        return None if context is None else Reply(f"notices/{notice.kind}", context, mark=str(notice.id))

    def _context(self, tx: Tx, notice: Notice, now: datetime) -> dict[str, Any] | None:
        match notice.kind:
            case NoticeKind.FAILURE:
                return self._failure(tx, notice, now)
            case NoticeKind.REQUESTED | NoticeKind.CONNECTED:
                return self._one_side(tx, notice, now)
            case NoticeKind.HANDOFF:
                return self._handoff(tx, notice)
            case NoticeKind.UNFINISHED:
                return self._unfinished(tx, notice, now)
            case NoticeKind.APPROVED:
                return self._approved(tx, notice, now)
            case NoticeKind.PAUSED:
                return {
                    "admin": tx.people.get(notice.facts["by"]).name,
                    "reason": notice.facts["reason"],
                    "closed": notice.closed_at is not None,
                }
            case NoticeKind.REVOKE:
                return self._revoke(tx, notice)
            case NoticeKind.INCIDENT:
                return self._incident(tx, notice)
            case NoticeKind.HELLO:
                return {}
            case NoticeKind.AWAY:
                since, until = (datetime.fromisoformat(notice.facts[name]) for name in ("since", "until"))
                return {"since": since, "until": until, "runs": notice.facts["runs"]}
            case NoticeKind.HOME:
                return self._home(tx, notice, now)

    def shrunk(self, notice: Notice) -> Reply:
        """One line for the place where the notice stood before it moved."""
        return Reply("notices/moved", {"kind": str(notice.kind), "closed": notice.closed_at is not None})

    def _failure(self, tx: Tx, notice: Notice, now: datetime) -> dict[str, Any] | None:
        person = _person(tx, notice)
        connections = tx.connections.of(person.id)
        broken = [side for side, connection in connections.items() if needs_somebody(connection)]
        fixed: Mapping[str, int] = notice.facts.get("fixed", {})
        if not broken and not notice.ts:
            return None
        revoked = notice.facts["stage"] == REVOKED
        if notice.closed_at is not None and not fixed and not revoked:
            return None
        cards = {card.side: card for card in self._cards.of(tx, person, now)}
        stage = "working" if not broken else "opened" if notice.facts["stage"] == "opened" else "broken"
        return {
            "cards": [cards[side] for side in broken] or [cards[side] for side in connections],
            "fixed": [cards[Side(side)] for side in fixed],
            "stage": stage if notice.closed_at is None else "fixed" if fixed else REVOKED,
            # What left the mailbox is what reached the CRM: the two are not added up.
            "caught_up": max(fixed.values()) if fixed else None,
            "waiting": _waiting([cards[side] for side in broken]),
            "moved": False,
            "reminded": False,
            **self._other_end(tx, person, Side(max(notice.facts["sides"], default=Side.MAILBOX)), notice, now),
        }

    def _one_side(self, tx: Tx, notice: Notice, now: datetime) -> dict[str, Any] | None:
        person, side = _person(tx, notice), Side(notice.facts["side"])
        connection = tx.connections.of(person.id).get(side)
        card = self._cards.card(tx, person, side, connection, now)
        if notice.kind is NoticeKind.REQUESTED:
            card = replace(card, doors=self._cards.sign_in(tx, person, side, connection, now))
        caught_up = notice.facts.get("fixed", {}).get(str(side))
        stage = "fixed" if caught_up is not None else str(notice.facts.get("stage", "broken"))
        context = {"card": card, "stage": stage, "caught_up": caught_up}
        context |= self._other_end(tx, person, side, notice, now)
        if notice.kind is NoticeKind.REQUESTED:
            context |= {
                "admin": tx.people.get(notice.facts["asked_by"]).name,
                "reason": notice.facts["reason"],
                "waiting": _waiting([card]),
            }
        return context

    def _other_end(self, tx: Tx, person: Person, side: Side, notice: Notice, now: datetime) -> dict[str, Any]:
        """Where copies go `to`, what this side `waits` for, and whether the count has items that were read `again`."""
        connections = tx.connections.of(person.id)
        crm, [across] = connections.get(Side.CRM), [each for each in Side if each is not side]
        other = self._cards.card(tx, person, across, connections.get(across), now)
        read_again = tx.events.last(person.id, Kind.RESYNCED) if notice.facts.get("fixed") else None
        return {
            "other": other,
            "waits": _waits(other, connections.get(across)),
            "to": self._cards.label(crm.provider) if crm is not None and crm.credential_id is not None else "",
            "again": read_again is not None and read_again.at >= notice.opened_at,
        }

    def _handoff(self, tx: Tx, notice: Notice) -> dict[str, Any]:
        person, steps = tx.people.get(notice.facts["subject"]), notice.facts.get("steps", {})
        side = Side(notice.facts["side"])
        connection = tx.connections.of(person.id).get(side)
        return {
            "who": Who(name=person.name, user_id=person.user_id, own=False),
            "side": side,
            "label": self._cards.label(connection.provider) if connection else "",
            "reason": notice.facts["reason"],
            "steps": [(name, datetime.fromisoformat(steps[name]) if name in steps else None) for name in STEPS],
            "caught_up": notice.facts.get("caught_up"),
            "trouble": notice.facts.get("trouble", ""),
            "done": "caught_up" in steps,
        }

    def _unfinished(self, tx: Tx, notice: Notice, now: datetime) -> dict[str, Any] | None:
        person, side = _person(tx, notice), Side(notice.facts["side"])
        connection = tx.connections.of(person.id).get(side)
        card = self._cards.card(tx, person, side, connection, now)
        if notice.closed_at is not None and not notice.ts:
            return None
        invitation = tx.invitations.get(notice.facts["invitation"])
        return {
            "card": card,
            "door": self._cards.door_to(invitation) if invitation else None,
            "waiting": notice.facts["invitation"],
            "closed": notice.closed_at is not None,
        }

    def _revoke(self, tx: Tx, notice: Notice) -> dict[str, Any]:
        facts = notice.facts
        ended_at = facts.get("ended_at")
        return {
            "side": Side(facts["side"]),
            "slug": facts["provider"],
            "label": self._cards.label(facts["provider"]),
            "account": facts["account"],
            "admin": tx.people.get(facts["by"]).name if facts["by"] != notice.person_id else "",
            "reason": facts["reason"],
            "stopped_at": notice.opened_at,
            "ended_at": datetime.fromisoformat(ended_at) if ended_at else None,
            "ending": facts.get("ending", ""),
            "link": facts.get("link", ""),
            "trouble": facts.get("trouble", ""),
        }

    def _approved(self, tx: Tx, notice: Notice, now: datetime) -> dict[str, Any]:
        provider = self._providers.get(notice.facts["provider"])
        side = provider.side if provider else Side.MAILBOX
        person = _person(tx, notice)
        card = self._cards.card(tx, person, side, tx.connections.of(person.id).get(side), now)
        return {"label": self._cards.label(notice.facts["provider"]), "card": card}

    def _incident(self, tx: Tx, notice: Notice) -> dict[str, Any] | None:
        incident = tx.incidents.get(notice.incident_id or 0)
        if incident is None:
            return None
        told = notice.ts or "old" in notice.facts or incident.kind is IncidentKind.RESTORED
        if incident.closed_at is not None and not told:
            return None
        provider, names, count = self._providers.get(incident.provider), list[str](), 0
        if incident.kind is IncidentKind.APPROVAL:
            ids = {c.person_id for c in tx.connections.waiting_for_admin(incident.provider)}
            ids |= set(notice.facts.get("waiting", ()))
            names, count = sorted(tx.people.get(i).name for i in ids)[:NAMES_SHOWN], len(ids)
        elif incident.kind not in HOLDING:
            count = tx.connections.total(incident.provider)
        return {
            "incident": incident,
            "label": self._cards.label(incident.provider),
            "people": names,
            "count": count,
            "closed": incident.closed_at is not None,
            "link": provider.approval() if provider and incident.kind is IncidentKind.APPROVAL else "",
            "restored": restored.counts(tx),
            "held": tx.notices.held(incident.id) if incident.closed_at is None else int(notice.facts.get("held", 0)),
        }

    def _home(self, tx: Tx, notice: Notice, now: datetime) -> dict[str, Any]:
        person = _person(tx, notice)
        cards = self._cards.of(tx, person, now)
        return {
            "who": Who(name=person.name, user_id=person.user_id, own=True),
            "cards": cards,
            "attention": [card for card in cards if card.state is State.SUSPENDED],
            "lines": lines(tx, person, self._cards, limit=LINES_AT_HOME),
            "admin": bool(notice.facts.get("admin", False)),
        }


def _person(tx: Tx, notice: Notice) -> Person:
    if notice.person_id is None:
        raise ValueError(f"a {notice.kind} notice without a person")
    return tx.people.get(notice.person_id)


def _waits(other: Card, connection: Connection | None) -> str:
    """What has to happen at the other side: "connect" by the person, or it is "away" and comes back."""
    if other.state in (State.NOT_SET_UP, State.REVOKED, State.REVOKING):
        return "connect"
    return "away" if connection is not None and in_trouble(connection.condition) else ""


def _waiting(cards: list[Card]) -> str:
    return next((door.id for card in cards for door in card.doors), "")
