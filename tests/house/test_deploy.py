"""The image and the service, read as files: no Docker and no booted systemd is needed. What they run is run."""

from __future__ import annotations

import fnmatch
import re
import shutil
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bot.settings import PREFIX, Settings
from tests.house.test_lock import NEEDED, PINNED, addressed, names
from tests.house.tree import PRODUCT, ROOT

DEPLOY = ROOT / "deploy"
LOCK = {each["name"]: each["rest"] for each in PINNED.finditer((ROOT / "requirements.lock").read_text("utf-8"))}
RUNTIME = (DEPLOY / "requirements.lock").read_text("utf-8")
UNIT = (DEPLOY / "relatch.service").read_text("utf-8")
ANALYZE = shutil.which("systemd-analyze") or ""
KNOWN = {PREFIX + name.upper() for name in Settings.model_fields}


def instructions() -> list[tuple[str, str]]:
    """What the Dockerfile says, one line for each."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in whole.splitlines() if line)]


def said(word: str) -> list[str]:
    return [rest for each, rest in instructions() if each == word]


# The lock of what runs


def test_the_image_gets_what_the_lock_has_by_the_same_hash() -> None:
    runtime = {each["name"]: each["rest"] for each in PINNED.finditer(RUNTIME)}
    differ = [name for name, rest in runtime.items() if hashes(rest) != hashes(LOCK.get(name, ""))]
    assert differ == []


def hashes(rest: str) -> set[str]:
    return set(re.findall(r"sha256:\w+", rest)) | set(re.findall(r"^[^\s;]+", rest))


def test_the_image_gets_all_that_the_product_needs_and_no_tool_of_ours() -> None:
    runtime = {each["name"] for each in PINNED.finditer(RUNTIME)}
    assert names(NEEDED) | {"setuptools"} <= runtime
    assert runtime & {"pytest", "mypy", "ruff", "playwright", "hypothesis", "trustme"} == set()
    assert addressed(RUNTIME) == []


# The image


def test_it_is_made_in_two_stages_from_slim_debian() -> None:
    assert [base.partition(" ")[0] for base in said("FROM")] == ["python:3.13-slim"] * 2
    required = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["requires-python"]
    assert required == ">=3.11"


def test_nothing_is_fetched_without_its_hash() -> None:
    installs = [step for run in said("RUN") for step in run.split("&&") if " pip install" in step]
    assert installs
    assert [step for step in installs if "--require-hashes" not in step and "--no-deps" not in step] == []
    assert [step for step in installs if "--no-deps" in step and "--no-build-isolation" not in step] == []


def test_the_builder_gets_the_product_and_nothing_that_is_kept_out() -> None:
    sources = [source for rest in said("COPY") if "--from" not in rest for source in rest.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert set(PRODUCT) <= set(sources)
    assert [source for source in sources if is_ignored(source)] == []
    assert [name for name in (".env", ".git", "data", "keys", "relatch.toml", "tests") if not is_ignored(name)] == []


def is_ignored(name: str) -> bool:
    """The last line that fits decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and fnmatch.fnmatch(name, line.removeprefix("!")):
            ignored = not line.startswith("!")
    return ignored


def test_it_runs_as_nobody_in_particular_with_data_and_keys_apart() -> None:
    words = [word for word, _ in instructions()]
    assert said("USER") == ["relatch"]
    assert "RUN" not in words[words.index("USER") :]
    assert said("VOLUME") == ['["/data", "/keys"]']
    assert any("-m 0700 -o relatch" in run and "/data /keys" in run for run in said("RUN"))
    assert said("STOPSIGNAL") == ["SIGTERM"]
    assert said("CMD") == ['["relatch", "run"]']


def test_what_it_sets_are_settings_and_point_into_the_volumes() -> None:
    given = dict(re.findall(r"(RELATCH_\w+)=(\S+)", " ".join(said("ENV"))))
    assert given.keys() <= KNOWN
    assert given["RELATCH_DATABASE"].startswith("/data/")
    assert given["RELATCH_KEYSET"].startswith("/keys/")


class Health(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is read by people."""


@pytest.fixture
def healthy() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "well"), [(200, True), (503, False)])
def test_its_look_at_the_health_tells_well_from_ill(
    healthy: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, well: bool
) -> None:
    monkeypatch.setattr(Health, "status", status)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    [line] = said("HEALTHCHECK")
    code = re.search(r'"-c", "(.*)"\]$', line)
    assert code is not None
    with pytest.raises(SystemExit) as ended:
        exec(compile(code[1].replace("8080", str(healthy.server_port)), "HEALTHCHECK", "exec"), {})  # noqa: S102 - it is what Docker would run
    assert (not ended.value.code) is well


# The service


def directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_the_service_is_given_its_secrets_as_files_and_its_time_to_end() -> None:
    unit = directives()
    # systemd names the files of a folder <id>_<file>, which is how the settings are named.
    assert unit["LoadCredential"] == [f"{PREFIX.lower().rstrip('_')}:/etc/relatch/secrets"]
    assert unit["TimeoutStopSec"] == ["45"]
    assert unit["Restart"] == ["on-failure"]
    assert unit["NoNewPrivileges"] == ["yes"]
    assert unit["ProtectSystem"] == ["strict"]


def test_what_the_service_sets_are_settings_and_data_and_keys_are_apart() -> None:
    given = dict(re.findall(r"(RELATCH_\w+)=(\S+)", UNIT))
    assert given.keys() <= KNOWN
    folders = {Path(given[name]).parent.name for name in ("RELATCH_DATABASE", "RELATCH_KEYSET")}
    assert folders == {"relatch", "relatch-keys"}
    assert directives()["StateDirectory"] == ["relatch relatch-keys"]


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed")
def test_systemd_finds_no_fault_and_little_exposure(tmp_path: Path) -> None:
    unit = tmp_path / "relatch.service"
    unit.write_text(re.sub(r"^ExecStart=.*$", f"ExecStart={shutil.which('true')}", UNIT, flags=re.MULTILINE))
    checked = subprocess.run([ANALYZE, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert [line for line in checked.stderr.splitlines() if "relatch" in line] == []
    looked = [ANALYZE, "security", "--offline=yes", "--threshold=15", str(unit)]
    exposed = subprocess.run(looked, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout[-300:]
