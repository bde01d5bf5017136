"""Fixtures that every test may use: throw-away databases on the real servers of this machine."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cap_server import CapServer, NoServer
from node_packages import NoNode
from planted import pytest_runtest_makereport as pytest_runtest_makereport
from soql_grammar import refused

from groundwire.agents import weights
from groundwire.core import config
from groundwire.core.errors import ModelError
from groundwire.demo import soql
from groundwire.demo import tryton_server as tryton

POSTGRES = os.environ.get("GROUNDWIRE_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")
TRYTON_SCALE = 0.05
"""Share of the demo company's documents in the tests' Tryton."""
MODEL_THREADS = 1 if "PYTEST_XDIST_WORKER" in os.environ else None
"""Threads of a language model: one beside other tests, since llama.cpp's threads wait for each other by spinning."""
MARIADB = os.environ.get("GROUNDWIRE_TEST_MARIADB", "mariadb+pymysql://root@127.0.0.1:3306/")


def examples(whole: int) -> int:
    """How many examples a property is tried with: all of them by `make thorough`, a third in every other run."""
    return whole if os.environ.get("GROUNDWIRE_THOROUGH") == "1" else max(1, whole // 3)


def pytest_configure() -> None:
    """Let Ctrl-C reach the commands under test also where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


_TOGETHER = {
    "worker": ("test_worker",),
    "weights": ("test_agent", "test_chat", "test_cli", "test_evals", "test_local_model", "test_telemetry"),
    "cap": ("test_conformance_odata", "test_odata"),
    "tryton": (
        "test_demo",
        "test_conformance_tryton",
        "test_tryton",
        "test_actions_tryton",
        "test_connector_faults",
        "test_events",
        "test_sync_sources",
    ),
}
"""Files whose tests run in one process where several share the work: they have a model or a server in common, or take
long enough to be among the first."""


def _group(file: str) -> str:
    """Which tests those of a file, by its name without `.py`, run together with."""
    return next((group for group, files in _TOGETHER.items() if file in files), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Groups come first, in their order: the longest ones begin."""
    order = list(_TOGETHER)
    items.sort(key=lambda item: order.index(g) if (g := _group(item.path.stem)) in order else len(order))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep tests of one file, or of files that belong together, in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(Path(nodeid.split("::", 1)[0]).stem)

    config.option.loadscopereorder = False
    return Together(config, log)


def _absent(product: str, error: Exception) -> None:
    """Skip where a server is missing; fail where there should be one."""
    reason = f"no {product} answers: {str(error).splitlines()[0]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def _throw_away(product: str, server: str, options: str) -> Iterator[str]:
    """The URL of a fresh database, dropped at the end."""
    url = sa.make_url(server)
    name = f"gw_test_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}{options}")
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        engine.dispose()
        _absent(product, error)
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        force = " WITH (FORCE)" if product == "PostgreSQL" else ""
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}{force}")
        engine.dispose()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fragments and a state of this test's own: no test reads what another read, nor writes among the user's files."""
    base = tmp_path_factory.getbasetemp()  # a name that nobody has to be asked for among thousands
    monkeypatch.setattr(config, "cache_folder", lambda: Path(tempfile.mkdtemp(prefix="cache-", dir=base)))
    monkeypatch.setenv("XDG_STATE_HOME", tempfile.mkdtemp(prefix="state-", dir=base))


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database of this module's own."""
    yield from _throw_away("PostgreSQL", POSTGRES, "")


@pytest.fixture(scope="module")
def mariadb_url() -> Iterator[str]:
    """A MariaDB database of this module's own."""
    yield from _throw_away("MariaDB", MARIADB, " CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")


@pytest.fixture(scope="session")
def small_weights() -> Path:
    """The file of the small weights; without it, tests with a real model are skipped."""
    try:
        return weights.resolve(weights.SMALL)
    except ModelError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def filled_tryton() -> Path:
    """A folder with a small company's Tryton, made once and kept in the cache: to be copied, never served."""
    if find_spec("trytond") is None:
        _absent("Tryton", ModuleNotFoundError("pip install 'groundwire[demo]'"))
    name = hashlib.sha256(f"{tryton.fill_stamp()} {TRYTON_SCALE}".encode()).hexdigest()[:12]
    kept = weights.cache_dir() / f"test-tryton-{name}"
    if not kept.exists():
        partial = kept.with_name(f"{kept.name}-{uuid.uuid4().hex}")
        tryton.TrytonServer(partial, scale=TRYTON_SCALE).prepare()
        try:
            partial.rename(kept)
        except OSError:  # another run was quicker
            shutil.rmtree(partial)
    return kept


@pytest.fixture(scope="session")
def tryton_server(filled_tryton: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tryton.TrytonServer]:
    """A real Tryton with a small company, to which tests may add."""
    folder = tmp_path_factory.mktemp("tryton") / "erp"
    shutil.copytree(filled_tryton, folder)
    with tryton.TrytonServer(folder, scale=TRYTON_SCALE) as running:
        yield running


@pytest.fixture(scope="session")
def cap_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CapServer]:
    """SAP's own OData server with the model of `tests/odata_service`."""
    try:
        with CapServer(tmp_path_factory.mktemp("cap") / "service") as running:
            yield running
    except NoServer as error:
        _absent("SAP CAP", error)


@pytest.fixture(scope="module", autouse=True)
def soql_is_salesforces(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every statement that a module's tests sent to the Salesforce sandbox is one of Salesforce's own grammar.

    But for those with which a test provokes a refusal, and those of processes of their own.
    """
    if not hasattr(request.module, "SalesforceSandbox"):
        yield
        return
    taken, run = set(), soql.run

    def recorded(text: str, *others: Any) -> Any:
        rows = run(text, *others)  # what the sandbox refuses was meant to be refused, or has failed a test
        taken.add(text)
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(soql, "run", recorded)
        yield
    try:
        assert refused(taken) == {}
    except NoNode as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no grammar of SOQL: {error}")
