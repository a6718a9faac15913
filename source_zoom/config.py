"""The connector's configuration: the only module that reads its keys.

Every fault is raised as an `AirbyteTracedException` of type `config_error`, whose message is one sentence that names
the property, as the user wrote it, and what is expected. It never quotes what was given: that may be a secret in the
wrong field.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import orjson
import pendulum
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

REPORT_MONTHS = 6
"""How far back Zoom's reports reach (https://developers.zoom.us/docs/api/meetings/#tag/reports)."""

_FLAT_CREDENTIALS = ("account_id", "client_id", "client_secret", "refresh_token")
_STORED = ("access_token", "token_expiry_date")
"""What the connector itself writes into `credentials`."""

_JWT_NAMES = ("jwt_token", "api_key", "api_secret")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)
_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Address("::1")

_EnumT = TypeVar("_EnumT", bound=Enum)


class RateLimitPlan(str, Enum):
    """Row of Zoom's table of rate limits (https://developers.zoom.us/docs/api/rate-limits/); `AUTO` searches for it."""

    AUTO = "auto"
    FREE = "free"
    PRO = "pro"
    BUSINESS_PLUS = "business_plus"


class ReportHosts(str, Enum):
    """Whose past sessions are read: the hosts active in a window, or every user."""

    ACTIVE = "active"
    ALL = "all"


class OnGaps(str, Enum):
    """What a sync does when single objects could not be read: report them and complete, or fail."""

    REPORT = "report"
    FAIL = "fail"


@dataclass(frozen=True)
class ServerToServer:
    """Credentials of a server-to-server OAuth app."""

    account_id: str
    client_id: str
    client_secret: str = field(repr=False)
    prefix: str = field(default="credentials.", repr=False, compare=False)
    """What stands before the names of these properties where the user wrote them: nothing at the top level."""


@dataclass(frozen=True)
class RefreshToken:
    """Credentials of a general (OAuth 2.0) app and the refresh token of one authorisation, good for one use."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    prefix: str = field(default="credentials.", repr=False, compare=False)
    """As in `ServerToServer`."""


@dataclass(frozen=True)
class ZoomConfig:
    """A valid configuration with every default filled in. Build it with `parse`."""

    credentials: ServerToServer | RefreshToken
    start_date: pendulum.DateTime
    """First day to read of what is read by days, at midnight UTC; a stream begins later where Zoom serves less."""
    lookback_window_days: int
    rate_limit_plan: RateLimitPlan
    rate_limit_share: int
    """Percent of the account's rate limits to use."""
    num_workers: int
    report_hosts: ReportHosts
    include_one_participant_sessions: bool
    on_gaps: OnGaps
    api_url: str
    """Base of every API path, without a slash at its end."""
    authorization_endpoint: str
    notices: tuple[str, ...] = ()
    """What the user should be told once, one sentence each."""

    @classmethod
    def parse(cls, config: Mapping[str, Any], *, now: pendulum.DateTime | None = None) -> ZoomConfig:
        """Return `config`, in any of the forms that `normalise` knows, as a `ZoomConfig`.

        `now` is the moment that `start_date` is compared with, by default the present one.
        Raises `AirbyteTracedException` (config_error) at the first property that is wrong.
        """
        keys = normalise(config)
        start_date, start_notices = _start_date(keys, now or pendulum.now("UTC"))
        parsed = cls(
            credentials=_credentials(keys),
            start_date=start_date,
            lookback_window_days=_integer(keys, "lookback_window_days", default=2, least=0, most=30),
            rate_limit_plan=_choice(keys, "rate_limit_plan", RateLimitPlan.AUTO),
            rate_limit_share=_integer(keys, "rate_limit_share", default=90, least=1, most=100),
            num_workers=_integer(keys, "num_workers", default=200, least=2, most=200),
            report_hosts=_choice(keys, "report_hosts", ReportHosts.ACTIVE),
            include_one_participant_sessions=_boolean(keys, "include_one_participant_sessions", default=False),
            on_gaps=_choice(keys, "on_gaps", OnGaps.REPORT),
            api_url=_url(keys, "api_url", default="https://api.zoom.us/v2").rstrip("/"),
            authorization_endpoint=_url(keys, "authorization_endpoint", default="https://zoom.us/oauth/token"),
            notices=(*_credential_notices(keys), *start_notices, *_unknown_notices(keys)),
        )
        _refuse_unwritable(keys)
        return parsed


class Normalised(dict[str, Any]):
    """A configuration in the form of this connector's spec, which knows how the user wrote it."""

    has_flat_credentials = False
    date_name = "start_date"


