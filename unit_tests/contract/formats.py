"""The two string formats of the schemas; jsonschema checks `date-time` only where one more package is installed."""

import re

from jsonschema import FormatChecker

DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
DATE_TIME_WITH_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})")
CHECKER = FormatChecker(("date",))


@CHECKER.checks("date-time")
def is_date_time_with_zone(value: object) -> bool:
    """Whether the value is an ISO date-time with a zone; values that are no strings are not this check's business."""
    return not isinstance(value, str) or DATE_TIME_WITH_ZONE.fullmatch(value) is not None
