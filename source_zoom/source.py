"""The connector: what Airbyte's four commands call, put together from the other modules.

The way of one request is told in CONTRIBUTING.md.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pendulum
from airbyte_cdk.models import (
    AirbyteConnectionStatus,
    AirbyteMessage,
    AirbyteStateMessage,
    ConfiguredAirbyteCatalog,
    FailureType,
    Status,
    SyncMode,
)
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY, Stream
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, FinalStateCursor
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from source_zoom import inputs
from source_zoom.config import ZoomConfig, normalise
from source_zoom.engine import SliceFailure, TreeReader, TreeStream, slices_from, with_ancestors
from source_zoom.judge import Judge
from source_zoom.selection import Selection
from source_zoom.streams import ReadGaps, StreamContext, ZoomStream, build, build_all
from source_zoom.streams.windows.stream import ResumableStream
from source_zoom.zoom.auth import authenticator
from source_zoom.zoom.limits import Budgets
from source_zoom.zoom.plan_search import PlanSearch


class SourceZoom(AbstractSource):
    """Reads a Zoom account."""

    # `ZoomConfig` checks, with sentences that name the property and the remedy; the CDK's do not.
    check_config_against_spec = False

    def configure(self, config: Mapping[str, Any], temp_dir: str) -> Mapping[str, Any]:
        """Return the config in the form the spec describes; unlike the CDK's, writes no secrets to disk."""
        return normalise(config)

    @staticmethod
    def read_config(config_path: str) -> dict[str, Any]:
        """Read the config file."""
        return inputs.read_config(config_path)

    @classmethod
    def read_catalog(cls, catalog_path: str) -> ConfiguredAirbyteCatalog:
        """Read the catalog file."""
        return inputs.read_catalog(catalog_path)

    @classmethod
    def read_state(cls, state_path: str) -> list[AirbyteStateMessage]:
        """Read the state file."""
        return inputs.read_state(state_path)

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteConnectionStatus:
        """Say whether the connector can read anything with this config, and if not why, in one sentence.

        :raises AirbyteTracedException: if Zoom cannot be reached or does not answer: Airbyte checks before each retry
            of a sync, and takes a failed status for a config error, which ends the retries
        """
        try:
            self.check_connection(logger, config)
        except AirbyteTracedException as error:
            if error.failure_type is FailureType.transient_error:
                raise
            return AirbyteConnectionStatus(status=Status.FAILED, message=filter_secrets(str(error)))
        return AirbyteConnectionStatus(status=Status.SUCCEEDED)

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any | None]:
        """Get a token, read a page, and log the streams the token's scopes do not open.

        :raises AirbyteTracedException: if nothing can be read
        """
        context = self._context(logger, config)
        streams = build(context)
        _probe([stream for stream in streams.values() if slices_from(stream) is None])
        _log_missing_scopes(logger, streams, context.authenticator.granted_scopes)
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """Return the streams of the catalog."""
        context = self._context(logging.getLogger("airbyte"), config)
        return [stream for stream in build_all(context).values() if not stream.internal]

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: ConfiguredAirbyteCatalog,
        state: list[AirbyteStateMessage] | None = None,
    ) -> Iterator[AirbyteMessage]:
        """Yield the messages of a sync.

        :raises AirbyteTracedException: at once for a bad config or catalog, or if there is no access token; at the
            end if a stream is incomplete
        """
        context = self._context(logger, config)
        streams = build_all(context)
        selection = Selection.of(catalog, {name: stream for name, stream in streams.items() if not stream.internal})
        _log_foreign_states(logger, state or [], streams)
        if selection.modes:
            context.authenticator.get_access_token()  # without one, each stream would fail for the same reason
        states = ConnectorStateManager(state)

        def cursor_of(stream: TreeStream, repository: MessageRepository) -> Cursor:
            if not isinstance(stream, ResumableStream) or stream.name not in selection.modes:
                return FinalStateCursor(stream.name, None, repository)
            incremental = selection.modes.get(stream.name) is SyncMode.incremental
            saved = _saved_state(logger, stream, states, context.now) if incremental else {}
            return stream.make_cursor(saved, repository, incremental=incremental)

        reader = TreeReader(
            streams,
            cursor_of=cursor_of,
            judge=Judge(context, streams, selection.modes),
            workers=context.config.num_workers,
            lacking=context.budgets.lacking,
            logger=logger,
            made=lambda: context.budgets.successes,
            progress_details=context.budgets.report,
        )
        try:
            yield from selection.as_catalogued(reader.read(set(selection.modes), selection.failures))
        finally:
            context.budgets.close()

    def _context(self, logger: logging.Logger, config: Mapping[str, Any]) -> StreamContext:
        if "credentials" not in config:
            config = normalise(config)  # `configure` has done so on the command line
        settings = ZoomConfig.parse(config)
        for notice in settings.notices:
            logger.warning(notice)
        search = PlanSearch(settings.rate_limit_plan, settings.rate_limit_share)
        budgets = Budgets(search, settings.num_workers)
        budgets.use_environment(settings.api_url)
        return StreamContext(config=settings, authenticator=authenticator(settings, config), budgets=budgets)


def _log_foreign_states(
    logger: logging.Logger, state: list[AirbyteStateMessage], streams: Mapping[str, ZoomStream | ReadGaps]
) -> None:
    names = {message.stream.stream_descriptor.name for message in state if message.stream}
    if foreign := sorted(names - streams.keys()):
        logger.warning(f"The state is not used for what this connector does not have: {', '.join(foreign)}.")


def _saved_state(
    logger: logging.Logger, stream: ResumableStream, states: ConnectorStateManager, now: pendulum.DateTime
) -> dict[str, Any]:
    """Return the state of an earlier incremental sync of a stream, empty with a warning if it is another's."""
    incoming = states.get_stream_state(stream.name, None)
    # Through JSON, as the CDK keeps nested objects of its own.
    saved: dict[str, Any] = orjson.loads(orjson.dumps(dict(incoming), default=vars))
    if not saved or stream.usable(saved, now=now):
        return saved
    reason = "this version of the connector did not write it"
    if NO_CURSOR_STATE_KEY in saved:
        reason = "it was read in full before"
    logger.warning(f"The state of stream {stream.name} is not used, because {reason}: it is read from start_date on.")
    return {}


def _probe(roots: list[ZoomStream]) -> None:
    """Ask for a page of each root stream until one can be read, or Zoom cannot be reached.

    :raises AirbyteTracedException: the first one's error, if none can
    """
    errors: list[SliceFailure] = []
    for stream in roots:
        try:
            if stream.probe():
                return
        except SliceFailure as error:
            errors.append(error)
            if error.failure_type is FailureType.transient_error:
                break  # half a minute of retries has told it; the next stream would say the same
    raise errors[0]


def _log_missing_scopes(
    logger: logging.Logger, streams: Mapping[str, ZoomStream], granted: frozenset[str] | None
) -> None:
    """Name the streams that would fail; the token only informs, as it can be older than the app's scopes."""
    if granted is None:
        return
    for name, stream in streams.items():
        if stream.internal:
            continue
        needed = [streams[ancestor].endpoint.scopes for ancestor in sorted(with_ancestors(streams, {name}))]
        lacking = {str(scopes): None for scopes in needed if not scopes.are_granted(granted)}
        if lacking:
            logger.warning(f"The token lacks what the stream '{name}' needs: the scope {' and '.join(lacking)}.")
