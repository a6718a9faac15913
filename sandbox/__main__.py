"""``python -m sandbox``: the sandbox on the command line."""

import argparse
import json
import signal
import sys
import threading
from dataclasses import fields
from datetime import date
from pathlib import Path
from textwrap import TextWrapper

from sandbox.embedded import ALL_SCOPES, Sandbox
from sandbox.faults import KINDS, TARGET, TARGET_HELP, Fault
from sandbox.limits import PLANS, Label, Limit, parse_limit
from sandbox.options import LACKS, REPORT_BORDERS, REPORT_OLD, REPORT_TO, REPORT_ZONES, SandboxOptions

_DEFAULTS = SandboxOptions()
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


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(",", " ").split()))


def _limit(text: str) -> tuple[Label, Limit]:
    try:
        return parse_limit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _fault(text: str) -> Fault:
    try:
        return Fault.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


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
    _add_world(parser.add_argument_group("the account"))
    _add_rules(parser.add_argument_group("its rules"))
    trouble = parser.add_argument_group("trouble")
    trouble.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="before each answer")
    trouble.add_argument(
        "--fault", type=_fault, action="append", default=[], metavar="NAME:key=value,...", help="repeatable; see below"
    )
    return parser


def _add_world(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seed", type=int, default=_DEFAULTS.seed, help="same seed, same data (default: %(default)s)")
    group.add_argument("--today", type=date.fromisoformat, metavar="DATE", help="day around which meetings are placed")
    group.add_argument("--users", type=int, default=_DEFAULTS.users, help="active users (default: %(default)s)")
    group.add_argument(
        "--meetings", type=int, default=_DEFAULTS.meetings, help="per active user (default: %(default)s)"
    )
    group.add_argument(
        "--registrants",
        type=_range,
        default=_DEFAULTS.registrants,
        metavar="MIN-MAX",
        help="per meeting or webinar with registration (default: {}-{})".format(*_DEFAULTS.registrants),
    )
    group.add_argument(
        "--registration-percent",
        type=int,
        default=_DEFAULTS.registration_percent,
        metavar="PERCENT",
        help="of the meetings and webinars require registration (default: %(default)s)",
    )
    group.add_argument(
        "--polls", type=int, default=_DEFAULTS.polls, help="most polls of a meeting or webinar (default: %(default)s)"
    )
    group.add_argument(
        "--webinars", type=int, default=_DEFAULTS.webinars, metavar="N", help="per licensed user (default: %(default)s)"
    )
    group.add_argument(
        "--webinar-hosts-percent",
        type=int,
        default=_DEFAULTS.webinar_hosts_percent,
        metavar="PERCENT",
        help="of the active users have a webinar licence (default: %(default)s)",
    )
    group.add_argument("--channels", type=int, default=_DEFAULTS.channels, help="default: %(default)s")
    group.add_argument(
        "--sessions-per-host",
        type=int,
        default=_DEFAULTS.sessions_per_host,
        metavar="N",
        help="past sessions of each host, beside the odd ones; 0: none at all (default: %(default)s)",
    )
    group.add_argument(
        "--session-months",
        type=int,
        default=_DEFAULTS.session_months,
        metavar="N",
        help="how far back they go; reports show six months (default: %(default)s)",
    )
    group.add_argument(
        "--hosting-percent",
        type=int,
        default=_DEFAULTS.hosting_percent,
        metavar="PERCENT",
        help="of the active users have held sessions (default: %(default)s)",
    )
    group.add_argument(
        "--participants",
        type=_range,
        default=_DEFAULTS.participants,
        metavar="MIN-MAX",
        help="per session (default: {}-{}); one odd session has 700".format(*_DEFAULTS.participants),
    )
    group.add_argument(
        "--no-oddities",
        action="store_true",
        help="no users, meetings and sessions that vanish, refuse or come late, no repeated list entries",
    )
    group.add_argument(
        "--without",
        action="append",
        choices=list(LACKS),
        default=[],
        help="what the account or the app lacks; repeatable; "
        + "; ".join(f"{name}: {meaning}" for name, meaning in LACKS.items()),
    )


def _add_rules(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--limits", choices=list(PLANS), default=_DEFAULTS.plan, help="plan (default: %(default)s)")
    group.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="LABEL=RATE/s[,daily=N]",
        help="replaces the plan's limit of a label: light, medium, heavy, resource-intensive, phone-...; repeatable",
    )
    group.add_argument(
        "--retry-after", type=int, metavar="SECONDS", help="sent with per-second refusals; not sent by default"
    )
    group.add_argument(
        "--token-lifetime", type=float, default=_DEFAULTS.token_lifetime, metavar="SECONDS", help="default: %(default)s"
    )
    group.add_argument("--single-token", action="store_true", help="a new token invalidates the one before")
    group.add_argument(
        "--scopes",
        type=_words,
        metavar="SCOPE,...",
        help=f"classic or granular; by default all granular ones: {', '.join(ALL_SCOPES)}",
    )
    group.add_argument(
        "--missing-scope-status", type=int, choices=[400, 401, 403], default=400, help="default: %(default)s"
    )
    group.add_argument(
        "--page-token-lifetime",
        type=float,
        default=_DEFAULTS.page_token_lifetime,
        metavar="SECONDS",
        help="default: %(default)s",
    )
    group.add_argument(
        "--report-zone",
        choices=list(REPORT_ZONES),
        default=_DEFAULTS.report_zone,
        metavar="ZONE",
        help="the account's, in which reports count days: UTC, or UTC-12 to UTC+14 (default: %(default)s)",
    )
    group.add_argument(
        "--report-to",
        choices=list(REPORT_TO),
        default=_DEFAULTS.report_to,
        help="whether the day TO is part of a report (default: %(default)s)",
    )
    group.add_argument(
        "--report-border",
        choices=list(REPORT_BORDERS),
        default=_DEFAULTS.report_border,
        help="how far reports go back: six calendar months or 180 days (default: %(default)s)",
    )
    group.add_argument(
        "--report-old",
        choices=list(REPORT_OLD),
        default=_DEFAULTS.report_old,
        help="a report from an older day on is refused, or serves what there is (default: %(default)s)",
    )
    group.add_argument(
        "--report-future",
        type=int,
        default=_DEFAULTS.report_future,
        metavar="DAYS",
        help="how long after today the day TO may be (default: %(default)s)",
    )
    group.add_argument(
        "--report-delay-seconds",
        type=float,
        default=_DEFAULTS.report_delay_seconds,
        metavar="SECONDS",
        help="from the end of a session until reports show it (default: %(default)s)",
    )
    group.add_argument(
        "--settle-seconds",
        type=float,
        default=_DEFAULTS.settle_seconds,
        metavar="SECONDS",
        help="from the end of a session until its last participant has a duration (default: %(default)s)",
    )
    group.add_argument(
        "--answers-delay-seconds",
        type=float,
        default=_DEFAULTS.answers_delay_seconds,
        metavar="SECONDS",
        help="from the end of a session until its participants (404/3001 before), poll results, Q&A and absentees "
        "(empty before) are known (default: %(default)s)",
    )
    group.add_argument(
        "--history-names-gone",
        action="store_true",
        help="the history names the sessions of the host who was deleted, and their UUIDs are answered",
    )
    group.add_argument(
        "--history-page-size",
        type=int,
        default=_DEFAULTS.history_page_size,
        metavar="ROWS",
        help="largest page of the account's history; more is refused (default: %(default)s)",
    )
    group.add_argument("--page-cap", type=int, metavar="ROWS", help="no page has more, however many are asked for")


def options_from(arguments: argparse.Namespace) -> SandboxOptions:
    """Return the options that the arguments ask for; raises ValueError for values that make no sense."""
    named = {field.name for field in fields(SandboxOptions)} & vars(arguments).keys()
    others = {
        "oddities": not arguments.no_oddities,
        "without": frozenset(arguments.without),
        "plan": arguments.limits,
        "limits": dict(arguments.limit),
        "faults": tuple(arguments.fault),
    }
    return SandboxOptions(**{**{name: getattr(arguments, name) for name in named}, **others})


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
