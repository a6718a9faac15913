from __future__ import annotations

import copy
import logging
import traceback
from pathlib import Path
from typing import Any

import pendulum
import pytest
import yaml
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from source_zoom.config import OnGaps, RateLimitPlan, RefreshToken, ReportHosts, ServerToServer, ZoomConfig, normalise

NOW = pendulum.datetime(2026, 8, 31, 15, 30)
SECRET = "s3cr3t-value"
S2S = {"auth_type": "server_to_server", "account_id": "acc", "client_id": "cid", "client_secret": SECRET}
OAUTH = {"auth_type": "oauth2.0", "client_id": "cid", "client_secret": SECRET, "refresh_token": "r3fresh-value"}
MISSING = object()


def parse(**properties: Any) -> ZoomConfig:
    return ZoomConfig.parse({"credentials": S2S, **properties}, now=NOW)


def fault(config: Any) -> str:
    """The message of the fault in `config`, after the checks that hold for every fault."""
    with pytest.raises(AirbyteTracedException) as caught:
        ZoomConfig.parse(config, now=NOW)
    error = caught.value
    assert error.failure_type is FailureType.config_error
    message = error.message or ""
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message
    shown = message + (error.internal_message or "") + "".join(traceback.format_exception(error))
    assert SECRET not in shown
    return message


def test_parse_minimal_config_has_the_documented_defaults() -> None:
    assert parse() == ZoomConfig(
        credentials=ServerToServer("acc", "cid", SECRET),
        start_date=pendulum.datetime(2026, 2, 28),
        lookback_window_days=2,
        rate_limit_plan=RateLimitPlan.AUTO,
        rate_limit_share=90,
        num_workers=200,
        report_hosts=ReportHosts.ACTIVE,
        include_one_participant_sessions=False,
        on_gaps=OnGaps.REPORT,
        api_url="https://api.zoom.us/v2",
        authorization_endpoint="https://zoom.us/oauth/token",
        notices=(),
    )


def test_defaults_agree_with_the_spec() -> None:
    spec = yaml.safe_load((Path(__file__).parents[1] / "source_zoom" / "spec.yaml").read_text(encoding="utf-8"))
    properties = spec["connectionSpecification"]["properties"]
    defaults = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
    assert len(defaults) == 9
    assert parse(**defaults) == parse()


def test_every_bound_and_choice_of_the_spec_is_accepted() -> None:
    spec = yaml.safe_load((Path(__file__).parents[1] / "source_zoom" / "spec.yaml").read_text(encoding="utf-8"))
    values = [
        (name, value)
        for name, schema in spec["connectionSpecification"]["properties"].items()
        for value in [
            *schema.get("enum", []),
            *schema.get("examples", []),
            schema.get("minimum"),
            schema.get("maximum"),
        ]
        if value is not None and name != "start_date"
    ]
    assert len(values) > 15
    for name, value in values:
        assert getattr(parse(**{name: value}), name) == value
    for schema in spec["connectionSpecification"]["properties"]["start_date"]["examples"]:
        parse(start_date=schema)


def test_parse_without_now_uses_the_clock() -> None:
    with freeze_time("2026-08-31T15:30:00Z"):
        assert ZoomConfig.parse({"credentials": S2S}) == parse()


def test_parse_names_what_it_does_not_know() -> None:
    legacy = {"anchor_date": "2026-08-01", "account_id": "a", "client_id": "b", "client_secret": "c"}
    assert ZoomConfig.parse({**legacy, "__injected": 1}, now=NOW).notices == ()

    (notice,) = parse(rate_limit_plann="free", jwt_token=SECRET).notices

    assert "`jwt_token`, `rate_limit_plann`" in notice
    assert SECRET not in notice


def test_parse_every_property_given() -> None:
    config = parse(
        credentials=OAUTH,
        start_date="2026-08-01",
        lookback_window_days=0,
        rate_limit_plan="business_plus",
        rate_limit_share=100,
        num_workers=2,
        report_hosts="all",
        include_one_participant_sessions=True,
        on_gaps="fail",
        api_url=" http://127.0.0.1:8080/v2/ ",
        authorization_endpoint="http://localhost:8080/oauth/token",
    )
    assert config == ZoomConfig(
        credentials=RefreshToken("cid", SECRET, "r3fresh-value"),
        start_date=pendulum.datetime(2026, 8, 1),
        lookback_window_days=0,
        rate_limit_plan=RateLimitPlan.BUSINESS_PLUS,
        rate_limit_share=100,
        num_workers=2,
        report_hosts=ReportHosts.ALL,
        include_one_participant_sessions=True,
        on_gaps=OnGaps.FAIL,
        api_url="http://127.0.0.1:8080/v2",
        authorization_endpoint="http://localhost:8080/oauth/token",
    )


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_empty_optional_value_counts_as_not_given(empty: object) -> None:
    names = [
        "start_date",
        "anchor_date",
        "lookback_window_days",
        "rate_limit_plan",
        "rate_limit_share",
        "num_workers",
        "report_hosts",
        "include_one_participant_sessions",
        "on_gaps",
        "api_url",
        "authorization_endpoint",
    ]
    assert parse(**dict.fromkeys(names, empty)) == parse()


