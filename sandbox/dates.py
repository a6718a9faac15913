"""Days and months as Zoom's reports count them, and times as Zoom writes them."""

from calendar import monthrange
from datetime import date, datetime, time, timezone

_MONTHS = 12


def months_later(day: date, months: int) -> date:
    """Return the same day of a later month, or of an earlier one; at most the last day of that month."""
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def midnight(day: date) -> datetime:
    """Return when a UTC day begins."""
    return datetime.combine(day, time(), timezone.utc)


def iso(moment: datetime) -> str:
    """Return a UTC time as Zoom writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
