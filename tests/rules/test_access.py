"""My Domains as people write and copy them, and what can be none."""

from __future__ import annotations

import pytest

from bot.rules.access import my_domain


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("acme", "acme"),
        (" ACME ", "acme"),
        ("acme.my.salesforce.com", "acme"),
        ("https://acme.my.salesforce.com/", "acme"),
        ("https://acme.lightning.force.com/lightning/page/setup", "acme"),
        ("acme--test.sandbox", "acme--test.sandbox"),
        ("https://acme--test.sandbox.my.salesforce.com", "acme--test.sandbox"),
        ("acme-dev-ed.develop.my.salesforce.com", "acme-dev-ed.develop"),
    ],
)
def test_a_name_is_read_as_people_write_it(written: str, name: str) -> None:
    assert my_domain(written) == name


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "-acme",
        "acme-",
        "ac me",
        "acme.evil.example",
        "evil.example/acme.my.salesforce.com",
        "acme.my.salesforce.com.evil.example",
        "user@acme.my.salesforce.com",
        "acme:443",
        "http://acme",
        "a" * 64,
        "ácme",
        "{name}",
    ],
)
def test_what_leads_elsewhere_is_none(written: str) -> None:
    assert my_domain(written) == ""
