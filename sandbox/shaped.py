"""Endpoints that a line of a table describes. ``make shapes`` writes what Zoom publishes of them to ``shapes.json``."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.dates import iso, months_later
from sandbox.messages import ZoomError
from sandbox.refusals import invalid, no_phone, only_for_paid
from sandbox.routing import Call, Listing, Route, published
from sandbox.shaped_rows import SHAPES, After, Between, Exactly, PerDay, Rows, Shaped, Table, Until

TABLE: Table = {
    line.stream: line
    for line in (
        Shaped("channels", "/chat/channels", rows=Exactly(25), key="id"),
        Shaped("groups", "/groups", rows=Exactly(40), key="id", changes=After(1, every=3, column="total_members")),
        Shaped("report_operation_logs", "/report/operationlogs", rows=PerDay(3), by="time", zone="Asia/Tokyo",
               kept_months=6, twins=2, needs="reports"),
        Shaped("phone_call_history", "/phone/call_history", rows=PerDay(2), by="start_time", kept_months=6,
               key="call_history_uuid", needs="phone"),
        Shaped("phone_call_elements", "/phone/call_history/{callHistoryUuid}", of="phone_call_history",
               rows=Between(1, 4), records="call_elements", key="call_element_id", needs="phone",
               carries={"call_history_uuid": "call_history_uuid", "call_start_time": "start_time"}),
        Shaped("archive_files", "/archive_files", rows=PerDay(3), by="complete_time", key="uuid", most_days=7,
               ready=Until(3, every=2, field="status", value="processing", empty=("complete_time",)),
               defaults_select=True),
    )
}  # fmt: skip
LACKING = {"reports": only_for_paid, "phone": no_phone}
"""What an account without a feature is told."""
_DAY = timedelta(days=1)


def table(options: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the table with other options of some lines; raises TypeError or KeyError for what there is not."""
    return {**TABLE, **{stream: replace(TABLE[stream], **changed) for stream, changed in options.items()}}


def routes(lines: Table) -> tuple[Route, ...]:
    """Return the route of each line that has a shape: a new one has none before ``make shapes``."""
    return tuple(
        published(
            line.template,
            partial(_answer, lines, stream),
            SHAPES[stream],
            has_defaults=line.defaults_select,
            needs={line.needs: LACKING[line.needs]} if line.needs else {},
        )
        for stream, line in lines.items()
        if stream in SHAPES
    )


def _answer(lines: Table, stream: str, call: Call) -> Listing | dict[str, Any]:
    shape, rows = SHAPES[stream], Rows(lines, stream, call.world)
    if rows.parents:
        number = _parent(rows.parents, call)
        numbers, told = [*rows.of(number)], rows.parents.row(number)
    else:
        numbers = _selected(rows, call, shape)
        asked = {name: call.query[name] for name in ("from", "to") if call.query.get(name)}
        told = {name: iso(one) if isinstance(one, datetime) else one.isoformat() for name, one in asked.items()}
    told = {name: value for name, value in told.items() if name in shape["body"]}
    if call.page is None:
        counts = {name: len(numbers) for name in shape["counts"] if name == "total_records"}
        return {**told, **counts, shape["records"]: [*map(rows.row, numbers)]}
    return Listing.of(shape["records"], numbers, rows.row, tells=tuple(shape["counts"]), extra=told)


def _parent(parents: Rows, call: Call) -> int:
    """Return the parent that the path names."""
    number = parents.find(call.uuid)
    if number is None or parents.time(number).astimezone(ZoneInfo(parents.line.zone)).date() < _oldest(parents, call):
        raise ZoomError(404, 404, f"{call.named} does not exist.")
    return number


def _selected(rows: Rows, call: Call, shape: Mapping[str, Any]) -> list[int]:
    """Return the rows of the days and with the values that are asked for."""
    query = {name: value for name, value in call.query.items() if value is not None and value != "all"}
    numbers = _in_time(rows, query, call, shape["parameters"]) if rows.line.by else [*rows.all()]
    for name, value in query.items():
        column = next((one for one in (name, name.removesuffix("s")) if one in shape["row"]), None)
        if column is None:  # to ignore a filter would hide a mistake
            raise call.route.refuse(name)
        wanted = value if isinstance(value, set) else {value}
        numbers = [number for number in numbers if rows.row(number).get(column) in wanted]
    return numbers


def _in_time(rows: Rows, query: dict[str, Any], call: Call, parameters: Mapping[str, Any]) -> list[int]:
    """Return the rows of the days asked for, and take what tells these from the query."""
    line, now, zone = rows.line, call.world.sessions.now, ZoneInfo(rows.line.zone)
    first, last = query.pop("from", None), query.pop("to", None)
    times = {name: one for name, part in parameters.items() for one in part.get("enum", ()) if one.endswith(line.by)}
    if any(query.pop(name, time) != time for name, time in times.items()):  # rows go by one time only
        raise call.route.refuse(next(iter(times)))
    if not (first or last or parameters["from"].get("required")):
        return [one for one in rows.all((now - _DAY).date(), now.date()) if rows.time(one) > now - _DAY]
    if first is None:
        raise call.route.refuse("from")
    if _day(first) < _oldest(rows, call):
        text = f"Report can only be provided for a month that falls within the recent {line.kept_months} months."
        raise invalid(text)
    are_moments = isinstance(first, datetime)
    latest = last if are_moments else now.astimezone(zone).date() + call.world.sessions.rules.days_ahead * _DAY
    longest = first + line.most_days * _DAY if line.most_days else months_later(first, 1)
    if last is None or not first <= last <= min(latest, longest):
        raise call.route.refuse("to")
    numbers = ((one, rows.time(one)) for one in rows.all(_day(first) - _DAY, _day(last) + _DAY))
    return [one for one, at in numbers if first <= (at if are_moments else at.astimezone(zone).date()) <= last]


def _day(one: date) -> date:
    return one.date() if isinstance(one, datetime) else one


def _oldest(rows: Rows, call: Call) -> date:
    today, months = call.world.sessions.now.astimezone(ZoneInfo(rows.line.zone)).date(), rows.line.kept_months
    return date.min if months is None else months_later(today, -months)
