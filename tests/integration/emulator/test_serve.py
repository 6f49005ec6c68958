from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest

from tuturuuu_jobs.commands.emulator import serve
from tuturuuu_jobs.errors import SettingsError

SERVE = [sys.executable, "-m", "tuturuuu_jobs", "emulator", "serve"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_names_its_addresses_and_runs_until_a_signal(number: signal.Signals) -> None:
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        with urlopen(facts["control_url"]) as answer:
            assert answer.status == 200
        assert facts["client_id"]
        assert facts["api_url"].endswith("/calendar/v3/")
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*SERVE, "--port", str(port)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 78
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr


def test_without_dateutil_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dateutil", None)
    with pytest.raises(SettingsError) as caught:
        serve()
    assert caught.value.hint is not None
    assert "tuturuuu-jobs[demo]" in caught.value.hint
