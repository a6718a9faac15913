"""How Zoom words what several endpoints refuse: https://developers.zoom.us/docs/api/meetings/ and /docs/api/users/ ."""

from typing import TYPE_CHECKING

from sandbox.messages import ZoomError
from sandbox.oauth import App

if TYPE_CHECKING:
    from sandbox.world import World

BAD_REQUEST, NOT_FOUND = 400, 404
INVALID = 300
"""Zoom's code for a parameter it cannot use."""
NO_PERMISSION = 200
USER_GONE = 1001
GONE = 3001


def no_permission(_: "World") -> ZoomError:
    """Return the error for a call that the account's plan or the user's role does not allow."""
    return ZoomError(BAD_REQUEST, NO_PERMISSION, "No permission.")


def only_for_paid(world: "World") -> ZoomError:
    """Return the error for an account whose plan lacks what was asked for."""
    account = App.of(world.seed).account_id
    return ZoomError(BAD_REQUEST, NO_PERMISSION, f"This is only available for paid account: {account}.")


def no_phone(_: "World") -> ZoomError:
    """Return what an account without Zoom Phone is told, as `/phone/settings` documents it."""
    return ZoomError(403, 2031, "Zoom Phone has not been enabled for this account.")


def no_webinars(_: "World") -> ZoomError:
    """Return the error for a user, or an account, without a webinar plan."""
    text = (
        "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in order to "
        "perform this action."
    )
    return ZoomError(BAD_REQUEST, NO_PERMISSION, text)


def dead_token(template: str) -> ZoomError:
    """Return the error for a page token that is too old or made up, in the words of the endpoint."""
    words = "either invalid or has expired" if template.startswith("/chat/") else "invalid or expired"
    return invalid(f"The next page token is {words}.")


def user_gone(template: str, user_id: str) -> ZoomError:
    """Return the error for a user that is gone, in the words of the endpoint."""
    in_reports = template.startswith("/report/")
    text = "User {} not exist or not belong to this account." if in_reports else "User does not exist: {}."
    return ZoomError(NOT_FOUND, USER_GONE, text.format(user_id))


def gone(thing: str, id_: object) -> ZoomError:
    """Return the error for a meeting or webinar that is gone."""
    return ZoomError(NOT_FOUND, GONE, f"{thing} does not exist: {id_}.")


def invalid(text: str, field_name: str | None = None) -> ZoomError:
    """Return the error for what Zoom cannot use, with the name of the parameter where Zoom tells it."""
    return ZoomError(BAD_REQUEST, INVALID, text, field_name=field_name)


def invalid_occurrence(occurrence_id: str) -> ZoomError:
    """Return the error for the id of an occurrence that Zoom does not take."""
    return invalid(
        f"The request could not be completed because you have provided an invalid occurrence ID: {occurrence_id}."
    )
