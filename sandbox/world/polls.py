"""Polls of a meeting as they were set up."""

from typing import Any

from sandbox.dice import Dice
from sandbox.world.meetings import Meeting

_UNKNOWN_PERCENT = 15
_NONE_PERCENT = 35
_STATES = ("notstart", "started", "ended", "sharing", "deactivated")

_QUESTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "How useful was this meeting?",
        "type": "single",
        "answer_required": True,
        "answers": ["Extremely useful", "Somewhat useful", "Not useful"],
        "show_as_dropdown": False,
    },
    {
        "name": "Which days suit you?",
        "type": "multiple",
        "answer_required": False,
        "answers": ["Monday", "Wednesday", "Friday"],
        "right_answers": ["Monday", "Friday"],
        "show_as_dropdown": False,
    },
    {
        "name": "Match the words",
        "type": "matching",
        "answer_required": False,
        "answers": ["Hot", "Cold"],
        "prompts": [
            {"prompt_question": "Ice", "prompt_right_answers": ["Cold"]},
            {"prompt_question": "Fire", "prompt_right_answers": ["Hot"]},
        ],
    },
    {
        "name": "What should we do better?",
        "type": "long_answer",
        "answer_required": False,
        "answer_min_character": 1,
        "answer_max_character": 2000,
    },
    {
        "name": "Two ends have a _",
        "type": "fill_in_the_blank",
        "answer_required": False,
        "case_sensitive": False,
        "prompts": [{"prompt_question": "_", "prompt_right_answers": ["sausage"]}],
    },
    {
        "name": "How likely are you to come back?",
        "type": "rating_scale",
        "answer_required": True,
        "rating_min_value": 0,
        "rating_max_value": 10,
        "rating_min_label": "Not likely",
        "rating_max_label": "Extremely likely",
    },
)


def poll_count(seed: int, meeting: Meeting, most: int) -> int | None:
    """Return how many polls a meeting has, or None where Zoom says 404/404 instead of an empty list."""
    dice = Dice(seed, "polls", meeting.number)
    luck = dice.below(100)
    if luck < _UNKNOWN_PERCENT:
        return None
    return 0 if luck < _UNKNOWN_PERCENT + _NONE_PERCENT or not most else dice.between(1, most)


def poll_row(seed: int, meeting: Meeting, number: int) -> dict[str, Any]:
    """Return a poll."""
    dice = Dice(seed, "poll", meeting.number, number)
    return {
        "id": dice.key(),
        "title": f"Poll {number + 1}",
        "anonymous": dice.percent(30),
        "poll_type": dice.pick((1, 2, 3)),
        "status": dice.pick(_STATES),
        "questions": [_QUESTIONS[dice.below(len(_QUESTIONS))] for _ in range(dice.between(1, 3))],
    }
