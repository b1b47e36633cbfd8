"""How the demo opens: Bob and Grace are connected, and an hour ago Bob's Google mailbox lost its permission.

Everything goes through Slack and the pages of the bot and of Google. Nothing touches the bot's data.
"""

from __future__ import annotations

from datetime import timedelta

from tests.sandbox.google import GoogleServer
from tests.sandbox.microsoft import MicrosoftServer
from tests.sandbox.people import Browser, sign_in
from tests.sandbox.slack import Button, View
from tests.sandbox.world import BOB, CAST, GRACE, Person, Sandbox, Vendor

# Long enough for a sync, two refused renewals and the message; the rest is how long ago that was.
STARTS = timedelta(minutes=-110)
A_SYNC = timedelta(minutes=36)
BETWEEN_TWO_TRIES = timedelta(minutes=12)
UNTIL_TOLD = timedelta(minutes=2)

CUSTOMERS = ("cara@customer.example", "chris@customer.example", "dana@prospect.example")


def play(world: Sandbox) -> None:
    """Leaves the clock at real time, and Bob with a message. Raises AssertionError for what never came."""
    for person, server in ((BOB, world.google), (GRACE, world.google), (GRACE, world.microsoft)):
        _fill_mailbox(world, server, person.email)
    connect_google(world, user=BOB.id, email=BOB.email)
    if Vendor.SALESFORCE in world.vendors:
        connect(world, BOB, "crm", "production")
    if Vendor.MICROSOFT in world.vendors:
        connect(world, GRACE, "mailbox", "office365")
        connect(world, GRACE, "crm", "production")
        world.slack.wait(lambda: is_synced(world, GRACE.id), 60, "Grace's first sync")
    # Google's last answer is not yet the end of the run: a clock that moved before that would put off the next.
    world.slack.wait(lambda: is_synced(world, BOB.id), 60, "Bob's first sync")
    world.google.remove_access(BOB.email)
    world.clock.move(A_SYNC)
    world.slack.wait(lambda: _failures_told(world) >= 1, 60, "the first refused renewal")
    world.clock.move(BETWEEN_TWO_TRIES)
    world.slack.wait(lambda: _failures_told(world) >= 2, 60, "the second refused renewal")
    world.clock.move(UNTIL_TOLD)
    world.slack.wait(lambda: is_told(world), 60, "the message that tells Bob")
    world.clock.move(-world.clock.offset)
    _go_on_without_him(world)


def _go_on_without_him(world: Sandbox) -> None:
    """What Bob misses meanwhile, so that there is something to catch up on."""
    now = world.clock.now()
    for number, customer in enumerate(CUSTOMERS * 3, start=1):
        at = now - timedelta(minutes=5 * number)
        world.google.deliver(BOB.email, sender=customer, subject=f"Any news of offer {1050 + number}?", at=at)
    for number, customer in enumerate(CUSTOMERS, start=1):
        start = now + timedelta(days=number, hours=3)
        world.google.schedule(BOB.email, title=f"Follow-up with {customer}", start=start, attendees=[customer])


def connect_google(world: Sandbox, *, user: str, email: str) -> None:
    person = next(each for each in CAST if each.id == user)
    connect(world, person, "mailbox", "google", account=email)


def connect(
    world: Sandbox, person: Person, side: str, access: str, *, host: str = "", account: str = "", password: str = ""
) -> None:
    """From `/creds change` over the choice and its button to the end of the sign-in, in a browser of their own."""
    door = choose(world, person, side, access, host=host)
    account, password = account or person.email, password or f"{person.name}-at-work"
    page = sign_in(Browser(), door.url, slack_user=person.id, account=account, password=password)
    assert page.status == 200, f"the sign-in ended with {page.status}: {page.text}"
    assert "Done" in page.title, f"the sign-in ended with {page.title}: {page.text}"


def choose(world: Sandbox, person: Person, side: str, access: str, *, host: str = "") -> Button:
    """The sign-in button for what was chosen. The dialog is closed again."""
    slack = world.slack
    acked = slack.command(person.id, f"change {side}")
    assert acked.ok, f"/creds was not answered: {acked.error}"
    view = slack.wait(lambda: _asked(world, person), 20, "the choice")
    if view.submit:
        values = {"access": access} | ({"host": host} if host else {})
        acked = slack.submit(person.id, view, values)
        assert acked.ok, f"the choice was not taken: {acked.payload}"
    button: Button = slack.wait(lambda: _door(world, person), 20, "the sign-in button")
    slack.close(person.id)
    return button


def _asked(world: Sandbox, person: Person) -> View:
    """Raises LookupError while it is not there."""
    view = world.slack.views(person.id)[-1]
    if not view.submit and not any(button.url for button in view.buttons):
        raise LookupError(view.title)
    return view


def _door(world: Sandbox, person: Person) -> Button:
    """Raises LookupError while there is none."""
    view = world.slack.views(person.id)[-1]
    found = [button for button in view.buttons if button.url]
    return found[0]


def is_synced(world: Sandbox, user: str) -> bool:
    """A message says what the first sync brought, or a later one that everything is caught up."""
    ends = ("The first sync brought", "The first sync copied", "The first sync found", "caught up", "copied to")
    return any(end in message.plain for message in world.slack.messages(user) for end in ends)


def is_told(world: Sandbox) -> bool:
    """Bob has a message with a button to repair it."""
    return any(
        "refresh" in button.label.casefold() for m in world.slack.messages(BOB.id) for button in m.buttons
    )


def _failures_told(world: Sandbox) -> int:
    """How many refusals `/creds why` knows of: a clock that moved before one is noted would date it wrongly."""
    world.slack.command(BOB.id, "why")
    shown = world.slack.ephemerals(BOB.id)
    return max((message.plain.count("invalid_grant") for message in shown), default=0)


def _fill_mailbox(world: Sandbox, server: GoogleServer | MicrosoftServer, email: str) -> None:
    now = world.clock.now()
    for number, customer in enumerate(CUSTOMERS, start=1):
        asked = now - timedelta(days=number, hours=2)
        server.deliver(
            email, sender=customer, subject=f"Question about offer {1040 + number}", at=asked
        )
        server.deliver(
            email,
            sender=email,
            to=[customer],
            subject=f"Re: Question about offer {1040 + number}",
            at=asked + timedelta(hours=1),
        )
        start = now + timedelta(days=number)
        server.schedule(email, title=f"Demo for {customer}", start=start, attendees=[customer])
