"""Signing in, in the browser: who stands there, what is meant, and whether the account that came back is the right one.

Only the person herself signs in to her connection: an admin's right never reaches this file. GET without a session
makes nothing. After success the credential is stored and the row made due: the ordinary run catches up and turns the
notice green.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.desk.asked import Tools
from bot.model import (
    Cause,
    Connection,
    Door,
    Event,
    Flow,
    Health,
    IdentityRefused,
    Invitation,
    Kind,
    NoticeKind,
    Person,
    Reply,
    SlackAway,
    SlackIdentity,
    WebSession,
    Word,
)
from bot.rules.health import APPROVALS
from bot.rules.identity import Match, judge
from bot.rules.revocations import ends_replaced
from bot.store.database import Tx
from bot.upkeep import tell
from providers.base import Credential, Form, Link, Misconfigured, ProviderError, Reason, Replaced

ASK_LIVES = timedelta(minutes=10)
TRIED_EARLY_EVERY = timedelta(minutes=1)
# What a flow awaits that shows our own form; all others await a callback.
FORM = "form"
# Mail servers lock an account after five wrong passwords or so, and people try on their phones too.
MOST_REFUSED_PASSWORDS = 3
PASSWORDS_REST = timedelta(minutes=30)
# What the person can put right on the form itself.
FORM_AGAIN = frozenset(
    {Reason.PASSWORD_WRONG, Reason.ENDPOINT_WRONG, Reason.MAILBOX_MISSING, Reason.DELEGATION_MISSING}
)


class SignIn:
    """`allowed_domains` empty means the domain of each person's Slack e-mail. Replies name templates/web."""

    def __init__(self, *, tools: Tools, identity: SlackIdentity, team_id: str, allowed_domains: frozenset[str]) -> None:
        self._tools = tools
        self._identity = identity
        self._team_id = team_id
        self._allowed_domains = allowed_domains
        self._tried_early: dict[str, datetime] = {}

    def slack_url(self, *, state: str, nonce: str) -> str:
        return self._identity.authorize_url(state=state, nonce=nonce)

    def arrive(self, *, code: str, nonce: str) -> tuple[str, Reply | None]:
        """A session token for the cookie, or a Reply that says why there is none."""
        try:
            user = self._identity.exchange(code=code, nonce=nonce)
        except IdentityRefused as error:
            return "", Reply("not_proven", {"code": error.code})
        except SlackAway:
            return "", Reply("not_proven", {"code": "slack_away"})
        if user.team_id != self._team_id:
            return "", Reply("not_proven", {"code": "other_workspace"})
        token = secrets.token_urlsafe(32)
        with self._tools.store.write() as tx:
            tx.sessions.open(token=token, csrf=secrets.token_urlsafe(32), user=user, real=self._tools.clock.real())
        return token, None

    def session(self, token: str) -> WebSession | None:
        with self._tools.store.read() as tx:
            return tx.sessions.find(token, self._tools.clock.real())

    def visit(self, invitation_id: str, session: WebSession | None) -> Reply:
        if session is None:
            return Reply("welcome")
        with self._tools.store.read() as tx:
            invitation = tx.invitations.get(invitation_id)
            person = tx.people.get(invitation.person_id) if invitation else None
        if invitation is None or person is None or invitation.provider not in self._tools.providers:
            return Reply("gone")
        if (session.team_id, session.user_id) != (person.team_id, person.user_id):
            return Reply("not_yours")
        return self._begin(invitation, person, session)

    def callback(self, slug: str, query: Mapping[str, str], session: WebSession | None) -> Reply:
        """The vendor sent the browser back. Nothing is asked of the vendor before state, session and provider agree."""
        if session is None:
            return _refused("foreign")
        with self._tools.store.write() as tx:
            flow = tx.flows.take(query.get("state", ""), session_id=session.id, real=self._tools.clock.real())
            if flow is None:
                seen = tx.flows.look(query.get("state", ""), session_id=session.id, real=self._tools.clock.real())
                return _refused("unknown" if seen == "open" else seen)
            person = tx.people.get(flow.invitation.person_id)
        provider = self._tools.providers.get(slug)
        if provider is None or flow.invitation.provider != slug or flow.awaiting == FORM:
            return _refused("unknown")
        try:
            credential = provider.complete(dict(query), flow.remember)
        except ProviderError as error:
            return self._failed(flow, person, error, told_by_vendor="error" not in query)
        return self._judge(flow, person, session, credential)

    def fill(self, slug: str, filled: Mapping[str, str], session: WebSession) -> Reply:
        """Our own form was filled in. Its password is sent on once, and after three refusals not at all."""
        with self._tools.store.write() as tx:
            flow = tx.flows.take(filled.get("state", ""), session_id=session.id, real=self._tools.clock.real())
            if flow is None:
                seen = tx.flows.look(filled.get("state", ""), session_id=session.id, real=self._tools.clock.real())
                return _refused("unknown" if seen == "open" else seen)
            person = tx.people.get(flow.invitation.person_id)
            resting = self._passwords_rest(tx, person)
        provider = self._tools.providers.get(slug)
        if provider is None or flow.invitation.provider != slug or flow.awaiting != FORM:
            return _refused("unknown")
        if resting:
            return self._refusal(flow.invitation, "too_many")
        try:
            credential = provider.complete(dict(filled), flow.remember)
        except ProviderError as error:
            reply = self._failed(flow, person, error, told_by_vendor=True)
            again = error.reason in FORM_AGAIN
            return self._begin(flow.invitation, person, session, Cause.of(error), filled) if again else reply
        return self._judge(flow, person, session, credential)

    def approval_answered(self, slug: str, query: Mapping[str, str]) -> Reply:
        """An administrator comes back from approving us. Anybody can say so: it only starts tries early."""
        given, now = "error" not in query, self._tools.clock.real()
        if slug not in self._tools.providers:
            return _refused("unknown")
        if given and now >= self._tried_early.get(slug, now):
            self._tried_early[slug] = now + TRIED_EARLY_EVERY
            with self._tools.store.write() as tx:
                self._tools.records.approval_given(tx, slug)
        return Reply("approval", {"label": self._tools.cards.label(slug), "given": given})

    def confirm(self, flow_id: int, session: WebSession, *, yes: bool) -> Reply:
        """The person says whether the other address is hers."""
        with self._tools.store.write() as tx:
            answered = tx.flows.answer(flow_id, session.id, self._tools.clock.real())
            if answered is None:
                return _refused("used")
            flow, credential = answered
            person = tx.people.get(flow.invitation.person_id)
        if not yes:
            return self._not_this_one(flow, person, credential, "cancelled")
        return self._store(flow, person, credential)

    def _begin(
        self,
        invitation: Invitation,
        person: Person,
        session: WebSession,
        cause: Cause | None = None,
        filled: Mapping[str, str] | None = None,
    ) -> Reply:
        """`cause` and `filled` are those of a form that was refused: it is shown once more."""
        tools, state = self._tools, secrets.token_urlsafe(32)
        provider = tools.providers[invitation.provider]
        with tools.store.read() as tx:
            connection = tx.connections.of(person.id).get(invitation.side)
        expected = _expected(invitation, connection, person)
        try:
            way = provider.begin(invitation.access, state, expected)
        except ProviderError as error:
            return self._refusal(invitation, "provider", cause=Cause.of(error))
        with tools.store.write() as tx:
            if isinstance(way, Form) and self._passwords_rest(tx, person):
                return self._refusal(invitation, "too_many")
            tx.flows.begin(
                invitation_id=invitation.id,
                session_id=session.id,
                state=state,
                remember=way.remember,
                awaiting=FORM if isinstance(way, Form) else "",
                real=tools.clock.real(),
            )
            self._note(tx, Kind.SIGN_IN_STARTED, invitation, person)
        context = {
            "who": person.name,
            "side": invitation.side,
            "label": provider.label,
            "slug": provider.slug,
            "word": str(invitation.word),
            "account_expected": expected,
            "minutes": 10,
        }
        match way:
            case Link():
                return Reply("connect", context | {"url": way.url, "allows_more": way.allows_more})
            case Form():
                shown = filled or {}
                kept = {each.name: "" if each.secret else shown.get(each.name, "") for each in way.fields}
                form = {"fields": way.fields, "kept": kept, "state": state, "csrf": session.csrf, "cause": cause}
                return Reply("form", context | form)

    def _passwords_rest(self, tx: Tx, person: Person) -> bool:
        """So many were refused lately that one more could lock the account."""
        since = self._tools.clock.now() - PASSWORDS_REST
        refused = [
            event
            for event in tx.events.of_person(person.id)
            if event.kind is Kind.SIGN_IN_FAILED
            and event.at > since
            and event.cause is not None
            and event.cause.reason is Reason.PASSWORD_WRONG
        ]
        return len(refused) >= MOST_REFUSED_PASSWORDS

    def _judge(self, flow: Flow, person: Person, session: WebSession, credential: Credential) -> Reply:
        invitation = flow.invitation
        with self._tools.store.read() as tx:
            connection = tx.connections.of(person.id).get(invitation.side)
        known = connection.identity if connection and connection.provider == invitation.provider else ""
        revoked = connection is not None and connection.condition.health is Health.REVOKED
        match judge(
            word=invitation.word,
            known_identity="" if revoked else known,
            credential=credential,
            email=person.email,
            allowed_domains=self._allowed_domains,
        ):
            case Match.SAME:
                return self._store(flow, person, credential)
            case Match.OTHER:
                return self._not_this_one(flow, person, credential, "wrong_account")
            case Match.FORBIDDEN:
                return self._not_this_one(flow, person, credential, "foreign_domain")
            case Match.ASK:
                with self._tools.store.write() as tx:
                    tx.flows.ask(flow.id, credential, self._tools.clock.real() + ASK_LIVES)
                return Reply(
                    "ask",
                    {
                        "flow_id": flow.id,
                        "got": credential.account,
                        "expected": person.email,
                        "label": self._tools.cards.label(invitation.provider),
                        "csrf": session.csrf,
                    },
                )

    def _store(self, flow: Flow, person: Person, credential: Credential) -> Reply:
        tools, invitation, now = self._tools, flow.invitation, self._tools.clock.now()
        with tools.store.write() as tx:
            before = tx.connections.of(person.id).get(invitation.side)
            same = before is not None and (before.provider, before.identity) == (
                invitation.provider,
                credential.identity,
            )
            if before is not None and before.credential_id is not None:
                # Whoever is renewing or reading with the old one fails at its next commit.
                self._replace(tx, before, before.credential_id, same_account=same)
            credential_id = tx.credentials.add(
                person_id=person.id, provider=invitation.provider, credential=credential, now=now
            )
            connection = tx.connections.connect(
                person_id=person.id,
                side=invitation.side,
                provider=invitation.provider,
                access=invitation.access,
                account=credential.account,
                identity=credential.identity,
                credential_id=credential_id,
                now=now,
                keep_cursor=same,
            )
            tx.accounts.used(person.id, invitation.provider, credential.account, now)
            fresh = before is None or before.condition.health is Health.REVOKED
            kind = Kind.CONNECTED if fresh else Kind.SIGNED_IN if same else Kind.CHANGED
            self._note(tx, kind, invitation, person)
            tools.records.signed_in(tx, person, invitation.provider)
            self._tell(tx, person, connection, new=fresh or not same)
        tools.ring()
        return Reply(
            "done",
            {
                "label": tools.cards.label(invitation.provider),
                "account": credential.account,
                "word": str(invitation.word),
                "side": invitation.side,
            },
        )

    def _replace(self, tx: Tx, old: Connection, credential_id: int, *, same_account: bool) -> None:
        """The new one has worked: the old is ended by its provider's rule, or only destroyed here."""
        provider = self._tools.providers.get(old.provider)
        if provider is not None and ends_replaced(provider.revokes_replaced, same_account=same_account):
            tx.credentials.give_up(credential_id, self._tools.clock.now())
        else:
            tx.credentials.destroy(credential_id)

    def _tell(self, tx: Tx, person: Person, connection: Connection, *, new: bool) -> None:
        """The messages that wait for this sign-in say so; the run that follows makes them green."""
        now, side = self._tools.clock.now(), connection.side
        for step in ("opened", "signed_in", "verified"):
            tell.handed_on(tx, person.id, side, step, now=now)
        waited = tell.works_again(tx, person, side)
        unfinished = tx.notices.find_open(f"unfinished:{person.id}:{side}")
        if unfinished is not None:
            tx.notices.want(unfinished.id)
            tx.notices.close(unfinished.id, now)
        if new and not waited:
            tx.notices.open(
                kind=NoticeKind.CONNECTED,
                key=f"connected:{person.id}:{side}",
                to=person.user_id,
                person_id=person.id,
                facts={"side": str(side), "stage": "working"},
                now=now,
            )
        tx.notices.want_for_person(person.id)

    def _failed(self, flow: Flow, person: Person, error: ProviderError, *, told_by_vendor: bool) -> Reply:
        """`told_by_vendor` is false where the words came through the browser, which may say anything."""
        invitation, cause = flow.invitation, Cause.of(error)
        with self._tools.store.write() as tx:
            self._note(tx, Kind.SIGN_IN_FAILED, invitation, person, cause=cause)
            tell.in_trouble(tx, person.id, invitation.side, "refused")
            if isinstance(error, Misconfigured) and told_by_vendor:
                self._tools.records.misconfigured(tx, invitation.provider, error)
            if cause.reason in APPROVALS:
                self._tools.records.approval(tx, invitation.provider, cause, waiting=person)
        self._tools.ring()
        why = "cancelled" if cause.reason == "consent_declined" else "provider"
        return self._refusal(invitation, why, cause=cause)

    def _not_this_one(self, flow: Flow, person: Person, credential: Credential, why: str) -> Reply:
        """The credential is dropped, and ended at its vendor where that touches no other sign-in of the account."""
        provider = self._tools.providers.get(flow.invitation.provider)
        with self._tools.store.write() as tx:
            if provider is not None and provider.revokes_replaced is Replaced.ALWAYS:
                # One that is left behind counts: at Salesforce a few of them end the oldest without a word.
                now = self._tools.clock.now()
                dropped = tx.credentials.add(
                    person_id=person.id, provider=provider.slug, credential=credential, now=now
                )
                tx.credentials.give_up(dropped, now)
            self._note(tx, Kind.SIGN_IN_REFUSED, flow.invitation, person, detail=why)
            tell.in_trouble(tx, person.id, flow.invitation.side, "refused")
            connection = tx.connections.of(person.id).get(flow.invitation.side)
        self._tools.ring()
        expected = _expected(flow.invitation, connection, person)
        return self._refusal(flow.invitation, why, got=credential.account, expected=expected)

    def _refusal(
        self,
        invitation: Invitation,
        why: str,
        *,
        cause: Cause | None = None,
        got: str = "",
        expected: str = "",
    ) -> Reply:
        label = self._tools.cards.label(invitation.provider)
        door = Door(
            word=invitation.word,
            provider=invitation.provider,
            label=label,
            url=self._tools.cards.address(invitation.id),
            id=invitation.id,
        )
        return _refused(why, expected=expected, got=got, label=label, cause=cause, door=door)

    def _note(
        self,
        tx: Tx,
        kind: Kind,
        invitation: Invitation,
        person: Person,
        *,
        cause: Cause | None = None,
        detail: str = "",
    ) -> None:
        tx.events.append(
            Event(
                kind=kind,
                at=self._tools.clock.now(),
                person_id=person.id,
                actor_id=person.id,
                side=invitation.side,
                provider=invitation.provider,
                cause=cause,
                detail=detail,
            )
        )


def _expected(invitation: Invitation, connection: Connection | None, person: Person) -> str:
    if invitation.hint:
        return invitation.hint
    if invitation.word is Word.REFRESH and connection is not None and connection.provider == invitation.provider:
        return connection.account
    return person.email


def _refused(
    why: str,
    *,
    expected: str = "",
    got: str = "",
    label: str = "",
    cause: Cause | None = None,
    door: Door | None = None,
) -> Reply:
    return Reply(
        "refused", {"why": why, "expected": expected, "got": got, "label": label, "cause": cause, "door": door}
    )
