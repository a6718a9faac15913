"""https://developers.zoom.us/docs/api/users/ ."""

from sandbox.refusals import user_gone
from sandbox.routing import Call, Listing, published
from sandbox.world.people import User


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


def asked_user(call: Call) -> User:
    """Return the user whom the path names; raises ZoomError if there is none, or the user is gone."""
    user = call.world.find_user(call.named)
    if user is None or user.number == call.world.oddities.gone_user:
        raise user_gone(call.route.template, call.named)
    return user


ROUTES = (published("/users", list_users),)
