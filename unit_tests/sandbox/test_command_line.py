import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sandbox import Fault, Label, Limit
from sandbox.__main__ import main, make_parser, options_from
from sandbox.limits import OtherUse

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("number", "flags", "secret"),
    [(signal.SIGTERM, [], "account_id"), (signal.SIGINT, ["--oauth"], "refresh_token")],
)
def test_serves_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals, flags: list[str], secret: str) -> None:
    file = tmp_path / "config.json"
    command = [sys.executable, "-m", "sandbox", "--users", "3", "--write-config", str(file), *flags]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    with subprocess.Popen(  # noqa: S603  (our own command)
        command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environment
    ) as process:
        try:
            assert process.stdout
            first_line = process.stdout.readline()
            config = json.loads(file.read_text(encoding="utf-8"))
            url = first_line.removeprefix("Sandbox listening on ").strip()
            told = requests.get(f"{url}/_sandbox/expected/users", timeout=10).json()
        finally:
            process.send_signal(number)
            code = process.wait(timeout=10)

    assert config["api_url"] == f"{url}/v2"
    assert set(config["credentials"]) == {"auth_type", "client_id", "client_secret", secret}
    assert told["count"] == 3 + 1
    assert code == 0


def test_every_option_arrives() -> None:
    arguments = [
        *("--seed", "7", "--today", "2026-03-01", "--users", "9", "--meetings", "8", "--registrants", "1-2"),
        *("--registration-percent", "50", "--polls", "1", "--channels", "2", "--no-oddities", "--without", "polls"),
        *("--limits", "pro", "--limit", "light=3/s", "--retry-after", "4", "--token-lifetime", "60", "--single-token"),
        *("--other-use", "60:20/10"),
        *("--scopes", "user:read:admin,meeting:read:admin", "--missing-scope-status", "403"),
        *("--sessions-per-host", "11", "--session-months", "3", "--hosting-percent", "40", "--participants", "3-4"),
        *("--report-zone", "UTC+9", "--report-to", "exclusive", "--report-delay-seconds", "60", "--without", "history"),
        *("--webinars", "4", "--webinar-hosts-percent", "70"),
        *("--report-border", "days", "--report-old", "clamp", "--report-future", "0"),
        *("--answers-delay-seconds", "7", "--history-names-gone"),
        *("--settle-seconds", "30", "--history-page-size", "31"),
        *("--page-token-lifetime", "5", "--page-cap", "6", "--latency", "0.5", "--fault", "slow:path=/users,seconds=1"),
    ]

    options = options_from(make_parser().parse_args(arguments))

    assert (options.seed, str(options.today), options.users, options.meetings) == (7, "2026-03-01", 9, 8)
    assert (options.registrants, options.registration_percent) == ((1, 2), 50)
    assert (options.polls, options.channels, options.oddities) == (1, 2, False)
    assert options.without == frozenset({"polls", "history"})
    assert (options.sessions_per_host, options.session_months, options.hosting_percent) == (11, 3, 40)
    assert options.participants == (3, 4)
    assert (options.webinars, options.webinar_hosts_percent) == (4, 70)
    assert (options.report_zone, options.report_to, options.report_delay_seconds) == ("UTC+9", "exclusive", 60.0)
    assert (options.report_border, options.report_old, options.report_future) == ("days", "clamp", 0)
    assert (options.answers_delay_seconds, options.history_names_gone) == (7.0, True)
    assert (options.settle_seconds, options.history_page_size) == (30.0, 31)
    assert (options.plan, options.limits, options.retry_after) == ("pro", {Label.LIGHT: Limit(3)}, 4)
    assert options.other_use == OtherUse(60, on=20, off=10)
    assert (options.token_lifetime, options.single_token) == (60.0, True)
    assert (options.scopes, options.missing_scope_status) == (("user:read:admin", "meeting:read:admin"), 403)
    assert (options.page_token_lifetime, options.page_cap, options.latency) == (5.0, 6, 0.5)
    assert options.faults == (Fault("slow", path="/users", seconds=1.0),)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--fault", "bogus"],
        ["--limit", "medium"],
        ["--registrants", "5-2"],
        ["--users", "-1"],
        ["--page-cap", "0"],
        ["--limits", "gold"],
        ["--participants", "1-5"],
        ["--session-months", "-1"],
        ["--report-zone", "Mars"],
        ["--report-zone", "UTC+15"],
        ["--report-future", "-1"],
        ["--fault", "refuse:answer=nothing"],
        ["--fault", "uuid-broken:index=100000"],
    ],
)
def test_bad_arguments_are_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)

    assert exit_.value.code == 2
    assert "error: " in capsys.readouterr().err
