"""Users of the account."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.dice import Dice

FIRST_NAMES = ("Ana", "Björn", "Chen", "Dalia", "Emeka", "Fatima", "Giulia", "Haruto", "Ivana", "João", "Kofi", "Lena")
LAST_NAMES = ("Abara", "Bianchi", "Castro", "Dvořák", "Eriksson", "Fofana", "García", "Haddad", "Ito", "Jensen", "Kim")
TIME_ZONES = ("UTC", "America/Los_Angeles", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Tokyo")
_DEPARTMENTS = ("", "Developers", "Finance", "People", "Sales", "Support")
_LICENSES = ("zoom_workforce_management", "zoom_compliance_management")
_LICENSE_PERCENT = 15
_YEAR_IN_MINUTES = 365 * 24 * 60


def iso(moment: datetime) -> str:
    """Return a UTC time as Zoom writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class User:
    """What is known of a user without looking at the row."""

    number: int
    id: str
    """Pending users have one too, which is never shown."""
    status: str
    email: str
    role_id: str
    license: str | None
    pmi: int
    """The id of the user's personal room."""


def make_user(seed: int, number: int, user_id: str, status: str, pmi: int) -> User:
    """Return the user of that number."""
    dice = Dice(seed, "user", number)
    license_name = dice.pick(_LICENSES) if dice.percent(_LICENSE_PERCENT) else None
    role = "0" if number == 0 else dice.pick(("1", "2", "2", "2"))
    return User(number, user_id, status, f"user{number}@example.com", role, license_name, pmi)


def names(seed: int, number: int) -> tuple[str, str]:
    """Return the first and last name of a user."""
    dice = Dice(seed, "user name", number)
    return dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES)


def user_row(seed: int, user: User, today: datetime, include_fields: str | None) -> dict[str, Any]:
    """Return the user as ``/users`` lists it, with ``custom_attributes`` or ``host_key`` where asked for."""
    dice = Dice(seed, "user row", user.number)
    first, last = names(seed, user.number)
    created = iso(today - timedelta(minutes=_YEAR_IN_MINUTES + dice.below(3 * _YEAR_IN_MINUTES)))
    row: dict[str, Any] = {
        "id": user.id,
        "first_name": first,
        "last_name": last,
        "display_name": f"{first} {last}",
        "email": user.email,
        "type": dice.pick((1, 2, 2, 2)),
        "pmi": user.pmi,
        "timezone": dice.pick(TIME_ZONES),
        "verified": dice.below(2),
        "dept": dice.pick(_DEPARTMENTS),
        "created_at": created,
        "user_created_at": created,
        "last_login_time": iso(today - timedelta(minutes=dice.below(90 * 24 * 60))),
        "last_client_version": f"6.{dice.below(9)}.{dice.digits(5)}(win)",
        "group_ids": [dice.key() for _ in range(dice.below(3))],
        "im_group_ids": [dice.key() for _ in range(dice.below(2))],
        "division_ids": [dice.key() for _ in range(dice.below(2))],
        "plan_united_type": "1",
        "role_id": user.role_id,
        "status": user.status,
        "employee_unique_id": dice.key(),
        "license_info_list": [
            {"license_type": "MEETING", "license_option": 16, "subscription_id": f"SUBREF-{dice.digits(6)}"}
        ],
    }
    if user.status == "pending":
        for name in ("id", "pmi", "last_login_time", "last_client_version", "user_created_at"):
            del row[name]
    if include_fields == "custom_attributes":
        row["custom_attributes"] = [{"key": "cbf_costcenter", "name": "Cost center", "value": dice.digits(4)}]
    if include_fields == "host_key":
        row["host_key"] = dice.digits(6)
    return row
