"""The endpoints, by area of Zoom's API."""

from sandbox.areas import chat, meetings, reports, users
from sandbox.routing import Route

ROUTES: tuple[Route, ...] = (*users.ROUTES, *meetings.ROUTES, *chat.ROUTES, *reports.ROUTES)
