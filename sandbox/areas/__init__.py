"""The endpoints, by area of Zoom's API."""

from sandbox.areas import past, reports, scheduled, users
from sandbox.routing import Route
from sandbox.shaped import TABLE, routes

ROUTES: tuple[Route, ...] = (
    *users.ROUTES,
    *scheduled.ROUTES,
    *past.ROUTES,
    *reports.ROUTES,
    *routes(TABLE),
)
