from __future__ import annotations

import threading

import pytest
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine.pools import WorkerPool


def test_pool_that_gets_too_few_threads_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_three(thread: threading.Thread) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_three)
    with pytest.raises(AirbyteTracedException, match="`num_workers`"):
        WorkerPool("light", 5)
    assert len(started) == 3
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()
