"""What an operator sets: a slip is named, never passed over, and `.env.example` says all there is and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.settings import PREFIX, Look, Settings, SettingsRefused, read
from tests.house.tree import ROOT

EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
LINE = re.compile(r"^(?P<unset>#?)(?P<name>RELATCH_[A-Z0-9_]+)=(?P<value>.*)$", re.MULTILINE)
NEEDED = {
    "RELATCH_PUBLIC_URL": "https://relatch.acme.example",
    "RELATCH_SLACK_BOT_TOKEN": "xoxb-canary-bot",
    "RELATCH_SLACK_APP_TOKEN": "xapp-canary-app",
    "RELATCH_SLACK_CLIENT_ID": "1.2",
    "RELATCH_SLACK_CLIENT_SECRET": "canary-client",
}
NOTHING: tuple[Any, ...] = ("", None, frozenset(), SecretStr(""))

TEN_FAULTS = """
RELATCH_PUBLIC_URL=http://relatch.acme.example
RELATCH_LISTEN=nowhere
RELATCH_SLACK_BOT_TOKEN=canary-bot
RELATCH_SLACK_APP_TOKN=xapp-canary-app
RELATCH_ADMIN_CHANNEL=#it-admin
RELATCH_GOOGLE_CLIENT_ID=canary-id
RELATCH_EXCHANGE_HOSTS=https://mail.acme.example
RELATCH_HTTPS_PROXY=svc:canary-proxy@proxy:3128
RELATCH_ACCESS_TYPES=google,outlook
RELATCH_LOG_LEVEL=LOUD
RELATCH_CA_BUNDLE=nowhere.pem
RELATCH_SALESFORCE_MY_DOMAIN_URL=https://acme.my.salesforce.com
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the bot is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    return tmp_path


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def faults() -> list[str]:
    with pytest.raises(SettingsRefused) as refused:
        read(Settings)
    return refused.value.faults


def test_ten_faults_in_one_file_are_named_together_and_no_value_is(folder: Path) -> None:
    (folder / ".env").write_text(TEN_FAULTS)
    told = faults()
    for name in re.findall(r"^(RELATCH_\w+)=", TEN_FAULTS.replace("CLIENT_ID", "CLIENT_SECRET"), re.MULTILINE):
        assert sum(fault.startswith(f"{name} ") for fault in told) == 1, name
    assert "canary" not in " ".join(told)


@pytest.mark.usefixtures("needed")
def test_a_misspelt_name_is_never_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "relatch_google_client_secrt").write_text("x")
    (folder / ".env").write_text("RELATCH_ADMIN_CHANEL=C0ITADMIN\nSOMEBODY_ELSES=1\n")
    (folder / "relatch.toml").write_text('compny = "Acme"\nRELATCH_PRODUCT = "Deskmate"\n')
    monkeypatch.setenv("RELATCH_HTTP_PROXY", "http://proxy:3128")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets))
    assert faults() == [
        "RELATCH_HTTP_PROXY in the environment is not a setting: did you mean RELATCH_HTTPS_PROXY?",
        "RELATCH_ADMIN_CHANEL in .env is not a setting: did you mean RELATCH_ADMIN_CHANNEL?",
        f"RELATCH_GOOGLE_CLIENT_SECRT in {secrets} is not a setting: did you mean RELATCH_GOOGLE_CLIENT_SECRET?",
        "RELATCH_PRODUCT in relatch.toml is not a setting: did you mean product?",
        "compny in relatch.toml is not a setting: did you mean company?",
    ]


