"""What Zoom's OpenAPI documents say of endpoints, as ``make shapes`` writes it, and rows with values of its kinds."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from sandbox.dates import iso
from sandbox.dice import Dice

ROUTES_FILE = Path(__file__).with_name("routes.json")
PUBLISHED: dict[str, Any] = json.loads(ROUTES_FILE.read_text(encoding="utf-8"))
"""By template, of the endpoints that ``sandbox.shaped`` does not have."""
_TIME_ZONES = ("UTC", "America/Los_Angeles", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Tokyo")
_YEAR_IN_MINUTES = 365 * 24 * 60
_USERS = 20
_EMPTY_SHARE = 8

Field: TypeAlias = Mapping[str, Any]
Known: TypeAlias = Callable[[str, Field, int], Any]
"""Gives a value of what needs more than luck (an id, a time, an address): by name, field, and number of the item."""


def drawn_row(template: str, records: str, dice: Dice, today: datetime, **own: Any) -> dict[str, Any]:
    """Return a row of the array ``records`` of an endpoint's answer, or if it is empty the answer itself.

    It has the values of ``own``, without those that are None, and a drawn one for every other field that is published.
    These stay the same as long as ``own`` names the same fields. Times are those of the year before ``today``.
    """

    def known(name: str, field: Field, _: int) -> Any:
        form = field.get("format")
        if is_id(name):
            return dice.digits(10) if form == "digits" else dice.key()
        if form == "email":
            return f"user{dice.below(_USERS)}@example.com"
        return iso(today - timedelta(minutes=dice.below(_YEAR_IN_MINUTES)))

    fields = columns(template, records)
    row = {name: drawn(name, field, dice, known) for name, field in fields.items() if name not in own}
    return row | {name: value for name, value in own.items() if value is not None}


def columns(template: str, records: str = "") -> Mapping[str, Field]:
    """Return the fields of an answer, or of the rows in an array of it."""
    answer: Mapping[str, Any] = PUBLISHED[template]["answer"]
    return answer[records]["items"]["properties"] if records else answer


def drawn(name: str, field: Field, dice: Dice, known: Known, item: int = 0) -> Any:  # noqa: PLR0911
    """Return a value for a field; ``item`` numbers those of an array among all of its row."""
    kind, form = field["type"], field.get("format")
    if "enum" in field:
        return dice.pick(field["enum"])
    if kind == "boolean":
        return dice.percent(50)
    if kind == "object":
        return {one: drawn(one, part, dice, known, item) for one, part in field["properties"].items()}
    if kind == "array":
        count = dice.between(field.get("minItems", 0), 3)
        return [drawn(name, field["items"], dice, known, item * 4 + one) for one in range(count)]
    if kind == "number":
        return dice.below(10_000) / 100
    if is_id(name) or form in {"date-time", "date", "email"}:
        return known(name, field, item)
    if kind == "integer":
        return dice.between(field.get("minimum", 0), field.get("maximum", 999))
    if name == "timezone":
        return dice.pick(_TIME_ZONES)
    if form == "digits":
        return dice.digits(7)
    return f"{name.replace('_', ' ')} {dice.below(100)}" if dice.below(_EMPTY_SHARE) else ""


def is_id(name: str) -> bool:
    """Tell whether a field holds an id, or several."""
    return name in {"id", "uuid"} or name.endswith(("_id", "_uuid", "_ids"))
