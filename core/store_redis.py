"""The Redis store: bytes beside an index, and scripts that keep both in step and within a bound.

Keys begin with `groundwire:cache:1:`. A server that evicts by itself may drop bytes whose index entry stays, which
counts as a miss. Scripts touch keys that their arguments do not name, so this is for one server (with replicas),
not for Redis Cluster.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

from groundwire.core.store import MOST_ENTRIES, WAIT, Entry, StoreError, Usage

PREFIX = "groundwire:cache:1:"

KEEP = 7 * 24 * 3600
"""Seconds after which Redis itself forgets what nobody wrote again."""

_FORGET = """
local function forget(prefix, key)
  local group = redis.call('HGET', prefix .. 'groups', key)
  if group then redis.call('HDEL', prefix .. 'g:' .. group, key) end
  redis.call('HDEL', prefix .. 'groups', key)
  local size = tonumber(redis.call('HGET', prefix .. 'sizes', key) or '0')
  redis.call('HDEL', prefix .. 'sizes', key)
  redis.call('ZREM', prefix .. 'used', key)
  redis.call('DEL', prefix .. 'd:' .. key)
  if size > 0 then redis.call('DECRBY', prefix .. 'bytes', size) end
end
"""

_SAVE = (
    _FORGET
    + """
local prefix, key, group, meta, data = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local now, bound, most, keep = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9]
forget(prefix, key)
redis.call('SET', prefix .. 'd:' .. key, data, 'EX', keep)
redis.call('HSET', prefix .. 'g:' .. group, key, meta)
redis.call('HSET', prefix .. 'groups', key, group)
redis.call('HSET', prefix .. 'sizes', key, #data)
redis.call('ZADD', prefix .. 'used', now, key)
redis.call('INCRBY', prefix .. 'bytes', #data)
if redis.call('HLEN', prefix .. 'g:' .. group) > most then
  local oldest, least = nil, nil
  for _, other in ipairs(redis.call('HKEYS', prefix .. 'g:' .. group)) do
    local used = tonumber(redis.call('ZSCORE', prefix .. 'used', other) or '0')
    if other ~= key and (least == nil or used < least) then oldest, least = other, used end
  end
  if oldest then forget(prefix, oldest) end
end
if tonumber(redis.call('GET', prefix .. 'bytes') or '0') > bound then
  while tonumber(redis.call('GET', prefix .. 'bytes') or '0') > bound * 0.9 do
    local first = redis.call('ZRANGE', prefix .. 'used', 0, 0)[1]
    if not first then redis.call('SET', prefix .. 'bytes', 0) break end
    forget(prefix, first)
  end
end
"""
)

_DROP = (
    _FORGET
    + """
local meta = redis.call('HGET', ARGV[1] .. 'g:' .. ARGV[3], ARGV[2])
if meta == ARGV[4] then forget(ARGV[1], ARGV[2]) end
"""
)

_RAISE = """
local now = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) > now then redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
"""

_ACQUIRE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisStore:
    """Fragments in Redis.

    Args:
        url: `redis://[USER:PASSWORD@]HOST:PORT/NUMBER`.
        max_bytes: bound on all fragments together.
        prefix: of every key.

    Raises:
        ConfigError: the URL can't be read.
    """

    def __init__(self, url: str, max_bytes: int, prefix: str = PREFIX) -> None:
        from groundwire.core.errors import ConfigError

        try:
            self._pool = redis.ConnectionPool.from_url(
                url, socket_connect_timeout=WAIT, socket_timeout=2 * WAIT, health_check_interval=30
            )
        except ValueError as error:
            raise ConfigError(str(error), setting="cache.url") from None
        known = self._pool.connection_kwargs
        self.where = f"Redis at {known.get('host', known.get('path', ''))}:{known.get('port', '')}"
        self.max_bytes = max_bytes
        self.prefix = prefix
        self._client = redis.Redis(connection_pool=self._pool)
        self._scripts = {
            name: self._client.register_script(text)
            for name, text in (
                ("save", _SAVE),
                ("drop", _DROP),
                ("raise", _RAISE),
                ("acquire", _ACQUIRE),
                ("release", _RELEASE),
            )
        }

    def find(self, group: str, floors: Iterable[str]) -> tuple[list[Entry], int]:
        with self._using(), self._client.pipeline(transaction=False) as pipe:
            pipe.hgetall(f"{self.prefix}g:{group}")
            pipe.mget([f"{self.prefix}f:{name}" for name in floors])
            found, moments = pipe.execute()
        entries = []
        for key, text in found.items():
            as_of, size, meta = json.loads(text)
            entries.append(Entry(key=key.decode(), group=group, as_of=as_of, meta=meta, size=size))
        return entries, max((int(m) for m in moments if m is not None), default=0)

    def load(self, key: str) -> bytes | None:
        with self._using(), self._client.pipeline(transaction=False) as pipe:
            pipe.get(f"{self.prefix}d:{key}")
            pipe.zadd(f"{self.prefix}used", {key: time.time()}, xx=True)
            data, _ = pipe.execute()
        return data if data is None else bytes(data)

    def save(self, entry: Entry, data: bytes) -> None:
        self._run(
            "save",
            [
                self.prefix,
                entry.key,
                entry.group,
                self._meta(entry),
                data,
                time.time(),
                self.max_bytes,
                MOST_ENTRIES,
                KEEP,
            ],
        )

    def drop(self, entry: Entry) -> None:
        self._run("drop", [self.prefix, entry.key, entry.group, self._meta(entry)])

    @staticmethod
    def _meta(entry: Entry) -> str:
        return json.dumps([entry.as_of, entry.size, entry.meta])

    def raise_floor(self, name: str, moment: int) -> None:
        self._run("raise", [moment, 2 * KEEP], [f"{self.prefix}f:{name}"])

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        return bool(self._run("acquire", [holder, max(1, int(seconds * 1000))], [f"{self.prefix}l:{name}"]))

    def release(self, name: str, holder: str) -> None:
        self._run("release", [holder], [f"{self.prefix}l:{name}"])

    def usage(self) -> Usage:
        with self._using(), self._client.pipeline(transaction=False) as pipe:
            pipe.hlen(f"{self.prefix}sizes")
            pipe.get(f"{self.prefix}bytes")
            entries, size = pipe.execute()
        return Usage(entries=int(entries), bytes=int(size or 0))

    def clear(self) -> None:
        with self._using():
            for pattern in ("g:*", "d:*", "groups", "sizes", "used", "bytes"):
                for key in self._client.scan_iter(f"{self.prefix}{pattern}", count=1000):
                    self._client.unlink(key)

    def close(self) -> None:
        self._pool.disconnect()

    def _run(self, script: str, arguments: list[Any], keys: list[str] | None = None) -> Any:
        with self._using():
            return self._scripts[script](keys=keys or [], args=arguments)

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError, ValueError) as error:
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise StoreError(f"{self.where}: {text}") from None