@pytest.mark.usefixtures("needed")
def test_what_kubernetes_adds_for_a_service_of_that_name_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR"):
        monkeypatch.setenv(f"RELATCH_{name}", "10.0.0.1")
    assert read(Settings).public_url == NEEDED["RELATCH_PUBLIC_URL"]


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("relatch.toml", b"company = Acme", "relatch.toml cannot be read"),
        ("relatch.toml", b"\xff\xfe", "cannot be read"),
        (".env", b"RELATCH_COMPANY=\xff\xfe", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault_too(folder: Path, name: str, content: bytes, said: str) -> None:
    (folder / name).write_bytes(content)
    [fault] = faults()
    assert said in fault


def test_secrets_are_read_from_files_and_never_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NEEDED.items():
        (folder / name.lower()).write_text(f"{value}\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    monkeypatch.setenv("RELATCH_HTTPS_PROXY", "http://svc:canary-proxy@proxy:3128")
    settings = read(Settings)
    assert settings.slack_bot_token.get_secret_value() == "xoxb-canary-bot"
    assert "canary" not in repr(settings)
    assert "canary" not in str(settings)


def test_the_manifest_needs_one_setting_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELATCH_PUBLIC_URL", NEEDED["RELATCH_PUBLIC_URL"])
    assert read(Look).product == "Relatch"


@pytest.mark.usefixtures("needed")
def test_whoever_has_no_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELATCH_DATABASE", "~nobody-of-that-name/relatch.db")
    assert faults() == ["RELATCH_DATABASE must be set, because whoever runs this has no home directory"]


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "127.0.0.1:99999"),
        ("LISTEN", "8080"),
        ("ADMIN_IDS", "U0ADA,@bob"),
        ("ADMIN_GROUP", "it-admins"),
        ("HTTPS_PROXY", "proxy.acme.example:3128"),
        ("HTTPS_PROXY", "https://proxy.acme.example:3128"),
        ("HEARTBEAT_URL", "http://watch.acme.example/1"),
        ("MICROSOFT_CLIENT_SECRET", "alone"),
        ("MICROSOFT_CLIENT_ID", "alone"),
        ("SALESFORCE_CLIENT_ID", "alone"),
        ("EXCHANGE_HOSTS", "Mail.Acme.Example"),
        ("EXCHANGE_URL", "https://elsewhere.example/EWS"),
        ("MICROSOFT_CERTIFICATE", "nowhere.pem"),
        ("GOOGLE_ISSUER", "accounts.google.com"),
        ("PUBLIC_URL", "https://relatch.acme.example/path"),
        ("CLOCK_FILE", "clock"),
    ],
)
def test_a_value_that_cannot_work_is_one_fault(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    assert len(faults()) == 1


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(("app", "signing"), [("xapp-canary-app", "canary-signing"), ("", "")], ids=["both", "none"])
def test_there_is_one_way_in_for_slack(monkeypatch: pytest.MonkeyPatch, app: str, signing: str) -> None:
    monkeypatch.setenv("RELATCH_SLACK_APP_TOKEN", app)
    monkeypatch.setenv("RELATCH_SLACK_SIGNING_SECRET", signing)
    [fault] = faults()
    for words in ("RELATCH_SLACK_SIGNING_SECRET or RELATCH_SLACK_APP_TOKEN", "Socket Mode", "/slack/events"):
        assert words in fault
    assert "canary" not in fault


@pytest.mark.usefixtures("needed")
def test_the_signing_secret_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELATCH_SLACK_APP_TOKEN", "")
    monkeypatch.setenv("RELATCH_SLACK_SIGNING_SECRET", "canary-signing")
    settings = read(Settings)
    assert settings.slack_signing_secret.get_secret_value() == "canary-signing"
    assert "canary" not in repr(settings)


# The example


def test_the_example_names_every_setting_once_and_nothing_else() -> None:
    assert sorted(line["name"] for line in LINE.finditer(EXAMPLE)) == sorted(
        PREFIX + name.upper() for name in Settings.model_fields
    )


def test_the_example_leaves_open_what_there_must_be_and_holds_no_secret() -> None:
    open_ones = {line["name"]: line["value"] for line in LINE.finditer(EXAMPLE) if not line["unset"]}
    assert open_ones == dict.fromkeys(NEEDED, "")


@pytest.mark.usefixtures("needed")
@pytest.mark.parametrize(
    "line", [line for line in LINE.finditer(EXAMPLE) if line["unset"]], ids=lambda line: line["name"]
)
def test_the_example_shows_what_holds_while_a_setting_is_unset(
    monkeypatch: pytest.MonkeyPatch, line: re.Match[str]
) -> None:
    field = line["name"].removeprefix(PREFIX).lower()
    unset = getattr(read(Settings), field)
    if not line["value"]:
        assert unset in NOTHING
        return
    monkeypatch.setenv(line["name"], line["value"])
    assert getattr(read(Settings), field) == unset


def test_a_copy_of_the_example_that_is_filled_in_is_taken(folder: Path) -> None:
    filled = LINE.sub(lambda line: f"{line['name']}={NEEDED.get(line['name'], line['value'])}", EXAMPLE)
    (folder / ".env").write_text(filled)
    assert read(Settings).company == "your company"
