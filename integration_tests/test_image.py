"""The image, built by a real engine from the Dockerfile as it is, and run with the commands of the README."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from integration_tests.airbyte_cdk_cli import airbyte_cdk
from integration_tests.conftest import Serve
from integration_tests.connector import (
    CATALOG,
    INCREMENTAL,
    ROOT,
    STREAMS,
    Connector,
    Output,
    assert_exact,
    assert_readable,
    assert_rows,
    catalog_of,
    config_of,
    parsed,
)
from sandbox import Sandbox

README_IMAGE = "airbyte/source-zoom:dev"
"""The name in the README; the image built here gets one of its own."""
OFFICIAL_BASE: str = re.findall(r"^ARG BASE_IMAGE=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[0]
CODE = PurePosixPath("airbyte/integration_code")
PACKAGES = PurePosixPath("opt/source-zoom")
MOST_ADDED_BYTES = 250_000_000
GRACE_SECONDS = 10
TERMINATED = 143
LONG_READ: dict[str, Any] = {"users": 12, "sessions_per_host": 30, "latency": 0.2}
"""Of participants, with few workers: long enough for a state, which leaves every ten seconds."""
CLOSED_PORT = "http://127.0.0.1:9"

Result = subprocess.CompletedProcess[str]


def unavailable(reason: str) -> None:
    """Skip on a user's machine, and say why; CI has to have what these tests need."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(*arguments: str, folder: Path = ROOT, check: bool = True) -> Result:
    result = subprocess.run(arguments, cwd=folder, capture_output=True, encoding="utf-8", check=False)  # noqa: S603
    assert result.returncode == 0 or not check, result.stdout + result.stderr
    return result


def inspected(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("docker", "image", "inspect", image).stdout)[0]
    return found


def readme_commands() -> dict[str, str]:
    """The README's docker commands, each on one line, by what they do."""
    lines = re.sub(r"\s*\\\n\s*", " ", (ROOT / "README.md").read_text()).splitlines()
    return {purpose(line.split()): line for line in lines if line.startswith("docker ")}


def purpose(words: list[str]) -> str:
    verb = words[1] if words[1] != "run" else words[words.index(README_IMAGE) + 1]
    return f"{verb} again" if "--state" in words else verb


@pytest.fixture(scope="module")
def base() -> str:
    """The base image: that of the variable BASE_IMAGE, else the official one."""
    if sys.platform != "linux":
        unavailable("the image tests need Linux, where a container can have the loopback interface of its host")
    if shutil.which("docker") is None or run("docker", "version", check=False).returncode != 0:
        unavailable("the image tests need a running Docker engine")
    name = os.environ.get("BASE_IMAGE", OFFICIAL_BASE)
    if run("docker", "image", "inspect", name, check=False).returncode != 0:
        pull = run("docker", "pull", "--quiet", name, check=False)
        if pull.returncode != 0:
            unavailable(f"the image tests need the base image: {pull.stderr.strip()}")
    return name


@pytest.fixture(scope="module")
def image(base: str) -> Iterator[str]:
    """The image, built with the README's command."""
    name = f"local/source-zoom:{uuid.uuid4().hex[:12]}"
    command = readme_commands()["build"].replace("docker build", f"docker build --build-arg BASE_IMAGE={base}")
    run("bash", "-c", command.replace(README_IMAGE, name))
    yield name
    run("docker", "image", "rm", "--force", name)


Layers = dict[PurePosixPath, Callable[[], bytes]]


@pytest.fixture(scope="module")
def added(image: str, base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Layers]:
    """The files in the layers that the Dockerfile adds to its base, each with what reads it."""
    folder = tmp_path_factory.mktemp("image")
    run("docker", "save", "--output", str(folder / "image.tar"), image)
    files: Layers = {}
    with ExitStack() as stack:
        saved = stack.enter_context(tarfile.open(folder / "image.tar"))
        [manifest] = json.loads(content_of(saved, saved.getmember("manifest.json")))
        for name in manifest["Layers"][len(inspected(base)["RootFS"]["Layers"]) :]:
            layer = stack.enter_context(tarfile.open(fileobj=saved.extractfile(name)))
            files |= {
                PurePosixPath(member.name): partial(content_of, layer, member) for member in layer if member.isfile()
            }
        yield files
    shutil.rmtree(folder)


