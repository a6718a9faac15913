"""What Zoom's OpenAPI documents say about an operation, as the connector declares it: facts, schema and sample."""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jsonschema import Draft4Validator

from scripts.make_shapes import JsonObject, UndocumentedError, label, lists, queries, scope
from source_zoom.streams import ZoomStream
from source_zoom.streams.users import Users
from source_zoom.zoom.answers import classify
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import ANY, PHONE, PRO, WEBINARS, Plan
from unit_tests.contract.formats import CHECKER, DATE, DATE_TIME_WITH_ZONE
from unit_tests.contract.schema_tree import properties, types
from unit_tests.said import Said, refusals

LARGEST_PAGE, DEFAULT_PAGE = 300, 30
"""The largest page that Zoom answers with, and the one that is sure where no maximum is documented."""

PLANS: Mapping[str, Plan] = {
    r"webinar (plan|licen[sc]e|add-?on|subscription)": WEBINARS,
    r"zoom phone licen[sc]e": PHONE,
    r"\bpro\b|paid account": PRO,
    r"\bbusiness\b": Plan("Business plan"),
    r"\benterprise\b": Plan("Enterprise plan"),
}
"""By what the prerequisites say; the first that matches."""

NAMES = {PRO: "PRO", WEBINARS: "WEBINARS", PHONE: "PHONE"}
ROW_ID = "row_id"
TIMES = ("time", "date_time", "start_time", "created_at", "create_time", "created_time", "date_created")
JSON_TYPES = {bool: "boolean", dict: "object", float: "number", int: "integer", list: "array", str: "string"}
MADE_UP = {"boolean": True, "integer": 1, "number": 1.5, "object": {}}
TEXTS = ("text", "2026-01-25T17:52:16Z", "2026-01-25", "user@example.com")
COUNTED = {"next_page_token": "", "page_count": 1, "page_number": 1, "total_records": 1}


def snake(name: str) -> str:
    """Return a name of Zoom's or of a class in snake case.

    >>> snake("groupId"), snake("PendingUsers"), snake("call-history")
    ('group_id', 'pending_users', 'call_history')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", name).lower()


def singular(word: str) -> str:
    """Return the singular of a word in a path.

    >>> [singular(word) for word in ("activities", "addresses", "groups", "history")]
    ['activity', 'address', 'group', 'history']
    """
    for ending, of_one in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending) and not word.endswith("ss"):
            return word.removesuffix(ending) + of_one
    return word


def words_of(path: str) -> str:
    """Return the name that a stream of a path has: each word but the last in the singular.

    >>> words_of("/groups/{groupId}/members")
    'group_members'
    """
    *others, last = [snake(part) for part in path.strip("/").split("/") if not part.startswith("{")]
    return "_".join([*map(singular, others), last])


def sentence(text: str) -> str:
    """Return the first sentence of a text of Zoom's, without its marks.

    >>> sentence("The **type** of [group](https://zoom.us). One of `1`, `2`.")
    'The type of group.'
    """
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)|<[^>]+>", r"\1", html.unescape(text))
    line = next(filter(None, (part.strip() for part in re.sub(r"[*`|]", "", plain).splitlines())), "")
    first = re.split(r"(?<!e\.g)(?<!i\.e)\.\s", f"{' '.join(line.split())} ")[0].strip(" .:;,")
    return f"{first[:1].upper()}{first[1:]}." if first else ""


@dataclass(frozen=True)
class Field:
    """A field of Zoom's rows, with all schemas that the documents have for it: branches may repeat it."""

    nodes: Sequence[JsonObject]

    @cached_property
    def children(self) -> dict[str, Field]:
        """The fields of an object.

        :raises UndocumentedError: if there are alternatives
        """
        found: defaultdict[str, list[JsonObject]] = defaultdict(list)
        try:
            for node in self.nodes:
                for name, child in properties(node):
                    found[name].append(child)
        except ValueError as error:
            raise UndocumentedError(
                "The documents have alternatives for a field: write this stream by hand."
            ) from error
        return {name: Field(nodes) for name, nodes in found.items()}

    @property
    def items(self) -> Field:
        """What an array has."""
        return Field([node["items"] for node in self.nodes if "items" in node] or [{"type": "string"}])

    @property
    def types(self) -> set[str]:
        """Its JSON types, documented or shown."""
        documented: set[str] = set().union(*map(types, self.nodes))
        return documented | {JSON_TYPES[type(value)] for value in self._examples()} or {"string"}

    @property
    def format(self) -> str | None:
        """`date-time` or `date` if all examples are that; without an example, what is documented."""
        if self.types != {"string"}:
            return None
        texts = self._examples()
        for name, pattern in (("date-time", DATE_TIME_WITH_ZONE), ("date", DATE)):
            if all(pattern.fullmatch(text) for text in texts) and (texts or self._is_documented_as(name)):
                return name
        return None

    def column(self, name: str, *, is_key: bool = False) -> JsonObject:
        """Return its schema in the connector's form; items of an array have no name."""
        known = next(filter(None, (sentence(node.get("description", "")) for node in self.nodes)), "")
        kinds = sorted(self.types)
        column: JsonObject = {"description": known or sentence(name.replace("_", " "))} if name else {}
        column["type"] = kinds[0] if is_key and len(kinds) == 1 else ["null", *kinds]
        if self.format:
            column["format"] = self.format
        if self.format == "date-time":
            column["airbyte_type"] = "timestamp_with_timezone"
        if "object" in kinds:
            children = sorted(self.children.items())
            column["additionalProperties"] = True
            column["properties"] = {one: child.column(one) for one, child in children}
        if "array" in kinds:
            column["items"] = self.items.column("")
        return column

    def sample(self) -> Any:
        """Return a value that the documents allow, with all that they name: the example, if it is one."""
        if self.children:
            return {name: child.sample() for name, child in self.children.items()}
        kinds = sorted(self.types)
        choices = [choice for node in self.nodes for choice in node.get("enum", ())]
        made_up: list[Any] = [MADE_UP[kind] for kind in kinds if kind in MADE_UP] if "string" not in kinds else []
        if "array" in kinds:
            made_up.insert(0, [self.items.sample()])
        examples = [] if "array" in kinds and self.items.children else self._examples()
        return next(value for value in (*examples, *choices, *made_up, *TEXTS, None) if self._allows(value))

    def _examples(self) -> list[Any]:
        return [node["example"] for node in self.nodes if node.get("example") is not None]

    def _is_documented_as(self, name: str) -> bool:
        return any(node.get("format") == name for node in self.nodes)

    def _allows(self, value: Any) -> bool:
        # What no value satisfies is the documents' slip, which a test then shows.
        return value is None or all(
            Draft4Validator(node, format_checker=CHECKER).is_valid(value) for node in self.nodes
        )


