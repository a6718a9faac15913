"""Streams that read something of each item of a window stream: of each past session, of each call."""