def test_credentials_are_stripped() -> None:
    padded = {key: value if key == "auth_type" else f" {value}\n" for key, value in OAUTH.items()}
    assert parse(credentials=padded).credentials == RefreshToken("cid", SECRET, "r3fresh-value")


def test_repr_shows_no_secret() -> None:
    shown = repr(parse()) + repr(parse(credentials=OAUTH))
    assert "cid" in shown
    assert SECRET not in shown
    assert "r3fresh-value" not in shown


def test_config_is_frozen() -> None:
    with pytest.raises(AttributeError):
        parse().num_workers = 3  # type: ignore[misc]


@pytest.mark.parametrize("config", [None, [], "text", 5, [["credentials", S2S]]])
def test_config_that_is_no_object(config: Any) -> None:
    assert fault(config) == "The configuration must be a JSON object."


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (MISSING, "`credentials` is missing"),
        (None, "`credentials` is missing"),
        ("", "`credentials` is missing"),
        ({}, "`credentials` is missing"),
        (SECRET, "`credentials` must be an object"),
        ([SECRET], "`credentials` must be an object"),
        ({"client_secret": SECRET}, "`credentials.auth_type` is missing"),
        (S2S | {"auth_type": None}, "`credentials.auth_type` is missing"),
        (S2S | {"auth_type": SECRET}, "`credentials.auth_type` is unknown"),
        (S2S | {"auth_type": [SECRET]}, "`credentials.auth_type` is unknown"),
    ],
)
def test_credentials_faults(credentials: object, expected: str) -> None:
    assert fault({} if credentials is MISSING else {"credentials": credentials}).startswith(expected)


@pytest.mark.parametrize(
    ("form", "key"),
    [(form, key) for form in (S2S, OAUTH) for key in form if key != "auth_type"],
)
@pytest.mark.parametrize("value", [MISSING, None, "", " \t\n", 17, True, [SECRET], {"a": SECRET}])
def test_required_credential_faults(form: dict[str, str], key: str, value: object) -> None:
    credentials = {**form, key: value}
    if value is MISSING:
        del credentials[key]
    problem = "must be text" if value in (17, True, [SECRET], {"a": SECRET}) else "is missing or empty"
    assert fault({"credentials": credentials}).startswith(f"`credentials.{key}` {problem}")


DATE_NAMES = pytest.mark.parametrize("name", ["start_date", "anchor_date"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-08-01", "2026-08-01"),
        (" 2026-08-01 ", "2026-08-01"),
        ("2026-08-01T00:00:00Z", "2026-08-01"),
        ("2026-08-01T23:59:59.999999999Z", "2026-08-01"),
        ("2026-08-01T12:00Z", "2026-08-01"),
        ("2026-08-01T23:59:59", "2026-08-01"),
        ("2026-08-01T00:00", "2026-08-01"),
        ("2026-08-01 00:00:00", "2026-08-01"),
        ("2026-08-01 23:00:00-02:00", "2026-08-02"),
        ("2026-08-01T23:00:00-02:00", "2026-08-02"),
        ("2026-08-01T00:00:00+0900", "2026-07-31"),
        ("2026-08-31T15:30:00Z", "2026-08-31"),
        ("2026-02-28", "2026-02-28"),
    ],
)
@DATE_NAMES
def test_start_date_is_a_day_in_utc(name: str, value: str, expected: str) -> None:
    config = parse(**{name: value})
    assert config.start_date.isoformat() == f"{expected}T00:00:00+00:00"
    assert config.notices == ()


