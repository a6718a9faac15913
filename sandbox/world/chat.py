"""Team Chat channels of the account."""

from typing import Any

from sandbox.dice import Dice


def channel_row(seed: int, number: int) -> dict[str, Any]:
    """Return a public channel."""
    dice = Dice(seed, "channel", number)
    channel_id = dice.key()
    return {
        "id": channel_id,
        "jid": f"{channel_id.lower()}@conference.xmpp.zoom.us",
        "name": f"{dice.pick(('Developers', 'Sales', 'Soporte'))} {number}",
        "type": dice.pick((2, 3)),
        "channel_url": f"https://example.com/launch/chat/v2/{dice.key()}",
        "channel_settings": {
            "add_member_permissions": dice.pick((1, 2)),
            "new_members_can_see_previous_messages_files": dice.percent(50),
            "posting_permissions": dice.pick((1, 2, 3)),
            "mention_all_permissions": dice.pick((1, 2, 3)),
            "allow_to_add_external_users": dice.below(4),
        },
    }
