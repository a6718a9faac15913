"""https://developers.zoom.us/docs/api/team-chat/ ."""

from sandbox.limits import Label
from sandbox.paging import Paging
from sandbox.routing import Call, Listing, Route


def list_channels(call: Call) -> Listing:
    """List the public channels of the account."""
    numbers = range(call.world.size.channels)
    return Listing.of("channels", numbers, call.world.channel_row, tells=("page_size", "total_records"))


ROUTES = (
    Route(
        "/chat/channels",
        "getAccountChannels",
        Label.MEDIUM,
        "chat_channel:read:admin",
        "team_chat:read:list_channels:admin",
        list_channels,
        paging=Paging(
            maximum=20,
            served=20,
            default=10,
            dead_token="The next page token is either invalid or has expired.",  # noqa: S106
        ),
    ),
)
