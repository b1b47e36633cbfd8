"""One story for each provider: connected, broken, repaired, changed to another, revoked, and set up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.sandbox import opening
from tests.sandbox.world import ADA, GRACE, Mode, Person, Sandbox, Vendor
from tests.stage import Stage
from tests.stories.workspace import Workspace, allow_at_slack, continue_to, fill_in, sign_in_at_vendor

CUSTOMER, NOBODY_KNOWN = "cara@customer.example", "newsletter@elsewhere.example"
NEW_PASSWORD = "autumn-after-summer"


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory, mode: Mode) -> Iterator[Stage]:
    """All vendors, and nobody has connected anything. Each story moves the clock and breaks things of its own."""
    with Stage(tmp_path_factory.mktemp("stage"), vendors=tuple(Vendor), mode=mode) as stage:
        yield stage
        assert stage.alarms() == []


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the dialog, what its button and messages call it, and how a receipt about it ends."""

    side: str
    choice: str
    label: str
    ending: str
    org: str = ""


OFFICE = Access("mailbox", "Office 365", "Office 365", "What remains at Office 365 is for you to end")
EXCHANGE = Access("mailbox", "Microsoft Exchange", "Microsoft Exchange", "Microsoft Exchange has nothing to cancel")
GOOGLE = Access("mailbox", "Google", "Google", "Ended at Google")
PRODUCTION = Access("crm", "Salesforce production", "Salesforce", "Ended at Salesforce", "production")
SANDBOX = Access("crm", "Salesforce sandbox", "Salesforce", "Ended at Salesforce", "sandbox")
ACME = Access("crm", "Salesforce My Domain", "Salesforce", "Ended at Salesforce", "acme")
ORGS = ("production", "sandbox", "acme")


@dataclass(frozen=True, slots=True)
class Story:
    """`switch` breaks it, {} being the person's name. `mails` gives the mailbox from which is copied meanwhile."""

    person: Person
    first: Access
    switch: str
    mails: str
    later: tuple[Access, ...]


STORIES = {
    "office365": Story(GRACE, OFFICE, "microsoft.{}.revoke", "microsoft", (EXCHANGE,)),
    "exchange": Story(ADA, EXCHANGE, "exchange.{}.password", "exchange", (GOOGLE,)),
    "google": Story(GRACE, GOOGLE, "google.{}.remove", "google", (OFFICE,)),
    "salesforce": Story(ADA, PRODUCTION, "salesforce.{}.revoke", "google", (SANDBOX, ACME)),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_connection_is_made_broken_repaired_changed_revoked_and_made_again(
    stage: Stage, slack: Workspace, story: Story
) -> None:
    person, first = story.person, story.first
    connect_the_other_side(stage, story)
    slack.enter(person)

    change(stage, slack, person, first)
    connected = slack.articles.filter(has_text="is connected").last
    expect(connected).to_contain_text("From now on it syncs")

    break_and_repair(stage, slack, story)
    for access in story.later:
        change(stage, slack, person, access)
        works(slack, access, person)
        is_copied(stage, slack, access)
    revoke(slack, story.later[-1], person)
    change(stage, slack, person, first)
    works(slack, first, person)


def test_a_change_that_is_cancelled_leaves_all_as_it_was(stage: Stage, slack: Workspace) -> None:
    opening.connect(stage.world, GRACE, "mailbox", "office365")
    opening.connect(stage.world, GRACE, "crm", "production")
    slack.enter(GRACE)
    with dialog(slack, OFFICE):
        slack.modal.get_by_role("radio", name="Microsoft Exchange").check()
    works(slack, OFFICE, GRACE)
    # Nor does it when she has gone as far as the page of the vendor and turns back there.
    with chosen(slack, GOOGLE) as page:
        allow_at_slack(page)
        continue_to(page, "Google")
        page.get_by_role("button", name="Next").click()
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("body")).to_contain_text("Everything is as it was")
    works(slack, OFFICE, GRACE)


def test_a_wrong_password_is_asked_for_again_and_was_tried_once(stage: Stage, slack: Workspace) -> None:
    slack.enter(ADA)
    with chosen(slack, EXCHANGE) as page:
        allow_at_slack(page)
        fill_in(page, ADA.email, "guessed")
        expect(page.get_by_role("alert")).to_contain_text("did not accept this user name and password")
        expect(page.get_by_label("User name")).to_have_value(ADA.email)
        expect(page.get_by_label("Password")).to_have_value("")
        assert stage.world.exchange.refused_logins(ADA.email) == 1
        fill_in(page, ADA.email, f"{ADA.name}-at-work")
        expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    assert stage.world.exchange.refused_logins(ADA.email) == 1


def test_a_changed_exchange_password_locks_nobody_out_in_a_week(stage: Stage, slack: Workspace) -> None:
    opening.connect(stage.world, ADA, "mailbox", "exchange")
    opening.connect(stage.world, ADA, "crm", "production")
    stage.wait(lambda: opening.is_synced(stage.world, ADA.id), "the first sync")
    slack.enter(ADA)
    slack.flip("exchange.ada.password")
    stage.be_told_in_time(lambda: waiting(stage, ADA), "the message to Ada")
    for _ in range(7):
        for _ in range(4):
            stage.pass_time(hours=6)
            stage.holds(lambda: False, 0.5)
        slack.type("/creds check")
        slack.shows("asking once more could lock the account")
    assert stage.world.exchange.refused_logins(ADA.email) == 1
    asks = [message for message in stage.slack.messages(ADA.id) if "stopped syncing" in message.plain]
    assert asks, "she is asked all the while"


