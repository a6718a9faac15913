"""The endpoints, by area of Zoom's API."""

from sandbox.areas import chat, meetings, past, reports, users, webinars
from sandbox.routing import Route
from sandbox.shaped import TABLE, routes

ROUTES: tuple[Route, ...] = (
    *users.ROUTES,
    *meetings.ROUTES,
    *webinars.ROUTES,
    *past.ROUTES,
    *chat.ROUTES,
    *reports.ROUTES,
    *routes(TABLE),
)