def normalise(config: Mapping[str, Any]) -> Normalised:
    """Return a deep copy of `config` in the form of this connector's spec.

    Flat credentials, as `airbyte/source-zoom` has them at the top level, move to `credentials`, and `anchor_date`
    becomes `start_date`, each unless the new property is given as well. All other keys stay as they are.
    Raises `AirbyteTracedException` (config_error) if `config` is not an object, or nested too deep to be copied.
    """
    if not isinstance(config, Mapping):
        raise _fault("The configuration must be a JSON object.")
    try:
        keys = Normalised(copy.deepcopy(dict(config)))
    except RecursionError:
        raise _fault("The configuration is nested too deep.") from None
    if isinstance(config, Normalised):
        vars(keys).update(vars(config))
    if not _given(keys, "credentials") and any(_given(keys, key) for key in _FLAT_CREDENTIALS):
        flat = {key: keys.pop(key) for key in _FLAT_CREDENTIALS if key in keys}
        rotating = _given(flat, "refresh_token") and not _given(flat, "account_id")
        keys["credentials"] = {"auth_type": "oauth2.0" if rotating else "server_to_server", **flat}
        keys.has_flat_credentials = True
    if not _given(keys, "start_date") and _given(keys, "anchor_date"):
        keys["start_date"] = keys.pop("anchor_date")
        keys.date_name = "anchor_date"
    return keys


def _fault(sentence: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=sentence, internal_message=sentence, failure_type=FailureType.config_error)


def _given(keys: Mapping[str, Any], name: str) -> bool:
    """Whether the property has a value: null, blank text and an empty object, as forms send them, are none."""
    value = keys.get(name)
    return bool(value.strip()) if isinstance(value, str) else value is not None and value != {}


def _credentials(keys: Normalised) -> ServerToServer | RefreshToken:
    given = keys.get("credentials")
    if not _given(keys, "credentials"):
        _refuse_jwt(keys)
        raise _fault("`credentials` is missing: enter the values of a Zoom app as the documentation describes.")
    if not isinstance(given, Mapping):
        raise _fault("`credentials` must be an object with `auth_type` and the values of a Zoom app.")
    _refuse_jwt(given)
    prefix = "" if keys.has_flat_credentials else "credentials."
    unknown = _unknown(keys) if keys.has_flat_credentials else _unknown_credentials(given)
    auth_type = given.get("auth_type")
    if auth_type == "server_to_server":
        return ServerToServer(
            account_id=_required(given, "account_id", prefix, unknown),
            client_id=_required(given, "client_id", prefix, unknown),
            client_secret=_required(given, "client_secret", prefix, unknown),
            prefix=prefix,
        )
    if auth_type == "oauth2.0":
        return RefreshToken(
            client_id=_required(given, "client_id", prefix, unknown),
            client_secret=_required(given, "client_secret", prefix, unknown),
            refresh_token=_required(given, "refresh_token", prefix, unknown),
            prefix=prefix,
        )
    problem = "is unknown" if _given(given, "auth_type") else "is missing"
    raise _fault(f"`credentials.auth_type` {problem}: it must be `server_to_server` or `oauth2.0`.")


def _refuse_jwt(given: Mapping[str, Any]) -> None:
    """Refuse the values of a JWT app, of which there may be a token only (`jwt_token`, or `access_token` alone)."""
    auth_type = given.get("auth_type")
    is_named = isinstance(auth_type, str) and "jwt" in auth_type.lower()
    is_app = any(_given(given, name) for name in _FLAT_CREDENTIALS)
    if is_named or (not is_app and any(_given(given, name) for name in (*_JWT_NAMES, "access_token"))):
        raise _fault(
            "Zoom switched JWT apps off in September 2023: create a Server-to-Server OAuth app in the Zoom App "
            "Marketplace and enter `account_id`, `client_id` and `client_secret` of its App Credentials page in "
            "`credentials`, with `server_to_server` as `auth_type`."
        )


def _credential_notices(keys: Mapping[str, Any]) -> tuple[str, ...]:
    credentials = keys["credentials"]
    for key in _FLAT_CREDENTIALS:
        if _given(keys, key) and keys[key] != credentials.get(key):
            return (
                f"`credentials` is used, and `{key}` at the top level of the configuration, which differs, is not.",
            )
    return ()


def _unknown(keys: Mapping[str, Any]) -> list[str]:
    """Return what may be misspelt; a leading underscore is the CDK's and the platform's."""
    known = {*ZoomConfig.__dataclass_fields__, *_FLAT_CREDENTIALS, "auth_type", "anchor_date"} - {"notices"}
    return sorted(name for name in map(str, keys) if name not in known and not name.startswith("_"))


def _unknown_credentials(credentials: Mapping[str, Any]) -> list[str]:
    return sorted({*map(str, credentials)} - {*_FLAT_CREDENTIALS, *_STORED, "auth_type"})


def _unknown_notices(keys: Mapping[str, Any]) -> tuple[str, ...]:
    unknown = [*_unknown(keys), *(f"credentials.{name}" for name in _unknown_credentials(keys["credentials"]))]
    listed = ", ".join(f"`{name}`" for name in unknown)
    return (f"The configuration has what this connector does not know and does not use: {listed}.",) if unknown else ()


