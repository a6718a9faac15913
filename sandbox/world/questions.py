"""Questions that people answer when they register."""

from typing import Any

from sandbox.dice import Dice
from sandbox.world.meetings import Meeting

_FIELDS = (
    "last_name",
    "address",
    "city",
    "country",
    "zip",
    "state",
    "phone",
    "industry",
    "org",
    "job_title",
    "comments",
)
MEETING_CHOICES = ("single",)
WEBINAR_CHOICES = ("single_radio", "single_dropdown", "multiple")


def questions_row(seed: int, meeting: Meeting, choices: tuple[str, ...]) -> dict[str, Any]:
    """Return the questions of a meeting or webinar; ``choices`` are the types with given answers."""
    dice = Dice(seed, "questions", meeting.number)
    fields = [name for name in _FIELDS if dice.percent(40)] or list(_FIELDS[:1])
    return {
        "questions": [{"field_name": name, "required": dice.percent(50)} for name in fields],
        "custom_questions": [
            {"title": "What do you hope to learn?", "type": "short", "required": False, "answers": []},
            {"title": "How are you?", "type": dice.pick(choices), "required": True, "answers": ["Good", "Very good"]},
        ][: dice.below(3)],
    }