@dataclass(frozen=True)
class Facts:
    """A stream, as the documents describe its operation.

    :param path: of the operation
    :param records: key of the rows in an answer
    :param parent: the stream whose rows the path names
    """

    name: str
    product: str
    path: str
    operation: JsonObject
    records: str
    parent: type[ZoomStream] | None = None

    @property
    def class_name(self) -> str:
        """Name of the class."""
        return "".join(word.capitalize() for word in self.name.split("_"))

    @property
    def placeholders(self) -> list[str]:
        """What the path names."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def parent_field(self) -> str | None:
        """The field of the slices that the path takes: as the parent calls it, if it has children."""
        if self.parent is None:
            return None
        return next(iter(self.parent.child_keys), snake(self.placeholders[0]))

    @property
    def by_days(self) -> bool:
        """Whether it is read by windows of days; where they are left out, Zoom takes the last day or month.

        :raises UndocumentedError: if it is, for each row of a parent other than the users
        """
        takes_days = {"from", "to"} <= queries(self.operation).keys()
        if takes_days and self.parent not in {None, Users}:
            raise UndocumentedError(f"GET {self.path} takes days of each row of a parent: write this stream by hand.")
        return takes_days

    @cached_property
    def row(self) -> dict[str, Field]:
        """The fields of a row."""
        fields = Field([lists(self.operation)[self.records]]).items.children
        if not fields:
            raise UndocumentedError(f"GET {self.path} does not say what a row of '{self.records}' is.")
        return fields

    @property
    def key(self) -> str | None:
        """The column that identifies a row, among those of its parent if it has one; None if there is none."""
        stems = ("", *(f"{singular(name)}_" for name in (self.name, self.records)))
        candidates = (f"{stem}{kind}" for stem in stems for kind in ("id", "uuid"))
        return next((name for name in candidates if name in self.row), None)

    @property
    def primary_key(self) -> list[str]:
        """The columns of the primary key."""
        return [*filter(None, [self.parent_field]), self.key or ROW_ID]

    @property
    def time(self) -> str | None:
        """The column with the time of a row that is read by days.

        :raises UndocumentedError: if there is none
        """
        if not self.by_days:
            return None
        times = [name for name, field in self.row.items() if field.format == "date-time"]
        if not times:
            raise UndocumentedError(f"GET {self.path} takes days, but its rows have no date-time: no window fits.")
        return min(times, key=lambda name: (TIMES.index(name) if name in TIMES else len(TIMES), name))

    @property
    def row_key(self) -> list[str]:
        """The columns that tell rows without a key apart: the time first, then all others that are plain."""
        plain = [name for name, field in self.row.items() if not field.types & {"array", "object"}]
        return sorted(plain, key=lambda name: (name != self.time, plain.index(name)))

    @property
    def page_size(self) -> int | None:
        """The largest page there is."""
        parameter = queries(self.operation).get("page_size")
        return min(parameter["schema"].get("maximum", DEFAULT_PAGE), LARGEST_PAGE) if parameter else None

    @property
    def has_no_maximum(self) -> bool:
        """Whether the documents leave open how large a page may be."""
        parameter = queries(self.operation).get("page_size")
        return parameter is not None and "maximum" not in parameter["schema"]

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint.

        :raises UndocumentedError: if a fact is missing, or is one that a table cannot hold
        """
        name = label(self.product, self.operation)
        if name.lower() not in {one.value for one in RateLabel}:
            raise UndocumentedError(f"The connector has no budget for the rate label {name} of GET {self.path}.")
        unknown = [
            name
            for name, one in queries(self.operation).items()
            if one.get("required") and name not in {"from", "to", "page_size", "next_page_token"}
        ]
        if unknown:
            raise UndocumentedError(f"GET {self.path} requires {', '.join(unknown)}: write this stream by hand.")
        scopes = {kind: scope(self.operation, f"x-{kind}-scopes") for kind in ("granular", "macro")}
        kind, access, *_ = scopes["granular"].split(":")
        path = self.path.strip("/")
        for placeholder in self.placeholders:
            path = path.replace(placeholder, str(self.parent_field))
        return Endpoint(
            path,
            RateLabel(name.lower()),
            scopes["granular"],
            classic=scopes["macro"] if scopes["macro"] != f"{kind}:{access}:admin" else None,
            records=self.records,
            page_size=self.page_size,
            slice_params=("from", "to") if self.by_days else (),
        )

    @property
    def address(self) -> str:
        """Zoom's page of the operation."""
        tag = re.sub(r"[^a-z]+", "-", self.operation["tags"][0].lower()).strip("-")
        return f"https://developers.zoom.us/docs/api/{self.product}/#tag/{tag}/get{self.path}"

    @cached_property
    def refusals(self) -> list[tuple[Said, Meaning]]:
        """The refusals that the documents name, and what each means."""
        statuses = [int(status) for status in self.operation["responses"] if status.isdigit() and status != "429"]
        said = [
            Said(status, code, text, self.path)
            for status in statuses
            for code, text in refusals(self.path, status)
            if code is not None
        ]
        meanings = [(one, classify(one.answer(), self.endpoint).meaning) for one in said]
        # No page token is sent here, so that a dead one means an invalid request.
        return [(one, meaning) for one, meaning in meanings if "page token" not in one.text]

    @property
    def plan(self) -> Plan:
        """What the account must have, by the prerequisites."""
        text = re.search(r"\*\*Prerequisites?(.*?)(\*\*\[|\Z)", self.operation["description"], re.DOTALL)
        return next((PLANS[one] for one in PLANS if text and re.search(one, text[1], re.IGNORECASE)), ANY)

    @property
    def plan_source(self) -> str:
        """The plan as a declaration has it."""
        return NAMES.get(self.plan, f'Plan("{self.plan.name}")')

    @property
    def about(self) -> str:
        """What the stream holds, in a sentence."""
        verb = r"^(list|get|retrieve|return|show|view)\s+((all|the|an?|list|of)\s+)*"
        return sentence(re.sub(verb, "", self.operation["summary"].strip(), flags=re.IGNORECASE))

    def schema(self) -> JsonObject:
        """Return the stream's schema."""
        never_null = {*self.primary_key, self.time}
        columns = dict(self._own_columns())
        columns |= {name: field.column(name, is_key=name in never_null) for name, field in self.row.items()}
        first = [*self.primary_key, *(name for name in ("id", "host_id") if name not in self.primary_key)]
        names = [*(name for name in first if name in columns), *sorted(columns.keys() - first)]
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "description": self.about,
            "type": "object",
            "additionalProperties": True,
            "properties": {name: columns[name] for name in names},
        }

    def sample(self) -> JsonObject:
        """Return an answer with one row, which has every field."""
        answer = self.operation["responses"]["200"]["content"]["application/json"]["schema"]
        made: JsonObject = Field([answer]).sample()
        fixed = {**COUNTED, "page_size": self.page_size}
        return {
            name: fixed[name] if name in fixed and type(fixed[name]) is type(value) else value
            for name, value in made.items()
        }

    def _own_columns(self) -> Iterator[tuple[str, JsonObject]]:
        """Yield the columns that the connector adds."""
        if self.parent_field:
            words = self.parent_field.replace("_", " ").capitalize()
            yield self.parent_field, {"description": f"{words}; added by the connector.", "type": "string"}
        if self.parent and "host_id" in self.parent.child_keys:
            yield "host_id", {"description": "User id of the host; added by the connector.", "type": ["null", "string"]}
        if not self.key:
            text = (
                f"Digest of the row, made by the connector: Zoom gives {self.records.replace('_', ' ')} no key. "
                "Equal ones are numbered."
            )
            yield ROW_ID, {"description": text, "type": "string"}