@pytest.mark.parametrize("value", ["2026-02-27", "2017-01-01T00:00:00Z", "0001-01-02"])
@DATE_NAMES
def test_start_date_older_than_the_reports_is_noticed_once_and_left_to_each_stream(name: str, value: str) -> None:
    config = parse(**{name: value})
    assert config.start_date.isoformat()[:10] == value[:10]
    (notice,) = config.notices
    moved = f"`{name}` {value[:10]} was moved up to 2026-02-28, but for archives"
    assert notice == f"{moved}: Zoom's reports reach back 6 months."


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "2026-13-01",
        "20260801",
        "2026-W31",
        "2026-08-01T",
        "2026-08-01T00",
        "2026-08-01Z",
        "2026-08-01  00:00:00",
        "2026-08-01T25:00:00Z",
        "2026-08-01T00:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "\u0662\u0660\u0662\u0666-08-01",
        "yesterday",
        SECRET,
        1_700_000_000,
        True,
        ["2026-08-01"],
    ],
)
@DATE_NAMES
def test_start_date_that_is_no_date(name: str, value: object) -> None:
    assert fault({"credentials": S2S, name: value}).startswith(f"`{name}` must be a date such as 2026-01-31")


@pytest.mark.parametrize("value", ["2026-09-01", "2026-08-31T15:30:01Z", "9999-12-31"])
@DATE_NAMES
def test_start_date_in_the_future(name: str, value: str) -> None:
    assert fault({"credentials": S2S, name: value}).startswith(f"`{name}` is in the future")


def test_names_the_user_wrote_are_kept_through_normalise() -> None:
    """As on the command line, where the configuration is normalised before it is parsed."""
    assert fault(normalise({"credentials": S2S, "anchor_date": "soon"})).startswith("`anchor_date` must be a date")
    assert fault(normalise(normalise(FLAT | {"client_id": " "}))).startswith("`client_id` is missing")


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("lookback_window_days", 0, 30), ("rate_limit_share", 1, 100), ("num_workers", 2, 200)],
)
def test_integers(name: str, least: int, most: int) -> None:
    assert getattr(parse(**{name: least}), name) == least
    assert getattr(parse(**{name: float(most)}), name) == most
    for wrong in (least - 1, most + 1, 2.5, float("nan"), float("inf"), "5", True, False, [5], SECRET):
        message = fault({"credentials": S2S, name: wrong})
        assert message == f"`{name}` must be a whole number from {least} to {most}, without quotes."


@pytest.mark.parametrize("value", ["true", 1, 0, []])
def test_boolean_faults(value: object) -> None:
    message = fault({"credentials": S2S, "include_one_participant_sessions": value})
    assert message == "`include_one_participant_sessions` must be true or false, without quotes."


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("rate_limit_plan", "`auto`, `free`, `pro`, `business_plus`"),
        ("report_hosts", "`active`, `all`"),
    ],
)
@pytest.mark.parametrize("value", ["PRO", "everything", SECRET, 1, True, ["pro"], {"a": 1}])
def test_unknown_choice(name: str, choices: str, value: object) -> None:
    assert fault({"credentials": S2S, name: value}) == f"`{name}` must be one of {choices}."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://api.zoomgov.com/v2", "https://api.zoomgov.com/v2"),
        ("https://api.zoom.us/v2//", "https://api.zoom.us/v2"),
        ("https://host:8443", "https://host:8443"),
        ("http://127.0.0.1:1/v2", "http://127.0.0.1:1/v2"),
        ("http://127.255.3.4/v2", "http://127.255.3.4/v2"),
        ("http://[::1]:8080/v2", "http://[::1]:8080/v2"),
        ("http://LOCALHOST/v2", "http://LOCALHOST/v2"),
    ],
)
def test_urls(value: str, expected: str) -> None:
    assert parse(api_url=value).api_url == expected


@pytest.mark.parametrize("name", ["api_url", "authorization_endpoint"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("api.zoom.us/v2", "must be a full URL"),
        ("https:///v2", "must be a full URL"),
        ("https://", "must be a full URL"),
        ("https://:443/v2", "must be a full URL"),
        ("https://host:port/v2", "must be a full URL"),
        ("https://host:0/v2", "must be a full URL"),
        ("https://a..b/v2", "must be a full URL"),
        ("https://.b/v2", "must be a full URL"),
        ("https://ex%20ample/v2", "must be a full URL"),
        ("https://" + "a" * 64 + "/v2", "must be a full URL"),
        ("https://host:99999/v2", "must be a full URL"),
        ("https://[::1/v2", "must be a full URL"),
        ("https://host/v 2", "must be a full URL"),
        ("https://host\\@evil/v2", "must be a full URL"),
        ("https://host/\x00v2", "must be a full URL"),
        (17, "must be a full URL"),
        ({"a": SECRET}, "must be a full URL"),
        ("ftp://host/v2", "must begin with https://"),
        ("http://api.zoom.us/v2", "must begin with https://"),
        ("http://128.0.0.1/v2", "must begin with https://"),
        ("http://127.0.0.1.example.com/v2", "must begin with https://"),
        ("http://localhost.example.com/v2", "must begin with https://"),
        ("http://[::2]/v2", "must begin with https://"),
        (f"https://user:{SECRET}@host/v2", "must not contain a user name"),
        (f"https://{SECRET}@host/v2", "must not contain a user name"),
        (f"https://host/v2?token={SECRET}", "must end with its path"),
        ("https://host/v2?", "must end with its path"),
        ("https://host/v2#part", "must end with its path"),
    ],
)
def test_url_faults(name: str, value: object, expected: str) -> None:
    assert fault({"credentials": S2S, name: value}).startswith(f"`{name}` {expected}")


