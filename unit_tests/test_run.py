"""The command line as another process sees it: output, exit codes, signals."""

from __future__ import annotations

import itertools
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import ConnectorSpecificationSerializer

from source_zoom import SourceZoom
from unit_tests.fake_zoom import CLIENT_SECRET, CONFIG
from unit_tests.zoom_server import ZoomServer, serving

pytestmark = pytest.mark.usefixtures("loopback")

ROOT = Path(__file__).parents[1]
CODE = "from source_zoom.run import main; main()"
COMMAND = [sys.executable, "-c", CODE]
PATIENCE_SECONDS = 20
PROMPT_SECONDS = 3

USERS = {
    "stream": {"name": "users", "json_schema": {}, "supported_sync_modes": ["full_refresh"]},
    "sync_mode": "full_refresh",
    "destination_sync_mode": "overwrite",
}
CATALOG = {"streams": [USERS]}


@dataclass
class Run:
    """What a process printed and how it ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == type_]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [message["trace"]["error"] for message in self.of_type("TRACE") if message["trace"]["type"] == "ERROR"]

    @property
    def logged_levels(self) -> set[str]:
        return {message["log"]["level"] for message in self.of_type("LOG")}


Files = Callable[..., list[str]]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Write each argument to a file; return the options that name the files."""

    def write(**contents: Any) -> list[str]:
        options: list[str] = []
        for name, content in contents.items():
            path = tmp_path / f"{name}.json"
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
            options += [f"--{name}", str(path)]
        return options

    return write


def run(*args: str, before: str = "", **environment: str) -> Run:
    """Run the command.

    :param before: code to run before
    """
    done = subprocess.run(  # noqa: S603 - this project's own command
        [sys.executable, "-c", f"{before}\n{CODE}", *args],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*args: str, **kwargs: Any) -> Iterator[subprocess.Popen[str]]:
    """A running process, which does not outlive the test."""
    with subprocess.Popen(  # noqa: S603 - this project's own command
        [*COMMAND, *args], cwd=ROOT, text=True, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)  # between two looks


def test_spec_prints_the_one_message_that_the_cdk_would() -> None:
    done = run("spec")

    [message] = done.messages
    assert message["type"] == "SPEC"
    specification = SourceZoom().spec(logging.getLogger("airbyte"))
    assert ConnectorSpecificationSerializer.load(message["spec"]) == specification
    assert (done.exit_code, done.stderr) == (0, "")


def test_spec_does_not_wait_for_the_cdk_to_be_imported() -> None:
    code = "import sys; from source_zoom.run import main; main(['spec']); sys.exit('airbyte_cdk' in sys.modules)"
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 - likewise


# Bad input

NO_FILE = "no-such-file.json"


@pytest.mark.parametrize(
    ("command", "contents", "options", "said"),
    [
        ("check", {}, ["--config", NO_FILE], f"The config file {NO_FILE} cannot be read"),
        ("discover", {"config": '{"credentials": '}, [], "is not valid JSON"),
        ("check", {"config": []}, [], "must hold a JSON object"),
        ("read", {"config": {**CONFIG, "num_workers": 1}, "catalog": CATALOG}, [], "`num_workers` must be"),
        ("read", {"config": CONFIG, "catalog": {"streams": [{"stream": 7}]}}, [], "is not a configured catalog"),
        ("read", {"config": CONFIG, "catalog": CATALOG, "state": {"users": {}}}, [], "is not a list of Airbyte state"),
    ],
)
def test_bad_input_is_one_error_with_one_sentence(
    command: str, contents: Mapping[str, Any], options: list[str], said: str, files: Files
) -> None:
    done = run(command, *files(**contents), *options)

    assert done.exit_code == 1
    [error] = done.errors
    assert said in error["message"]
    assert error["failure_type"] == "config_error"
    assert "\n" not in error["message"]
    assert done.of_type("RECORD") == done.of_type("CONNECTION_STATUS") == done.of_type("CATALOG") == []
    assert done.logged_levels <= {"INFO"}
    assert "Traceback" not in json.dumps(done.of_type("LOG"))
    assert done.stderr == ""
    assert CLIENT_SECRET not in done.stdout


def test_stream_there_is_not_is_an_error_of_its_own_and_the_end_of_the_sync(files: Files) -> None:
    unknown = {**USERS, "stream": {**USERS["stream"], "name": "files"}}  # type: ignore[dict-item]

    done = run("read", *files(config=CONFIG, catalog={"streams": [unknown]}))

    assert done.exit_code == 1
    own, last = done.errors
    assert own["stream_descriptor"]["name"] == "files"
    assert own["message"].startswith("The catalog selects 'files', which this connector does not have.")
    assert last["message"] == "These streams are incomplete: files. The error of each says why."
    assert own["failure_type"] == last["failure_type"] == "config_error"
    assert done.stderr == ""


