"""What a stream says at its end of what Zoom had nothing for."""

from __future__ import annotations

import requests_mock

from source_zoom.streams import ZoomStream
from source_zoom.streams.base.skips import Skips
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.meanings import Meaning
from unit_tests.fake_zoom import (
    API,
    refusal,
)
from unit_tests.streams.base.reading import MEETING, REGISTRANTS_OF, gets, page, read


def test_skips_are_counted_by_meaning_and_named_at_the_end(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    polls = streams["meeting_polls"]
    assert polls.closing_line() is None
    gone = refusal(404, 3001, "Meeting does not exist: 1.")
    zoom.get(f"{API}/meetings/1/polls", [gone, gone, refusal(400, 4400, "Meeting polls disabled."), page("polls", "p")])

    assert [len(read(polls, MEETING)) for _ in range(4)] == [0, 0, 0, 1]
    assert polls.closing_line() == (
        "Stream meeting_polls skipped what Zoom has nothing for: "
        "2 x GONE (404/3001: it does not exist any more), 1 x POLLS_OFF (400/4400: polls are switched off for it)."
    )


def test_skip_in_the_first_variant_spares_the_others(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/registrants", **refusal(400, 300, "This meeting has not registration required: 1"))

    assert read(streams["meeting_registrants"], REGISTRANTS_OF) == []
    assert len(gets(zoom)) == 1
    assert streams["meeting_registrants"].closing_line() == (
        "Stream meeting_registrants skipped what Zoom has nothing for: 1 x NO_REGISTRATION (400/300: registration is "
        "not required for it)."
    )


def test_what_the_account_lacks_is_what_zoom_said_first() -> None:
    skips = Skips()
    assert skips.lacking is None

    for meaning in (Meaning.GONE, Meaning.NO_LICENCE, Meaning.NO_PLAN):
        skips.add(Verdict(meaning, 400, 200))

    assert skips.lacking is Meaning.NO_LICENCE