FLAT = {"account_id": "acc", "client_id": "cid", "client_secret": SECRET}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, {}),
        (FLAT, {"credentials": S2S}),
        (FLAT | {"credentials": {}}, {"credentials": S2S}),
        (FLAT | {"credentials": None, "account_id": ""}, {"credentials": S2S | {"account_id": ""}}),
        ({"client_id": "cid"}, {"credentials": {"auth_type": "server_to_server", "client_id": "cid"}}),
        ({"client_id": "", "client_secret": None}, {"client_id": "", "client_secret": None}),
        (
            {"client_id": "cid", "client_secret": SECRET, "refresh_token": "r3fresh-value"},
            {"credentials": OAUTH},
        ),
        (FLAT | {"refresh_token": "r"}, {"credentials": S2S | {"refresh_token": "r"}}),
        (FLAT | {"other": [1], "api_url": "u"}, {"credentials": S2S, "other": [1], "api_url": "u"}),
        ({"anchor_date": "2026-08-01"}, {"start_date": "2026-08-01"}),
        ({"anchor_date": "2026-08-01", "start_date": ""}, {"start_date": "2026-08-01"}),
    ],
)
def test_normalise_moves_older_forms(config: dict[str, Any], expected: dict[str, Any]) -> None:
    before = copy.deepcopy(config)
    assert normalise(config) == expected
    assert config == before


@pytest.mark.parametrize(
    "config",
    [
        {"credentials": S2S},
        {"credentials": OAUTH, "start_date": "2026-08-01", "anchor_date": "2026-07-01", "other": {"a": None}},
        {"credentials": S2S, "client_id": "another"},
        {"credentials": "nonsense", "anchor_date": ""},
    ],
)
def test_normalise_leaves_the_new_form_as_it_is(config: dict[str, Any]) -> None:
    assert normalise(config) == config


def test_normalise_shares_nothing_with_its_input() -> None:
    config = {"credentials": dict(OAUTH)}
    normalise(config)["credentials"]["refresh_token"] = "changed"
    assert config == {"credentials": OAUTH}


SCALARS = st.sampled_from([None, "", " ", "x", "2026-08-01", "server_to_server", 0, 2, 2.5, float("nan"), True])
JSON = SCALARS | st.lists(SCALARS, max_size=2)
KEYS = ["account_id", "client_id", "client_secret", "refresh_token", "credentials", "anchor_date", "start_date", "x"]


@given(st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from([*KEYS, "auth_type"]), JSON)))
def test_normalise_twice_is_normalise_once(config: dict[str, Any]) -> None:
    once = normalise(config)
    assert normalise(once) == once


@given(st.dictionaries(st.sampled_from([*KEYS, "num_workers", "api_url", "report_hosts"]), JSON | st.just(S2S)) | JSON)
def test_parse_raises_nothing_but_config_errors(config: Any) -> None:
    failure: FailureType | None = FailureType.config_error
    try:
        ZoomConfig.parse(config, now=NOW)
    except AirbyteTracedException as error:
        failure = error.failure_type
    assert failure is FailureType.config_error


def test_flat_and_anchor_date_forms_parse_as_the_new_form() -> None:
    assert ZoomConfig.parse(FLAT | {"anchor_date": "2026-08-01"}, now=NOW) == parse(start_date="2026-08-01")


def test_flat_config_with_a_blank_value_names_it_as_it_was_written() -> None:
    assert fault(FLAT | {"client_id": " "}).startswith("`client_id` is missing or empty")
    assert fault(FLAT | {"client_id": 7}).startswith("`client_id` must be text")
    assert fault(FLAT | {"other": 2**64, "refresh_token": "\ud800"}).startswith("`refresh_token` cannot be saved again")