def test_check_of_a_bad_value_is_a_failed_connection_and_a_success_of_the_command(files: Files) -> None:
    done = run("check", *files(config={**CONFIG, "rate_limit_plan": "gold"}))

    [message] = done.of_type("CONNECTION_STATUS")
    assert message["connectionStatus"]["status"] == "FAILED"
    assert message["connectionStatus"]["message"].startswith("`rate_limit_plan` must be one of ")
    assert done.exit_code == 0
    assert done.of_type("TRACE") == []
    assert done.logged_levels <= {"INFO"}
    assert CLIENT_SECRET not in done.stdout


# What the computer may lack


def one_user(target: str, **fields: str) -> dict[str, Any]:
    """The answer of an account with one user, who is active."""
    users = [{"id": "1", **fields}] if "status=active" in target else []
    return {"users": users, "next_page_token": ""}


GREETING = "Grüße, 東京 \U0001f600"


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({"PYTHONIOENCODING": "ascii"}, []),
        ({"PYTHONIOENCODING": "ascii"}, ["--debug"]),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, []),
    ],
)
def test_output_is_utf_8_whatever_the_locale(environment: dict[str, str], options: list[str], files: Files) -> None:
    with serving(lambda target: one_user(target, display_name=GREETING)) as server:
        config = {**server.config, GREETING: "is not known"}
        done = run("read", *files(config=config, catalog=CATALOG), *options, **environment)

    assert (done.exit_code, done.stderr) == (0, "")
    [record] = done.of_type("RECORD")
    assert record["record"]["data"]["display_name"] == GREETING
    assert any(GREETING in message["log"]["message"] for message in done.of_type("LOG"))