# What is done


def connect_the_other_side(stage: Stage, story: Story) -> None:
    """Nothing is copied before both are there."""
    side, access = ("crm", "production") if story.first.side == "mailbox" else ("mailbox", "google")
    opening.connect(stage.world, story.person, side, access)


@contextmanager
def dialog(slack: Workspace, access: Access) -> Iterator[Locator]:
    slack.type(f"/creds change {access.side}")
    expect(slack.modal.get_by_role("radio", name=access.choice, exact=True)).to_be_visible()
    yield slack.modal
    slack.dismiss()


@contextmanager
def chosen(slack: Workspace, access: Access) -> Iterator[Page]:
    """The page behind the button for this choice."""
    with dialog(slack, access) as modal:
        modal.get_by_role("radio", name=access.choice, exact=True).check()
        if access is ACME:
            modal.get_by_label("Name of your My Domain").fill(access.org)
        slack.press("Continue", within=modal)
        expect(slack.modal).to_contain_text(f"You chose {access.choice}")
        page = slack.open(f"Sign in with {access.label}", within=slack.modal)
        yield page
        page.close()


def change(stage: Stage, slack: Workspace, person: Person, access: Access) -> None:
    with chosen(slack, access) as page:
        sign_in(stage.world, page, person, access)
        expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
        expect(page.locator("body")).to_contain_text(access.label)


def sign_in(world: Sandbox, page: Page, person: Person, access: Access) -> None:
    """From our first page to our last one; Slack is asked once a day."""
    if page.get_by_role("link", name="Sign in with Slack").count():
        allow_at_slack(page)
    if access is EXCHANGE:
        fill_in(page, person.email, world.exchange.state.accounts[person.email].password)
    else:
        continue_to(page, access.label)
        sign_in_at_vendor(page, person.email)


def break_and_repair(stage: Stage, slack: Workspace, story: Story) -> None:
    person, access = story.person, story.first
    slack.flip(story.switch.format(person.name))
    if access is EXCHANGE:
        stage.world.exchange.change_password(person.email, NEW_PASSWORD)
    # Two are with a customer whom Salesforce knows, and only they are copied.
    deliver = mailbox(stage.world, story.mails)
    for sender in (CUSTOMER, NOBODY_KNOWN, CUSTOMER):
        deliver(person.email, sender=sender, subject="While you were away")
    stage.be_told_in_time(lambda: waiting(stage, person), "the message to repair it")
    ts = stage.newest(person).ts
    message = slack.message(ts)
    expect(message).to_contain_text(f"{called(access)} stopped syncing")

    page = slack.open("Refresh", within=message)
    sign_in(stage.world, page, person, access)
    expect(page.get_by_role("heading", level=1)).to_contain_text("connected")
    page.close()
    expect(message).to_contain_text(f"{access.label} sync works again. 2 items were copied to Salesforce.")
    expect(slack.button("Refresh", within=message)).to_have_count(0)
    assert stage.newest(person).ts == ts


def revoke(slack: Workspace, access: Access, person: Person) -> None:
    slack.type(f"/creds revoke {access.side}")
    expect(slack.modal).to_contain_text("Nothing has changed yet")
    expect(slack.modal).to_contain_text(person.email)
    slack.press("Revoke", within=slack.modal)
    expect(slack.modal).to_contain_text("has stopped")
    slack.dismiss()
    receipt = slack.articles.filter(has_text="is disconnected").last
    expect(receipt).to_contain_text("Sync stopped")
    expect(receipt).to_contain_text(access.ending)
    expect(receipt).to_contain_text("Saved sign-in destroyed")
    has_page = access is OFFICE
    expect(slack.button(f"Open the page of {access.label}", within=receipt)).to_have_count(int(has_page))


def works(slack: Workspace, access: Access, person: Person) -> None:
    """Asked live, by its name."""
    answers = slack.articles.filter(has_text="checked live")
    before = answers.count()
    slack.type(f"/creds check {access.side}")
    expect(answers).to_have_count(before + 1)
    expect(answers.last).to_contain_text(f"{called(access)}: ✅ Works, checked just now")
    expect(answers.last).to_contain_text(person.email)


def is_copied(stage: Stage, slack: Workspace, access: Access) -> None:
    """What comes from now on reaches the org that was chosen, and that one alone."""
    if access.org:
        before = {org: len(stage.world.salesforce.tasks(org)) for org in ORGS}
        slack.flip("google.ada.mail")
        expected = before | {access.org: before[access.org] + 1}
        tasks = stage.world.salesforce.tasks
        stage.be_told_in_time(lambda: {org: len(tasks(org)) for org in ORGS} == expected, f"the item in {access.org}")


def called(access: Access) -> str:
    return f"{access.label} {'CRM' if access.side == 'crm' else 'mailbox'}"


def waiting(stage: Stage, person: Person) -> bool:
    return any(button.label == "Refresh" for button in stage.newest(person).buttons)


def mailbox(world: Sandbox, name: str) -> Callable[..., object]:
    deliver: dict[str, Callable[..., object]] = {
        "microsoft": world.microsoft.deliver,
        "exchange": world.exchange.deliver,
        "google": world.google.deliver,
    }
    return deliver[name]
