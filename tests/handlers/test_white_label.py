"""Product, company and engine names come from settings: with other ones, nobody ever reads ours."""

from __future__ import annotations

import json
from pathlib import Path

from bot.model import Names
from handlers.slack.blocks import Renderer
from handlers.slack.manifest import manifest
from handlers.web.pages import Pages
from providers.salesforce.errors import KEY_FIELD
from tests.handlers.slack import samples
from tests.handlers.slack.samples import Told

NAMES = Names(product="Deskmate", company="Initech", engine="Copier")
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def test_no_message_dialog_or_home_tab_says_our_own_name() -> None:
    render = Renderer(NAMES)
    messages = [render.message(reply) for reply in samples.everything(Told())]
    shown = [json.dumps([each.text, each.blocks]).replace("https://relatch.example", "") for each in messages]
    assert [text for text in shown if "relatch" in text.casefold()] == []
    assert any("Deskmate" in text for text in shown)


def test_pages_bear_the_operators_names() -> None:
    pages = Pages(names=NAMES, slack_app_url="slack://user")
    front = bytes(pages.front().body).decode()
    assert "Deskmate" in front
    assert "Initech" in front


def test_the_manifest_bears_the_operators_names() -> None:
    app = manifest("https://desk.example", NAMES)
    assert app["display_information"]["name"] == "Deskmate"
    assert app["features"]["bot_user"]["display_name"] == "deskmate"


def test_no_template_spells_the_name_out() -> None:
    # The field has its name in Salesforce, and no setting changes that.
    words = {path.name: path.read_text().replace(KEY_FIELD, "").casefold() for path in TEMPLATES.rglob("*.j2")}
    spelt = [name for name, text in words.items() if "relatch" in text]
    assert spelt == []
