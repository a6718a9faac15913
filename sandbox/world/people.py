"""Users of the account."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.dice import Dice
from sandbox.published import drawn_row

FIRST_NAMES = ("Ana", "Björn", "Chen", "Dalia", "Emeka", "Fatima", "Giulia", "Haruto", "Ivana", "João", "Kofi", "Lena")
LAST_NAMES = ("Abara", "Bianchi", "Castro", "Dvořák", "Eriksson", "Fofana", "García", "Haddad", "Ito", "Jensen", "Kim")
_LICENSES = ("zoom_workforce_management", "zoom_compliance_management")
_LICENSE_PERCENT = 15


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
    first, last = names(seed, user.number)
    row = drawn_row(
        "/users",
        "users",
        Dice(seed, "user row", user.number),
        today,
        id=user.id,
        first_name=first,
        last_name=last,
        display_name=f"{first} {last}",
        email=user.email,
        pmi=user.pmi,
        role_id=user.role_id,
        status=user.status,
    )
    left_out = {"custom_attributes", "host_key"} - {include_fields}
    if user.status == "pending":
        left_out |= {"id", "pmi", "last_login_time", "last_client_version", "user_created_at"}
    return {name: value for name, value in row.items() if name not in left_out}
