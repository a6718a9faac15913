"""What an answer of Zoom's can mean, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Flag, auto


class Meaning(Flag):
    """What an answer says. An endpoint lists those among `NOTHING_THERE` that say so for it."""

    OK = auto()
    # Nothing there
    GONE = auto()
    USER_GONE = auto()
    NO_HOSTING = auto()
    NO_LICENCE = auto()
    NO_PLAN = auto()
    NO_PHONE = auto()
    NO_REGISTRATION = auto()
    FEATURE_OFF = auto()
    POLLS_OFF = auto()
    TOO_OLD = auto()
    # Withheld
    NO_PERMISSION = auto()
    INVALID = auto()
    WRONG_ADDRESS = auto()
    UNKNOWN = auto()
    OUT_OF_REACH = auto()
    # Not there yet, or not this time
    NOT_READY = auto()
    TOKEN = auto()
    PACE = auto()
    PAGE_TOKEN = auto()
    BROKEN = auto()
    # Said of the whole account
    SCOPE = auto()
    DAILY = auto()
    ACCOUNT = auto()


NOTHING_THERE = (
    Meaning.GONE
    | Meaning.USER_GONE
    | Meaning.NO_HOSTING
    | Meaning.NO_LICENCE
    | Meaning.NO_PLAN
    | Meaning.NO_PHONE
    | Meaning.NO_REGISTRATION
    | Meaning.FEATURE_OFF
    | Meaning.POLLS_OFF
    | Meaning.TOO_OLD
)
"""Meanings that an endpoint may skip. Where it does not list one of these, the object is withheld."""

LACKING = Meaning.NO_LICENCE | Meaning.NO_PLAN | Meaning.NO_PHONE
"""What Zoom does not serve because the account has not bought it: a user is warned of it."""

PASSING = Meaning.NOT_READY | Meaning.PACE | Meaning.PAGE_TOKEN | Meaning.BROKEN
"""What another attempt may cure."""

ACCOUNT_WIDE = Meaning.SCOPE | Meaning.DAILY | Meaning.ACCOUNT
"""What would be said of every other object, too."""

NOTHING = Meaning(0)

EXPLANATIONS: Mapping[Meaning, str] = {
    Meaning.GONE: "it does not exist any more",
    Meaning.USER_GONE: "the user does not exist any more",
    Meaning.NO_HOSTING: "the user may not host meetings",
    Meaning.NO_LICENCE: "the user has no webinar licence",
    Meaning.NO_PLAN: "the account's plan does not include it",
    Meaning.NO_PHONE: "the account has no Zoom Phone",
    Meaning.NO_REGISTRATION: "registration is not required for it",
    Meaning.FEATURE_OFF: "the feature is switched off for it",
    Meaning.POLLS_OFF: "polls are switched off for it",
    Meaning.TOO_OLD: "it was more than a year ago",
    Meaning.NO_PERMISSION: "the role of the app's owner may not see it",
    Meaning.INVALID: "Zoom does not accept the request",
    Meaning.WRONG_ADDRESS: "what answers at `api_url` is not Zoom's API",
    Meaning.UNKNOWN: "Zoom refuses it",
    Meaning.OUT_OF_REACH: "Zoom serves six months",
    Meaning.NOT_READY: "Zoom has not prepared it yet",
    Meaning.TOKEN: "Zoom refuses it with a token that it accepts elsewhere",
    Meaning.PACE: "the rate limit did not let it through",
    Meaning.PAGE_TOKEN: "its page tokens expired",
    Meaning.BROKEN: "Zoom failed to answer",
    Meaning.SCOPE: "the app lacks a scope",
    Meaning.DAILY: "the day's requests are used up",
    Meaning.ACCOUNT: "the account is not served",
}
"""The meanings in words, for logs."""

REMEDIES: Mapping[Meaning, str] = {
    Meaning.NO_PERMISSION: "Give the role of the app's owner the permission, and let it see all users.",
    Meaning.TOKEN: "See at marketplace.zoom.us that the app may see it.",
    Meaning.WRONG_ADDRESS: "Check `api_url`.",
    Meaning.BROKEN: "The next sync asks again.",
    Meaning.PACE: "The next sync asks again; lower `rate_limit_share` if other apps use the limit.",
    Meaning.NOT_READY: "The next sync asks again.",
    Meaning.PAGE_TOKEN: "The next sync asks again.",
}
"""What a user can do about an object that was withheld or failed."""


def name_of(meaning: Meaning) -> str:
    """Return the name of one meaning, as gaps and skips show it."""
    return meaning.name or "UNKNOWN"
