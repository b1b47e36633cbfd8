"""Each guard of this folder, in a small size and without its control: it must fail. So nobody has to trust them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.sandbox.child import CHECKOUT

# The control that is left out, the test that must notice, and a word of what it says then.
GUARDS = {
    "shape": ("test_slack_requests.py", "nothing_that_was_changed", "assert [("),
    "signature": ("test_slack_requests.py", "nothing_that_was_changed", "assert [("),
    "copies": ("test_slack_requests.py", "within_five_minutes", "a copy is acknowledged like any other"),
    "seen": ("test_slack_requests.py", "after_a_restart", "Differing items"),
    "permission": ("test_permissions.py", "the_rule_says", "expected refused, found"),
    "browser_binding": ("test_linking.py", "foreign_cookie and google", "assert 'Done"),
    "identity": ("test_linking.py", "another_person_is_not_linked and google", "assert 'Done"),
    "single_use": ("test_links.py", "exactly_one_wins", "the code was sent to the vendor twice"),
    "inert_links": ("test_links.py", "crawlers", "a look has made something"),
    "allow_list": ("test_ssrf.py", "ssrf_by_a_typed or ssrf_by_a_my_domain", "assert ["),
    "peer_check": ("test_ssrf.py", "ssrf_by_dns and this", "assert not True"),
    "redirects": ("test_ssrf.py", "ssrf_by_a_redirect and google", "assert ["),
    "size_cap": ("test_bombs.py", "google", "MB more"),
    "redaction": ("test_canaries.py", "log", "assert ["),
    "sealing": ("test_canaries.py", "database", "assert ["),
}


def run(file: str, select: str, control: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", f"tests/faults/edge/{file}", "-k", select, "-q", "-x"]
    command += ["-p", "no:cacheprovider", "-p", "no:xdist", "--without-control", control, "-o", "timeout=300"]
    scale = {"FAULTS_SCALE": "0.01"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=CHECKOUT, env=os.environ | scale, check=False, timeout=330
    )


@pytest.mark.parametrize("control", GUARDS)
def test_a_guard_without_its_control_fails(control: str) -> None:
    file, select, words = GUARDS[control]
    ended = run(file, select, control)
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout[-3000:]
    failed = [line for line in ended.stdout.splitlines() if line.startswith("E ")]
    assert any(words in line for line in failed), f"it failed for another reason: {failed}"
