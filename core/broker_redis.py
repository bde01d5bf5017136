"""kombu's transport for Redis, in which a worker outlives its server and queues are found under their prefix.

When Redis goes away while an errand is not acknowledged, kombu closes the connection twice, and fails at the second
time for want of the address that it forgot at the first. Celery takes that for an error of the program, and the
worker ends. Here it is the lost connection that it is, which Celery makes anew.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class Channel(redis.Channel):  # type: ignore[misc]
    """A channel that knows when its connection was closed."""

    def _connparams(self, asynchronous: bool = False) -> Any:
        if self.connection.client is None:
            raise ConnectionResetError("the connection to the broker was closed")
        return super()._connparams(asynchronous)

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return bool(self._size(queue))  # kombu's own way asks without the prefix, and an empty queue is none in Redis


class Transport(redis.Transport):  # type: ignore[misc]
    """Redis, as a broker."""

    Channel = Channel