@pytest.mark.parametrize("command", ["spec", "discover"])
def test_closed_standard_output_is_said_in_a_line(command: str, files: Files) -> None:
    options = [] if command == "spec" else files(config=CONFIG)
    shell = ["sh", "-c", 'exec "$@" >&-', "sh"]
    done = subprocess.run(  # noqa: S603 - likewise
        [*shell, *COMMAND, command, *options], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "source-zoom: standard output is closed, and all messages go there\n"


@pytest.mark.parametrize("command", ["spec", "discover"])
def test_standard_output_that_is_open_for_reading_only_is_said_in_a_line(
    command: str, files: Files, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as unwritable:
        options = [] if command == "spec" else files(config=CONFIG)
        done = subprocess.run(  # noqa: S603 - likewise
            [*COMMAND, command, *options],
            cwd=ROOT,
            stdout=unwritable,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "source-zoom: nothing more can be written: Bad file descriptor\n"


def test_no_temporary_folder_is_needed(files: Files) -> None:
    """As where the file system is read-only."""
    no_folder = "import tempfile; tempfile._candidate_tempdir_list = lambda: []"
    with serving(one_user) as server:
        done = run("read", *files(config=server.config, catalog=CATALOG), before=no_folder)

    assert len(done.of_type("RECORD")) == 1
    assert (done.exit_code, done.stderr, done.errors) == (0, "", [])


@pytest.mark.parametrize("allowed", [0, 2, 5])
def test_threads_that_cannot_start_are_one_error_that_names_the_setting(allowed: int, files: Files) -> None:
    few_threads = f"""
import threading
start, left = threading.Thread.start, [{allowed}]
def limited(thread):
    if not left[0]:
        raise RuntimeError("can't start new thread")
    left[0] -= 1
    start(thread)
threading.Thread.start = limited
"""
    with serving(lambda _: {"users": [{"id": "1"}], "next_page_token": ""}) as server:
        config = {**server.config, "num_workers": 50}
        done = run("read", *files(config=config, catalog=CATALOG), before=few_threads)

    assert (done.exit_code, done.stderr) == (1, "")
    [error] = done.errors
    assert "lower `num_workers`" in error["message"]
    assert error["failure_type"] == "config_error"
    assert "Traceback" not in json.dumps(done.of_type("LOG"))


# Debugging


def test_debug_output_names_no_e_mail_address(files: Files) -> None:
    code = """
from source_zoom import SourceZoom
before = SourceZoom.check_connection
def check_connection(self, logger, config):
    for address in ("ann.o'hara@example.com", "ben%40example.com"):
        logger.debug("GET %s", f"https://127.0.0.1/v2/report/users/{address}/meetings?from=2026-01-31")
    logger.warning("host cleo@example.com")
    return before(self, logger, config)
SourceZoom.check_connection = check_connection
"""
    with serving(lambda _: {"users": [], "next_page_token": ""}) as server:
        done = run("check", *files(config=server.config), "--debug", before=code)

    shown = [message["message"] for message in done.of_type("DEBUG")]
    assert shown.count("GET https://127.0.0.1/v2/report/users/****/meetings?from=2026-01-31") == 2
    assert not any("example.com" in line for line in shown)
    assert "host cleo@example.com" in [message["log"]["message"] for message in done.of_type("LOG")]


# Signals and pipes


def endless_users() -> Callable[[str], Any]:
    """Answer with page after page, each of 300 users and a token of its own."""
    pages = itertools.count(1)

    def answer(_: str) -> Any:
        page = next(pages)
        users = [{"id": f"{page}-{number}", "display_name": "x" * 200} for number in range(300)]
        return {"users": users, "next_page_token": str(page)}

    return answer


@pytest.fixture
def endless() -> Iterator[ZoomServer]:
    with serving(endless_users()) as server:
        yield server


@pytest.mark.parametrize("command", ["check", "read"])
def test_sigterm_while_zoom_keeps_silent_ends_the_process_at_once(command: str, files: Files) -> None:
    released = threading.Event()
    with serving(lambda _: {"users": [], "waited": released.wait(PATIENCE_SECONDS)}) as server:
        inputs = files(config=server.config, **({"catalog": CATALOG} if command == "read" else {}))
        with started(command, *inputs) as process:
            wait_until(lambda: bool(server.targets))
            process.terminate()
            stdout, stderr = process.communicate(timeout=PROMPT_SECONDS)
            released.set()

    assert process.returncode == 128 + signal.SIGTERM
    assert all(json.loads(line) for line in stdout.splitlines())
    assert stderr == ""


def wait_until_stalled(server: ZoomServer) -> None:
    """Wait until the process asks for no more pages because nobody takes its rows."""

    def stalled() -> bool:
        before = len(server.targets)
        time.sleep(0.3)  # a process that goes on asks for a page within that
        return 0 < before == len(server.targets)

    wait_until(stalled)


def test_sigterm_in_the_middle_of_a_line_ends_the_process_after_it(endless: ZoomServer, files: Files) -> None:
    with started("read", *files(config=endless.config, catalog=CATALOG), stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        wait_until_stalled(endless)
        process.terminate()
        output = process.stdout.read()

        assert process.wait(timeout=PROMPT_SECONDS) == 128 + signal.SIGTERM

    assert output.endswith("\n")
    assert '"RECORD"' in output
    assert all(json.loads(line) for line in output.splitlines())


def test_sigint_ends_the_process_without_a_stack(endless: ZoomServer, files: Files) -> None:
    with started("read", *files(config=endless.config, catalog=CATALOG)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        list(itertools.islice(process.stdout, 2000))
        process.send_signal(signal.SIGINT)
        process.stdout.read()

        assert process.wait(timeout=PROMPT_SECONDS) == 128 + signal.SIGINT
        assert process.stderr.read() == ""


def test_sigterm_before_the_command_runs_ends_the_process() -> None:
    """As the first process of a container it would be ignored without a handler."""
    code = (
        "import os, signal; from source_zoom import run\n"
        "run._run = lambda _: os.kill(os.getpid(), signal.SIGTERM)\n"
        "run.main(['check'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)  # noqa: S603 - likewise
    assert done.returncode == 128 + signal.SIGTERM


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["spec", "discover"])
def test_full_disk_is_said_in_a_line(command: str, files: Files) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - not a path to work with
        options = [] if command == "spec" else files(config=CONFIG)
        process = subprocess.run(  # noqa: S603 - likewise
            [*COMMAND, command, *options], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert process.returncode == 1
    assert process.stderr == "source-zoom: nothing more can be written: No space left on device\n"


def test_second_sigterm_ends_the_process_even_if_nobody_reads(endless: ZoomServer, files: Files) -> None:
    with started("read", *files(config=endless.config, catalog=CATALOG)) as process:
        wait_until_stalled(endless)
        process.terminate()
        time.sleep(0.2)  # the first one is being waited for then
        process.terminate()

        assert process.wait(timeout=PROMPT_SECONDS) == 128 + signal.SIGTERM


def test_consumer_that_closes_the_pipe_ends_the_process_quietly(endless: ZoomServer, files: Files) -> None:
    with started("read", *files(config=endless.config, catalog=CATALOG)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        list(itertools.islice(process.stdout, 2000))
        process.stdout.close()

        assert process.wait(timeout=PROMPT_SECONDS) == 1
        assert process.stderr.read() == ""


def test_pipe_closed_from_the_start_ends_the_process_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started("spec", stdout=writing) as process:
        os.close(writing)
        assert process.stderr is not None

        assert process.wait(timeout=PATIENCE_SECONDS) == 1
        assert process.stderr.read() == ""