def _refuse_unwritable(keys: Normalised) -> None:
    """Refuse what JSON can hold and could not be written again, as a new refresh token would be lost with it."""
    prefix = "" if keys.has_flat_credentials else "credentials."
    parts = [(f"{prefix}{key}", {key: value}) for key, value in keys["credentials"].items()]
    parts += [(str(key), {key: value}) for key, value in keys.items() if key != "credentials"]
    for name, part in parts:
        if not _is_writable(part):
            shown = name.encode("utf-8", "backslashreplace").decode()
            raise _fault(
                f"`{shown}` cannot be saved again as JSON: it must hold valid Unicode text, finite numbers and "
                "integers of at most 64 bits only, nested at most 200 deep."
            )


def _is_writable(value: object) -> bool:
    """Say whether `value` can be printed, some levels deep in a message, where orjson writes 254 of them."""
    try:
        orjson.dumps([[[[[[[[value]]]]]]]])  # which writes NaN as null
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _required(credentials: Mapping[str, Any], key: str, prefix: str, unknown: list[str]) -> str:
    """Return a value of the app. `unknown` are the names beside it that it may be misspelt as."""
    if not _given(credentials, key):
        if similar := get_close_matches(key, unknown, n=1, cutoff=0.8):
            raise _fault(
                f"`{prefix}{key}` is missing or empty, and `{prefix}{similar[0]}` is no property of this connector: "
                "correct its name."
            )
        raise _fault(
            f"`{prefix}{key}` is missing or empty: copy it from the page of your app in the Zoom App Marketplace."
        )
    value = credentials[key]
    if not isinstance(value, str):
        raise _fault(f"`{prefix}{key}` must be text, in quotes.")
    return value.strip()


def _start_date(keys: Normalised, now: pendulum.DateTime) -> tuple[pendulum.DateTime, tuple[str, ...]]:
    oldest = now.in_timezone("UTC").subtract(months=REPORT_MONTHS).start_of("day")
    if not _given(keys, "start_date"):
        return oldest, ()
    name = keys.date_name
    given = _date(keys["start_date"], name)
    if given > now:
        raise _fault(f"`{name}` is in the future: enter today's date or an earlier one.")
    day = given.start_of("day")
    if day >= oldest:
        return day, ()
    notice = (
        f"`{name}` {day.date().isoformat()} was moved up to {oldest.date().isoformat()}, but for archives: "
        f"Zoom's reports reach back {REPORT_MONTHS} months."
    )
    return day, (notice,)


def _date(value: object, name: str) -> pendulum.DateTime:
    """Return a date, or a date and time, which is UTC where it names no zone."""
    text = value.strip() if isinstance(value, str) else ""
    try:
        parsed = pendulum.parse(text) if _DATE.fullmatch(text) else None
        if isinstance(parsed, pendulum.DateTime):
            return parsed.in_timezone("UTC")
    except (ValueError, OverflowError):
        pass
    raise _fault(f"`{name}` must be a date such as 2026-01-31 or a date and time such as 2026-01-31T00:00:00Z.")


def _integer(keys: Mapping[str, Any], name: str, *, default: int, least: int, most: int) -> int:
    value = keys[name] if _given(keys, name) else default
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _fault(f"`{name}` must be a whole number from {least} to {most}, without quotes.")
    return value


def _boolean(keys: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = keys[name] if _given(keys, name) else default
    if not isinstance(value, bool):
        raise _fault(f"`{name}` must be true or false, without quotes.")
    return value


def _choice(keys: Mapping[str, Any], name: str, default: _EnumT) -> _EnumT:
    value = keys[name] if _given(keys, name) else default
    kind = type(default)
    try:
        return kind(value.strip() if isinstance(value, str) else value)
    except ValueError:
        choices = ", ".join(f"`{choice.value}`" for choice in kind)
        raise _fault(f"`{name}` must be one of {choices}.") from None


def _url(keys: Mapping[str, Any], name: str, *, default: str) -> str:
    value = keys[name] if _given(keys, name) else default
    url = value.strip() if isinstance(value, str) else ""
    parts = _split(url)
    if parts is None:
        raise _fault(f"`{name}` must be a full URL such as {default}.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise _fault(f"`{name}` must begin with https:// (http:// is for this computer only, such as 127.0.0.1).")
    if "@" in parts.netloc:
        raise _fault(f"`{name}` must not contain a user name or a password.")
    if "?" in url or "#" in url:
        raise _fault(f"`{name}` must end with its path, without `?` or `#` and what follows them.")
    return url


def _split(url: str) -> SplitResult | None:
    """Return the parts of an absolute URL; None without scheme or host, with a wrong port or with a stray character."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme and _is_host(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable and not re.search(r"[\s\\\x00-\x1f\x7f]", url) else None


def _is_host(host: str | None) -> bool:
    return host is not None and (_HOST_NAME.fullmatch(host) is not None or _address(host) is not None)


def _is_loopback(host: str | None) -> bool:
    address = _address(host or "")
    return host == "localhost" or address == _LOOPBACK_V6 or (address is not None and address in _LOOPBACK_V4)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
