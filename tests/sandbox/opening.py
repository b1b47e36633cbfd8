"""How the demo opens: Bob connected his Google mailbox, it synced, and an hour ago it lost its permission.

Everything goes through Slack and the pages of the bot and of Google. Nothing touches the bot's data.
"""

from __future__ import annotations

from datetime import timedelta

from tests.sandbox.people import Browser, sign_in
from tests.sandbox.slack import Button
from tests.sandbox.world import BOB, GRACE, Sandbox

# Long enough for a sync, two refused renewals and the message; the rest is how long ago that was.
STARTS = timedelta(minutes=-110)
A_SYNC = timedelta(minutes=36)
BETWEEN_TWO_TRIES = timedelta(minutes=12)
UNTIL_TOLD = timedelta(minutes=2)

CUSTOMERS = ("cara@customer.example", "chris@customer.example", "dana@prospect.example")


def play(world: Sandbox) -> None:
    """Leaves the clock at real time, and Bob with a message. Raises AssertionError for what never came."""
    for person in (BOB, GRACE):
        _fill_mailbox(world, person.email)
    connect_google(world, user=BOB.id, email=BOB.email)
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
    """From `/creds` over the button to the end of the sign-in, in a browser of their own."""
    acked = world.slack.command(user, "")
    assert acked.ok, f"/creds was not answered: {acked.error}"
    button = world.slack.wait(lambda: set_up_button(world, user), 20, "the button that sets up sync")
    page = sign_in(Browser(), button.url, slack_user=user, account=email)
    assert page.status == 200, f"the sign-in ended with {page.status}: {page.text}"


def set_up_button(world: Sandbox, user: str) -> Button:
    """Raises LookupError while there is none."""
    shown = [*world.slack.ephemerals(user), *world.slack.messages(user)]
    buttons = [button for message in reversed(shown) for button in message.buttons if button.url]
    found = [button for button in buttons if "set up" in button.label.casefold()]
    return found[0]


def is_synced(world: Sandbox, user: str) -> bool:
    """A message says what the first sync brought, or a later one that everything is caught up."""
    ends = ("The first sync brought", "The first sync found", "caught up")
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


def _fill_mailbox(world: Sandbox, email: str) -> None:
    now = world.clock.now()
    for number, customer in enumerate(CUSTOMERS, start=1):
        asked = now - timedelta(days=number, hours=2)
        world.google.deliver(
            email, sender=customer, subject=f"Question about offer {1040 + number}", at=asked
        )
        world.google.deliver(
            email,
            sender=email,
            to=[customer],
            subject=f"Re: Question about offer {1040 + number}",
            at=asked + timedelta(hours=1),
        )
        start = now + timedelta(days=number)
        world.google.schedule(email, title=f"Demo for {customer}", start=start, attendees=[customer])
