"""What the engine asks of a cursor beyond the CDK's interface."""

from abc import abstractmethod

from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition


class ResumableCursor(Cursor):
    """A cursor that is told of failures too, so that its last state can name what is missing."""

    @abstractmethod
    def fail_partition(self, partition: Partition, error: Exception) -> None:
        """Note that a partition could not be read; called before the CDK learns of it."""
