"""https://developers.zoom.us/docs/api/team-chat/ ."""

from sandbox.paging import Paging
from sandbox.routing import Call, Listing, published


def list_channels(call: Call) -> Listing:
    """List the public channels of the account."""
    numbers = range(call.world.size.channels)
    return Listing.of("channels", numbers, call.world.channel_row, tells=("page_size", "total_records"))


ROUTES = (
    published(
        "/chat/channels",
        list_channels,
        paging=Paging(
            maximum=20,
            served=20,
            default=10,
            dead_token="The next page token is either invalid or has expired.",  # noqa: S106
        ),
    ),
)