def content_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """The folder of the README's commands, which the image's user can read."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def as_in_readme(image: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> Callable[..., Output]:
    """Runs a command of the README where `secrets` is, in a container that has the loopback interface of its host."""

    def execute(verb: str) -> Output:
        command = readme_commands()[verb]
        here = command.replace("docker run", "docker run --network host").replace(README_IMAGE, image)
        started = time.monotonic()
        result = run("bash", "-c", here, folder=tmp_path, check=False)
        seconds = time.monotonic() - started
        record_property("image", f"{command}: exit code {result.returncode}, {seconds:.1f} s")
        file = re.search(r"> (\S+)$", command)
        text = (tmp_path / file[1]).read_text() if file else result.stdout
        return Output(parsed(text), result.returncode, text + result.stderr)

    return execute


@pytest.fixture
def container(image: str, tmp_path: Path) -> Callable[..., Connector]:
    """Makes a connector that runs in containers, which have the test's folder and the host's loopback interface."""
    tmp_path.chmod(0o755)

    def with_options(*options: str, network: str = "host") -> Connector:
        volume = f"{tmp_path}:{tmp_path}"
        return Connector(tmp_path, ("docker", "run", "--rm", "--network", network, "-v", volume, *options, image))

    return with_options


# Its commands


def test_readme_has_a_command_for_everything_the_image_does() -> None:
    assert list(readme_commands()) == ["build", "spec", "check", "discover", "read", "read again"]


def test_spec(as_in_readme: Callable[..., Output], connector: Connector) -> None:
    output = as_in_readme("spec")
    assert output.exit_code == 0
    assert output.messages == connector.run("spec").messages
    assert output.types() == ["SPEC"]


def test_check_and_discover(
    as_in_readme: Callable[..., Output], connector: Connector, secrets: Path, serve: Serve
) -> None:
    config = config_of(serve())
    (secrets / "config.json").write_text(json.dumps(config))
    check = as_in_readme("check")
    assert check.exit_code == 0
    assert check.types() == ["CONNECTION_STATUS"]
    assert check.of_type("CONNECTION_STATUS")[0]["connectionStatus"] == {"status": "SUCCEEDED"}

    discover = as_in_readme("discover")
    assert discover.exit_code == 0
    assert discover.types() == ["CATALOG"]
    assert discover.of_type("CATALOG") == connector.run("discover", config=config).of_type("CATALOG")


def test_read_delivers_every_row_and_the_next_one_what_is_new(
    as_in_readme: Callable[..., Output], secrets: Path, serve: Serve
) -> None:
    sandbox = serve()
    (secrets / "config.json").write_text(json.dumps(config_of(sandbox)))
    (secrets / "catalog.json").write_text(json.dumps(CATALOG))
    first = as_in_readme("read")
    assert first.exit_code == 0
    assert_exact(first, sandbox, STREAMS)

    new = set(sandbox.add_sessions(3))
    second = as_in_readme("read again")
    assert second.exit_code == 0
    assert {row["uuid"] for row in second.records("report_meetings")} >= new
    assert len(second.records("report_meetings")) < len(first.records("report_meetings"))
    for stream in STREAMS:
        assert_rows([first, second] if stream in INCREMENTAL else [second], sandbox, stream)


def test_read_needs_no_privileges_and_writes_to_tmp_only(container: Callable[..., Connector], serve: Serve) -> None:
    sandbox = serve()
    privileges = ("--cap-drop", "ALL", "--security-opt", "no-new-privileges")
    hardened = container("--read-only", "--tmpfs", "/tmp", *privileges)  # noqa: S108 - in the container
    output = hardened.run("read", config=config_of(sandbox), catalog=catalog_of("users", "report_meetings"))
    assert output.exit_code == 0
    assert_exact(output, sandbox, ("users", "report_meetings"))


def test_airbytes_way_to_start_it_is_the_entry_point(image: str) -> None:
    command = ("--entrypoint", "sh", image, "-c", 'eval "$AIRBYTE_ENTRYPOINT spec"')
    assert Output(parsed(run("docker", "run", "--rm", *command).stdout)).types() == ["SPEC"]


def test_airbytes_tests_of_images_pass(image: str, connector_folder: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    found = airbyte_cdk(
        "image",
        "test",
        connector_folder,
        "--image",
        image,
        folder=connector_folder,
        env={
            "PATH": f"{docker_with_loopback(tmp_path / 'bin')}:{os.environ['PATH']}",
            # Without a network the comparison with what Airbyte has published warns and skips.
            "PYTEST_ADDOPTS": "--read-from-streams=all -W ignore::UserWarning",
        },
    )
    assert found.pop("test_docker_image_spec_backward_compatibility").startswith("skipped")
    passed = {name for name, outcome in found.items() if not outcome}
    with_account = ("check", "config_matches_spec", "discover", "read")
    assert passed >= {
        "test_docker_image_build_and_spec",
        *(f"test_docker_image_build_and_{what}['config' Test Scenario]" for what in with_account),
    }
    assert sandbox.counters()["requests"] > len(STREAMS)


def docker_with_loopback(folder: Path) -> Path:
    """A folder for the path with a `docker` whose containers have the host's loopback interface, the sandbox's."""
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text(
        f"""#!/bin/sh
