"""``python -m sandbox``: the sandbox on the command line."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import Field, fields
from pathlib import Path
from textwrap import TextWrapper
from typing import Any

from sandbox.embedded import Sandbox
from sandbox.faults import KINDS, TARGET, TARGET_HELP
from sandbox.options import SandboxOptions

_DEFAULTS = SandboxOptions()
_METAVARS: dict[Callable[[str], Any], str] = {int: "N", float: "SECONDS"}
_EFFECT = TextWrapper(120, initial_indent="      ", subsequent_indent="      ", break_on_hyphens=False)

_EXAMPLES = """\
examples:
  python -m sandbox --users 25 --write-config config.json
      a small account on a free port; source-zoom check --config config.json
  python -m sandbox --port 8100 --users 500 --meetings 20 --limits pro --latency 0.15
      a Pro account with realistic answers, to measure a sync
  python -m sandbox --limit medium=20/s,daily=500 --limit light=80/s
      limits of one's own
  python -m sandbox --fault http-500:rate=0.02 --fault unauthorized:at=100 --fault reset:rate=0.01
      a bad day
  python -m sandbox --fault refuse:path=/report/users/{userId}/meetings,user=3,answer=no-permission
      one host whose report is refused for good
  python -m sandbox --scopes user:read:admin,meeting:read:list_meetings:admin
      an app that lacks scopes

once it runs:
  curl URL/_sandbox/counters            requests, refusals, pace, repeated URLs
  curl -X POST URL/_sandbox/reset       counters back to zero
  curl URL/_sandbox/expected/meetings   primary keys of the rows a connector must deliver (?rows=true: the rows)
  curl URL/_sandbox/expected/report_meetings?one_participant=true&since=2026-03-01&hosts=all
      past sessions, here with those of one participant, from a UTC day on, of all users and not of active hosts only
  curl URL/_sandbox/expected/report_meeting_participants
      each session's UUID with its number of rows (?rows=true: the rows); likewise of report_webinar_participants,
      meeting_poll_results, webinar_poll_results and webinar_qna_results
  curl URL/_sandbox/sessions -d '{"count": 10, "user": 3, "type": "meeting", "ended_minutes_ago": 5, "participants": 4}'
      more past sessions, with poll results, and with a type of webinar also Q&A results and absentees;
      each setting may be left out; answers their UUIDs
  curl URL/_sandbox/objects             users, meetings, webinars and past sessions, to pick one to refuse
  curl URL/_sandbox/faults -d '[{"object": "UUID", "answer": "unauthorized"}]'
      refusals, or other faults of single objects, instead of those set before; [] clears them
  curl URL/_sandbox/faults              those faults, with how many calls of which path they hit

URL is what the first line of output says.
"""


def _range(text: str) -> tuple[int, int]:
    least, separator, most = text.partition("-")
    return int(least), int(most if separator else least)


def _fault_help() -> str:
    lines = [
        "",
        "faults (--fault NAME:key=value,...; [ ] may be left out;",
        "a path is a template such as /users/{userId}/meetings or any text of the URL):",
    ]
    for name, kind in KINDS.items():
        allows = sorted(kind.allows - TARGET if kind.is_targeted else kind.allows)
        settings = ",".join([*sorted(kind.needs), *(f"[{setting}]" for setting in allows)])
        lines += [f"  {name}:{settings}", _EFFECT.fill(kind.effect)]
    return "\n".join([*lines, "", TARGET_HELP])


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="An embedded Zoom on 127.0.0.1: OAuth and API with seeded data, rate limits and faults.",
        epilog=_EXAMPLES + _fault_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--write-config", type=Path, metavar="FILE", help="write a connector configuration there")
    parser.add_argument(
        "--oauth", action="store_true", help="that configuration has a refresh token instead of an account id"
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in fields(SandboxOptions):
        if option.metadata:
            title = option.metadata["group"]
            groups[title] = groups.get(title) or parser.add_argument_group(title)
            _add(groups[title], option, getattr(_DEFAULTS, option.name))
    return parser


def _add(group: argparse._ArgumentGroup, option: Field[Any], default: Any) -> None:
    """Add the argument of an option."""
    told, read = option.metadata["help"], option.metadata["read"] or type(default)
    how: dict[str, Any] = {"type": _explaining(read)}
    if read in _METAVARS and "choices" not in option.metadata["others"]:
        how["metavar"] = _METAVARS[read]
    if isinstance(default, bool):
        how = {"action": "store_false" if default else "store_true"}
    elif isinstance(default, Collection) and not isinstance(default, str) and not default:
        how["action"] = "append"
    elif isinstance(default, tuple):
        how = {"type": _explaining(_range), "metavar": "MIN-MAX"}
        told += " (default: {}-{})".format(*default)
    elif default is not None:
        told += f" (default: {default})"
    flag = option.metadata["flag"] or f"--{option.name.replace('_', '-')}"
    others = {"dest": option.name, "default": argparse.SUPPRESS, "help": told, **option.metadata["others"]}
    group.add_argument(flag, **how, **others)


def _explaining(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse say why a value cannot be read."""

    def reader(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return reader


def options_from(arguments: argparse.Namespace) -> SandboxOptions:
    """Return the options that the arguments ask for; raises ValueError for values that make no sense."""
    options = {option.name for option in fields(SandboxOptions)}
    given = {name: value for name, value in vars(arguments).items() if name in options}
    return SandboxOptions(
        **{name: type(getattr(_DEFAULTS, name))(one) if isinstance(one, list) else one for name, one in given.items()}
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    parser = make_parser()
    parsed = parser.parse_args(arguments)
    try:
        sandbox = Sandbox(options_from(parsed), port=parsed.port)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with sandbox:
        if parsed.write_config:
            config = sandbox.oauth_config() if parsed.oauth else sandbox.config()
            parsed.write_config.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        print(f"Sandbox listening on {sandbox.url}", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
