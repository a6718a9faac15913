"""https://developers.zoom.us/docs/api/users/ ."""

from sandbox.paging import Paging
from sandbox.routing import Call, Listing, Parameter, choice, published


def list_users(call: Call) -> Listing:
    """List the users of a status, filtered by role or licence."""
    world, query = call.world, call.query
    numbers = world.users(query["status"])
    if query["role_id"] is None and query["license"] is None:
        return Listing.of("users", numbers, lambda number: world.user_row(world.user(number), query["include_fields"]))
    users = [
        user
        for user in map(world.user, numbers)
        if query["role_id"] in {None, user.role_id} and query["license"] in {None, user.license}
    ]
    return Listing.of("users", users, lambda user: world.user_row(user, query["include_fields"]))


ROUTES = (
    published(
        "/users",
        list_users,
        parameters=(
            Parameter("status", choice("active", "inactive", "pending"), "active"),
            Parameter("role_id"),
            Parameter("include_fields", choice("custom_attributes", "host_key")),
            Parameter("license", choice("zoom_workforce_management", "zoom_compliance_management")),
        ),
        paging=Paging(maximum=2000, served=300),
    ),
)