[ "$1" != run ] || {{ shift; set -- run --network host "$@"; }}
exec {shutil.which("docker")} "$@"
"""
    )
    docker.chmod(0o755)
    return folder


# What goes wrong


def test_bad_config_fails_check_with_a_status_and_read_with_an_exit_code(container: Callable[..., Connector]) -> None:
    config = {"credentials": {"auth_type": "server_to_server", "client_id": "a", "client_secret": "b"}}
    check = container().run("check", config=config)
    assert check.exit_code == 0
    status = check.of_type("CONNECTION_STATUS")[0]["connectionStatus"]
    assert status["status"] == "FAILED"
    assert "`credentials.account_id`" in status["message"]

    read = container().run("read", config=config, catalog=CATALOG)
    assert read.exit_code == 1
    assert read.types() == ["TRACE"]
    assert "`credentials.account_id`" in read.all_errors()[0]["message"]


def test_config_that_the_images_user_may_not_read_is_named(
    container: Callable[..., Connector], secrets: Path, serve: Serve
) -> None:
    file = secrets / "config.json"
    file.write_text(json.dumps(config_of(serve())))
    file.chmod(0)
    output = container().run("check", config=file)
    assert output.exit_code == 1
    assert output.types() == ["TRACE"]
    error = output.all_errors()[0]
    assert str(file) in error["message"]
    assert_readable(error)


def test_unreachable_api_fails_check_and_read_with_an_exit_code(
    container: Callable[..., Connector], serve: Serve
) -> None:
    files = {"config": config_of(serve(), api_url=f"{CLOSED_PORT}/v2"), "catalog": catalog_of("users")}
    with container().start("read", **files) as reading:
        check = container().run("check", config=files["config"])
        read = Output(parsed(reading.communicate()[0].decode()), reading.returncode)
    # Airbyte takes a failed status for a config error, after which it tries no more.
    assert check.exit_code == read.exit_code == 1
    assert check.of_type("CONNECTION_STATUS") == []
    [error] = check.all_errors()
    assert error["failure_type"] == "transient_error"
    assert_readable(error)
    assert read.statuses("users") == ["STARTED", "INCOMPLETE"]
    assert_readable(read.errors("users")[0])


def test_stop_in_mid_read_leaves_a_state_to_go_on_from(
    container: Callable[..., Connector], serve: Serve, record_property: Callable[[str, object], None]
) -> None:
    sandbox = serve(**LONG_READ)
    stream = "report_meeting_participants"
    files = {"config": config_of(sandbox, num_workers=4), "catalog": catalog_of(stream)}
    name = f"source-zoom-{uuid.uuid4().hex[:12]}"
    process = container("--name", name).start("read", **files)
    assert process.stdout is not None
    text = b""
    while b'"type":"STATE"' not in text:
        text += process.stdout.readline()
    started = time.monotonic()
    run("docker", "stop", "--time", str(GRACE_SECONDS), name)
    record_property("image", f"docker stop in mid-read: {time.monotonic() - started:.1f} s")
    text += process.communicate()[0]
    assert process.returncode == TERMINATED  # 137 for one that had to be killed
    whole, _, _ = text.rpartition(b"\n")
    stopped = Output(parsed(whole.decode() + "\n"))
    assert "COMPLETE" not in stopped.statuses(stream)

    rest = container().run("read", **files, state=stopped.last_states())
    assert rest.exit_code == 0
    assert_rows([stopped, rest], sandbox, stream)
    assert len(rest.records(stream)) < sum(int(rows) for _, rows in sandbox.expected_keys(stream))


# What it is


def test_image_says_what_it_is_and_runs_as_airbytes_user(image: str, base: str) -> None:
    config = inspected(image)["Config"]
    assert config["Entrypoint"] == ["python", f"/{CODE}/main.py"]
    assert not config["Cmd"]
    assert config["User"] == "airbyte"
    assert config["WorkingDir"] == f"/{CODE}"
    labels = {"io.airbyte.name": "airbyte/source-zoom", "io.airbyte.version": version()}
    assert config["Labels"].items() >= labels.items()
    variables = dict(variable.split("=", 1) for variable in config["Env"])
    inherited = dict(variable.split("=", 1) for variable in inspected(base)["Config"]["Env"])
    assert variables == {
        **inherited,
        "PATH": f"/{PACKAGES}/bin:{inherited['PATH']}",
        "AIRBYTE_ENTRYPOINT": " ".join(config["Entrypoint"]),
    }
    identity = run("docker", "run", "--rm", "--entrypoint", "id", image).stdout
    assert identity.startswith("uid=1000(airbyte)")


def test_image_holds_what_running_needs_and_nothing_else(added: Layers) -> None:
    code = {path.relative_to(CODE) for path in added if path.is_relative_to(CODE)}
    packages = {path.relative_to(PACKAGES) for path in added if path.is_relative_to(PACKAGES)}
    assert len(code) + len(packages) == len(added), "files are elsewhere too"

    sources = {path for path in code if "__pycache__" not in path.parts}
    tracked = run("git", "ls-files", "main.py", "LICENSE", "source_zoom").stdout.splitlines()
    assert sources == set(map(PurePosixPath, tracked))
    compiled = {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in code - sources}
    assert compiled == {path for path in sources if path.suffix == ".py"}

    assert {path.parts[0] for path in packages} <= {
        ".gitignore",
        "bin",
        "include",
        "lib",
        "lib64",
        "pyvenv.cfg",
        "share",
    }
    site = [path for path in packages if path.parts[2:3] == ("site-packages",)]
    tops = {path.parts[3] for path in site}
    assert "airbyte_cdk" in tops
    assert not any("tests" in path.parts for path in site)
    assert not tops & {"pip", "pytest", "wheel", "sandbox", "unit_tests", "integration_tests", "bench"}


def test_certificates_in_the_image_are_those_of_its_packages(added: Layers) -> None:
    digests: dict[PurePosixPath, str] = {}
    for path, content in added.items():
        if path.name == "RECORD":
            rows = csv.reader(io.StringIO(content().decode()))
            digests.update({path.parent.parent / row[0]: row[1] for row in rows})
    certificates = {path for path in added if path.suffix in {".cer", ".crt", ".key", ".p12", ".pem"}}
    assert certificates
    for path in certificates:
        digest = base64.urlsafe_b64encode(hashlib.sha256(added[path]()).digest()).rstrip(b"=").decode()
        assert digests[path] == f"sha256={digest}", path


def test_image_adds_little_to_its_base(image: str, base: str, record_property: Callable[[str, object], None]) -> None:
    whole, of_base = (inspected(name)["Size"] for name in (image, base))
    record_property("image", f"adds {(whole - of_base) / 1e6:.0f} MB to a base of {of_base / 1e6:.0f} MB")
    assert whole - of_base < MOST_ADDED_BYTES


def version() -> str:
    [found] = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return str(found)
