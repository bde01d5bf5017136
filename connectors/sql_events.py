"""PostgreSQL tells of changes as they are committed: triggers with NOTIFY, and the connection that listens.

A trigger fires once for each statement and names the keys that it touched, in messages below the limit of 8,000
bytes; beyond `_MOST_KEYS` it only says that the table changed. It fires on replicated changes too (ENABLE ALWAYS), and
whatever fails inside it is answered by that same plain message, so that it never breaks the writer's transaction.
PostgreSQL delivers notifications in the order of commits, so that one of our own, sent at a known moment, proves
that every change committed before that moment was delivered.

Source: PostgreSQL documentation, "NOTIFY", "CREATE TRIGGER" (transition tables), "ALTER TABLE" (ENABLE ALWAYS).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from groundwire.connectors import sql_errors
from groundwire.core.catalog import Entity
from groundwire.core.connector import Change, Mark
from groundwire.core.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from groundwire.connectors.sql import SQLConnector

CHANNEL = "groundwire"
_MOST_KEYS = 2_000
_KEYS_IN_A_MESSAGE = 100
_LONGEST_MESSAGE = 7_900
_TRIGGERS = {
    "insert": ("INSERT", "REFERENCING NEW TABLE AS groundwire_new", "ROW"),
    "update": ("UPDATE", "REFERENCING OLD TABLE AS groundwire_old NEW TABLE AS groundwire_new", "ROW"),
    "delete": ("DELETE", "REFERENCING OLD TABLE AS groundwire_old", "ROW"),
    "truncate": ("TRUNCATE", "", ""),
}

_FUNCTION = f"""CREATE OR REPLACE FUNCTION groundwire.tell() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $groundwire$
-- arguments: entity, columns of the primary key
DECLARE
  plain text := json_build_object('entity', TG_ARGV[0])::text;
  columns text;
  touched text;
  many boolean;
  keys json;
  message text;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    PERFORM pg_notify('{CHANNEL}', plain);
    RETURN NULL;
  END IF;
  SELECT string_agg(quote_ident(TG_ARGV[i]), ', ' ORDER BY i) INTO columns FROM generate_series(1, TG_NARGS - 1) AS i;
  touched := format('SELECT %s FROM groundwire_%s', columns, CASE TG_OP WHEN 'DELETE' THEN 'old' ELSE 'new' END);
  EXECUTE format('SELECT count(*) > {_MOST_KEYS} FROM (%s LIMIT {_MOST_KEYS + 1}) AS t', touched) INTO many;
  IF many THEN
    PERFORM pg_notify('{CHANNEL}', plain);
    RETURN NULL;
  END IF;
  IF TG_OP = 'UPDATE' THEN
    touched := format('%s UNION SELECT %s FROM groundwire_old', touched, columns);
  END IF;
  FOR keys IN EXECUTE format(
    'SELECT json_agg(k) FROM (SELECT json_build_array(%s) AS k, row_number() OVER () AS n FROM (%s) AS r) AS t
     GROUP BY (n - 1) / {_KEYS_IN_A_MESSAGE}', columns, touched)
  LOOP
    message := json_build_object('entity', TG_ARGV[0], 'keys', keys)::text;
    PERFORM pg_notify('{CHANNEL}', CASE WHEN octet_length(message) > {_LONGEST_MESSAGE} THEN plain ELSE message END);
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  PERFORM pg_notify('{CHANNEL}', plain);
  RETURN NULL;
END
$groundwire$"""

_INSTALLED = """
SELECT t.tgrelid::regclass::oid, count(*) FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = 'groundwire' AND p.proname = 'tell' AND t.tgenabled = 'A' GROUP BY 1"""


def statements(connector: SQLConnector, entities: Sequence[Entity], *, remove: bool) -> list[str]:
    """What makes PostgreSQL tell of changes of these tables, or stops it.

    Raises:
        ConfigError: the database is not PostgreSQL, or a table has no primary key.
    """
    _check_product(connector)
    found = [] if remove else ["CREATE SCHEMA IF NOT EXISTS groundwire", _FUNCTION]
    for entity in entities:
        if not entity.primary_key and not remove:
            raise ConfigError(f"{entity.full_name} has no primary key, so its changes can't be told one by one")
        table = ".".join(_quoted(part) for part in connector.path(entity))
        arguments = ", ".join(_literal(a) for a in (entity.name, *entity.primary_key))
        for kind, (event, tables, each) in _TRIGGERS.items():
            name = f"groundwire_{kind}"
            found.append(f"DROP TRIGGER IF EXISTS {name} ON {table}")
            if remove:
                continue
            middle = f" {tables}" if each else ""
            found.append(
                f"CREATE TRIGGER {name} AFTER {event} ON {table}{middle} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION groundwire.tell({arguments})"
            )
            found.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    return found


def execute(connector: SQLConnector, texts: Sequence[str]) -> None:
    """Execute statements in one transaction, on a connection that may write."""
    driver = _driver(connector)
    with _errors(connector), driver.connect(**_parameters(connector), autocommit=False) as connection:
        for text in texts:
            connection.execute(text)


class PostgresListening:
    """A connection that listens; see `core.connector.Listening`."""

    def __init__(self, connector: SQLConnector, entities: Sequence[Entity]) -> None:
        _check_product(connector)
        self._connector = connector
        self._driver = _driver(connector)
        self._session = hashlib.sha256(repr(id(self)).encode()).hexdigest()[:8]
        with _errors(connector):
            self._connection = self._driver.connect(
                **_parameters(connector), autocommit=True, application_name="groundwire events", keepalives_idle=15
            )
            self._connection.execute(f"LISTEN {CHANNEL}")
            self._tables = {self._oid(connector, e): e.name for e in entities}

    def _oid(self, connector: SQLConnector, entity: Entity) -> int:
        table = ".".join(_quoted(part) for part in connector.path(entity))
        return int(self._connection.execute("SELECT %s::regclass::oid", (table,)).fetchone()[0])

    def mark(self, name: str) -> None:
        """Send a mark together with what is installed at this moment."""
        with _errors(self._connector), self._connection.transaction():
            installed = dict(self._connection.execute(_INSTALLED).fetchall())
            covered = [n for oid, n in self._tables.items() if installed.get(oid) == len(_TRIGGERS)]
            text = json.dumps({"mark": name, "session": self._session, "covered": covered})
            if len(text.encode()) > _LONGEST_MESSAGE:
                text = json.dumps({"mark": name, "session": self._session, "covered": covered[:50]})
            self._connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, text))

    def wait(self, seconds: float) -> list[Change | Mark]:
        """What has arrived."""
        with _errors(self._connector):
            # the first message wakes us, and those that are already here come along
            heard = list(self._connection.notifies(timeout=seconds, stop_after=1))
            if heard:
                heard += self._connection.notifies(timeout=0)
        return [m for m in (self._read(n.payload) for n in heard) if m is not None]

    def _read(self, payload: str) -> Change | Mark | None:
        """A message; None for those of others, since anyone may send on a channel."""
        try:
            said = json.loads(payload, parse_int=str, parse_float=str)
            if "mark" in said:
                mine = said["session"] == self._session
                return Mark(name=str(said["mark"]), covered=frozenset(said["covered"])) if mine else None
            keys = said.get("keys")
            named = None if keys is None else tuple(tuple(_text(v) for v in key) for key in keys)
            return Change(entity=str(said["entity"]), keys=named)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _check_product(connector: SQLConnector) -> None:
    if connector.url.get_backend_name() != "postgresql":
        raise ConfigError(
            'only PostgreSQL tells of changes; set events = "poll"', setting=f"sources.{connector.name}.events"
        )


@contextmanager
def _errors(connector: SQLConnector) -> Iterator[None]:
    """The driver's errors as those of groundwire."""
    driver = _driver(connector)
    try:
        yield
    except driver.Error as error:
        kind = sa.exc.OperationalError if isinstance(error, driver.OperationalError) else sa.exc.DBAPIError
        wrapped = kind("", None, error)
        raise sql_errors.mapped(wrapped, source=connector.name, dialect="postgresql", url=connector.url) from None
    except OSError as error:
        raise Unavailable(f"can't be reached: {error.strerror}", source=connector.name) from None


def _driver(connector: SQLConnector) -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise ConfigError(
            f"{error}; run: pip install 'groundwire[postgresql]'", setting=f"sources.{connector.name}.events"
        ) from None
    return psycopg


def _parameters(connector: SQLConnector) -> dict[str, Any]:
    """The URL as libpq takes it."""
    url = connector.url
    found = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    return {k: v for k, v in found.items() if v is not None} | {"connect_timeout": 10} | dict(url.query)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