# Names that may be misspelt


def test_unknown_names_in_credentials_are_named() -> None:
    (notice,) = parse(credentials={**S2S, "acount_id": SECRET, "access_token": "a", "token_expiry_date": ""}).notices
    assert "`credentials.acount_id`." in notice
    assert "access_token" not in notice
    assert SECRET not in notice


@pytest.mark.parametrize(("form", "prefix"), [("nested", "credentials."), ("flat", "")])
@pytest.mark.parametrize(
    ("wrong", "right"),
    [("acount_id", "account_id"), ("clientid", "client_id"), ("client_secrets", "client_secret")],
)
def test_missing_value_with_a_similar_name_beside_it_names_both(form: str, prefix: str, wrong: str, right: str) -> None:
    flat: dict[str, Any] = {wrong if key == right else key: value for key, value in FLAT.items()}
    nested = {"credentials": {"auth_type": "server_to_server", **flat}}
    assert fault(nested if form == "nested" else flat) == (
        f"`{prefix}{right}` is missing or empty, and `{prefix}{wrong}` is no property of this connector: "
        "correct its name."
    )


# JWT apps


@pytest.mark.parametrize(
    "config",
    [
        {"jwt_token": SECRET},
        {"jwt_token": SECRET, "credentials": None},
        {"api_key": "key", "api_secret": SECRET, "start_date": "2026-08-01"},
        {"access_token": SECRET},
        {"auth_type": "jwt"},
        {"credentials": {"auth_type": "JWT", "client_id": "key", "client_secret": SECRET}},
        {"credentials": {"auth_type": "jwt_token"}},
        {"credentials": {"api_key": "key", "api_secret": SECRET}},
        {"credentials": {"jwt_token": SECRET, "client_id": ""}},
        {"credentials": {"auth_type": "oauth2.0", "access_token": SECRET}},
    ],
)
def test_jwt_app_is_told_to_be_replaced_and_by_what(config: dict[str, Any]) -> None:
    for form in (config, normalise(config)):
        message = fault(form)
        assert message.startswith("Zoom switched JWT apps off in September 2023: create a Server-to-Server OAuth app")
        assert "`account_id`, `client_id` and `client_secret`" in message


def test_values_of_a_jwt_app_beside_those_of_another_are_a_notice() -> None:
    (notice,) = ZoomConfig.parse(FLAT | {"api_key": SECRET, "auth_type": "x"}, now=NOW).notices
    assert "`api_key`" in notice


# What cannot be written as JSON again


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**63) - 1, "\ud800", float("nan"), float("-inf"), [{"a": [2**70]}], {"\udfff": 1}, nested(249)],
    ids=repr,
)
@pytest.mark.parametrize("credentials", [S2S, OAUTH], ids=["server_to_server", "oauth2.0"])
def test_value_that_cannot_be_written_again_is_named(credentials: dict[str, str], value: object) -> None:
    assert fault({"credentials": credentials, "other": value}).startswith("`other` cannot be saved again as JSON: ")
    assert fault({"credentials": {**credentials, "label": value}}).startswith("`credentials.label` cannot be saved")


@pytest.mark.parametrize(
    "value", [2**64 - 1, -(2**63), "\U0001f600", 1.5, None, nested(200), {"a": {"b": True}}], ids=repr
)
def test_value_that_can_be_written_again_is_left_alone(value: object) -> None:
    parse(_other=value)


def test_name_that_cannot_be_written_is_shown_escaped() -> None:
    assert fault({"credentials": S2S, "a\ud800": 1}).startswith("`a\\ud800` cannot be saved again")
    assert fault({"credentials": {**S2S, "client_secret": "\ud800"}}).startswith("`credentials.client_secret` cannot")


def test_config_nested_too_deep_is_refused() -> None:
    assert fault({"credentials": S2S, "other": nested(5000)}) == "The configuration is nested too deep."


def test_credentials_win_over_equal_flat_keys_in_silence() -> None:
    assert ZoomConfig.parse(FLAT | {"credentials": S2S}, now=NOW) == parse()


@pytest.mark.parametrize("key", ["account_id", "client_id", "client_secret", "refresh_token"])
def test_credentials_win_over_different_flat_keys_with_a_notice(key: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        config = ZoomConfig.parse({"credentials": S2S, key: "another-value"}, now=NOW)
    assert config.credentials == ServerToServer("acc", "cid", SECRET)
    (notice,) = config.notices
    assert f"`{key}`" in notice
    assert "another-value" not in notice
    assert caplog.text == ""
