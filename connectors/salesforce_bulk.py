"""Large reads as jobs of Bulk API 2.0: one query that Salesforce runs by itself, and pages of its result in CSV.

The result's pages are fetched by several threads where Salesforce gives their locators in advance, else each after the
one before it. A page that breaks off is fetched again; a job that failed, was aborted or is gone, and a page or a
result with other than the stated number of records, are errors: nothing is ever taken for the end that is not.

Source: Bulk API 2.0 Developer Guide ("Create a Query Job", "Get Results for a Query Job", "Get Parallel Results for a
Query Job"). A null in the CSV is empty, and Salesforce has no empty text beside it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.csv
from simple_salesforce.api import Salesforce
from simple_salesforce.bulk2 import Operation, _Bulk2Client
from simple_salesforce.util import call_salesforce

from groundwire.connectors.salesforce_fields import from_text
from groundwire.connectors.salesforce_session import ERRORS, Api
from groundwire.core.connector import ScanReport
from groundwire.core.errors import Rejected, RetryableError, SourceError, Unavailable

PAGE_ROWS = 50_000
"""Records of a page, at most; a server that gives locators in advance decides by itself."""

THREADS = 2
"""Pages that are fetched at a time: each is in memory as a whole."""

ATTEMPTS = 3
"""How often one page is asked for."""

POLL = (0.2, 10.0)
"""Seconds between two looks whether a job is done: at first, and at most."""


LONGEST_PAUSE = 30.0
"""Seconds that are waited for a page; who asks for more is asked by the next sync."""

_T = TypeVar("_T")


class NotInBulk(Exception):
    """Salesforce makes no job of this query; says why."""


@dataclass(frozen=True, kw_only=True)
class _Page:
    rows: pa.Table
    next: str


class BulkQuery:
    """One query as a job.

    Args:
        api: the session.
        entity: name of the object.
        soql: without aggregates, ORDER BY and LIMIT.
        report: of the scan; its deadline bounds everything.
    """

    def __init__(self, api: Api, entity: str, soql: str, report: ScanReport) -> None:
        self.api = api
        self.entity = entity
        self.soql = soql
        self.report = report

    def read(self, fields: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The result, page by page.

        Args:
            fields: paths, in the order of the query.
            schema: of the batches.

        Raises:
            NotInBulk: before anything was delivered.
            SourceError: the job or a page failed, also after some were delivered.
        """
        job = self._made()
        done = False
        try:
            total = self._finished(job)
            done = True
            read = 0
            for page in self._pages(job, fields):
                read += page.num_rows
                yield from self._typed(page, schema).to_batches()
            if read != total:
                raise Unavailable(
                    f"the bulk job counted {total:,} records and delivered {read:,}", source=self.api.name
                )
            self.report.total = total
        finally:
            if not done:
                with suppress(SourceError):  # what nobody fetches need not be computed
                    self._ask(lambda jobs: jobs.abort_job(job, True))

    # -- the job -----------------------------------------------------------------------------

    def _ask(self, request: Callable[[_Bulk2Client], Any]) -> Any:
        """Ask simple-salesforce's client for these jobs, by way of the session."""
        self.report.requests += 1
        return self.api.ask(lambda client: request(self._jobs(client)), deadline=self.report.deadline)

    def _jobs(self, client: Salesforce) -> _Bulk2Client:
        # its public `query` can't be interrupted, counts nothing and begins anew when a page breaks off
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {client.session_id}"}
        return _Bulk2Client(self.entity, client.bulk2_url, headers, client.session)

    def _made(self) -> str:
        try:
            answer = self._ask(lambda jobs: jobs.create_job(Operation.query, self.soql))
        except Rejected as error:
            raise NotInBulk(str(error)) from None
        job = answer.get("id") if isinstance(answer, Mapping) else None
        if not isinstance(job, str) or not job.isalnum():
            raise Rejected("the answer holds no job", source=self.api.name)
        self.report.native.append("as a job of Bulk API 2.0")
        return job

    def _finished(self, job: str) -> int:
        """Wait for the job's end; how many records it found."""
        end = time.monotonic() + self.api.settings.bulk_timeout
        pause = POLL[0]
        while True:
            info = self._tried(lambda: self._ask(lambda jobs: jobs.get_job(job, True)))
            state = info.get("state") if isinstance(info, Mapping) else None
            if state == "JobComplete":
                return self._number(info.get("numberRecordsProcessed"))
            if state == "Failed":
                raise self._failure(str(info.get("errorMessage") or "no reason given"))
            if state not in ("UploadComplete", "InProgress"):  # Aborted, or no state that a query can have
                raise Unavailable(f"the bulk job is {state}", source=self.api.name)
            limit = min(end, self.report.deadline or end)
            if time.monotonic() + pause > limit:
                raise Unavailable("the bulk job takes longer than was allowed", source=self.api.name)
            time.sleep(pause)
            pause = min(1.5 * pause, POLL[1])

    def _failure(self, message: str) -> SourceError:
        """Why a job failed: a code of the vendor's where the message begins with one; another try may do better."""
        kind = ERRORS.get(message.partition(":")[0].strip(), Unavailable)
        return kind(f"the bulk job failed: {message[:300]}", source=self.api.name)

    def _tried(self, ask: Callable[[], _T]) -> _T:
        """An answer about a job that was made: asked for again where it breaks off."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return ask()
            except RetryableError as error:
                pause = getattr(error, "retry_after", None) or POLL[0] * attempt
                if attempt == ATTEMPTS or pause > LONGEST_PAUSE:
                    raise
                time.sleep(pause)
            except Rejected as error:  # it expired, or somebody deleted it: another job will do
                text = str(error).removeprefix(f"{self.api.name}: ")
                raise Unavailable(f"the bulk job can't be read any more: {text}", source=self.api.name) from None
        raise AssertionError("unreachable")

    def _number(self, value: Any) -> int:
        try:
            return int(value)
        except (TypeError, ValueError):
            raise Rejected("the bulk job does not say how many records there are", source=self.api.name) from None

    # -- its pages -----------------------------------------------------------------------------

    def _pages(self, job: str, fields: Sequence[str]) -> Iterator[pa.Table]:
        """All pages, in order; a few are fetched in advance where their addresses are known."""
        paths = self._paths(job)
        if paths is None:
            locator = ""
            while True:
                page = self._page(lambda jobs: jobs.get_query_results(job, locator, PAGE_ROWS), fields)  # noqa: B023
                yield page.rows
                locator = page.next
                if not locator:
                    return
        with ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="bulk") as pool:
            coming: deque[Future[_Page]] = deque()
            try:
                for path in paths:
                    coming.append(pool.submit(self._page, partial(_by_path, path=path), fields))
                    if len(coming) > THREADS:
                        yield coming.popleft().result().rows
                while coming:
                    yield coming.popleft().result().rows
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _paths(self, job: str) -> list[str] | None:
        """The addresses of all pages, which are told from API version 58.0 on; None where they are not."""
        if float(self.api.settings.api_version) < 58:
            return None
        base = f"/services/data/v{self.api.settings.api_version}/"
        found: list[str] = []
        path = f"jobs/query/{job}/resultPages"
        while True:
            answer = self._tried(lambda: self._listed(path))  # noqa: B023
            for page in answer["resultPages"]:
                link = urlsplit(str(page.get("resultUrl", "")))
                if link.netloc or link.path != f"{base}jobs/query/{job}/results":
                    raise Rejected("a page's address leads elsewhere", source=self.api.name)
                found.append(f"{link.path}?{link.query}")
            if len(set(found)) < len(found):
                raise Rejected("the bulk job names a page twice", source=self.api.name)
            if answer.get("done", True):
                return found
            link = urlsplit(str(answer.get("nextRecordsUrl") or answer.get("nextRecordUrl")))
            if link.netloc or link.path != f"{base}jobs/query/{job}/resultPages" or not answer["resultPages"]:
                raise Rejected("the bulk job does not say where its pages go on", source=self.api.name)
            path = f"{link.path.removeprefix(base)}?{link.query}"

    def _listed(self, path: str) -> Mapping[str, Any]:
        self.report.requests += 1
        answer = self.api.get(path, deadline=self.report.deadline)
        if not isinstance(answer, Mapping) or not isinstance(answer.get("resultPages"), list):
            raise Rejected("the answer holds no resultPages", source=self.api.name)
        return answer

    def _page(self, request: Callable[[_Bulk2Client], Any], fields: Sequence[str]) -> _Page:
        """One page, whole."""

        def fetched() -> _Page:
            answer = self._ask(request)
            table = self._parsed(answer["records"].encode(), fields)
            stated = self._number(answer["number_of_records"])
            if table.num_rows != stated:
                message = f"a page of the bulk job has {table.num_rows:,} of its {stated:,} records"
                raise Unavailable(message, source=self.api.name)
            return _Page(rows=table, next=answer["locator"])

        return self._tried(fetched)

    def _parsed(self, text: bytes, fields: Sequence[str]) -> pa.Table:
        """A page as texts, without its header."""
        names = [str(i) for i in range(len(fields))]
        if not text.strip():
            return pa.table({n: pa.array([], pa.string()) for n in names})
        try:
            table = pyarrow.csv.read_csv(
                pa.BufferReader(text),
                pyarrow.csv.ReadOptions(column_names=names, block_size=max(1 << 20, len(text) + 1), use_threads=False),
                pyarrow.csv.ParseOptions(newlines_in_values=True),
                pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid as error:
            raise Unavailable(f"a page of the bulk job is damaged: {error}", source=self.api.name) from None
        header = [str(table.column(n)[0].as_py()) for n in names]
        if [h.lower() for h in header] != [f.lower() for f in fields]:
            raise Rejected(f"a page of the bulk job has other columns: {', '.join(header)[:300]}", source=self.api.name)
        return table.slice(1)

    def _typed(self, page: pa.Table, schema: pa.Schema) -> pa.Table:
        columns = []
        for column, field in zip(page.columns, schema, strict=True):
            try:
                columns.append(from_text(column, field.type))
            except (pa.ArrowInvalid, ValueError, ArithmeticError):
                raise Rejected(f"a value of {field.name} is not a {field.type}", source=self.api.name) from None
        return pa.table(columns, schema=schema)


def _by_path(jobs: _Bulk2Client, path: str) -> dict[str, Any]:
    """A page by the address that Salesforce gave for it, in the shape of `get_query_results`."""
    host = jobs.bulk2_url.partition("/services/")[0]
    headers = {**jobs.headers, "Accept": jobs.CSV_CONTENT_TYPE}
    answer = call_salesforce(url=f"{host}{path}", method="GET", session=jobs.session, headers=headers)
    text = jobs.filter_null_bytes(answer.content.decode("utf-8"))
    return {"locator": "", "number_of_records": answer.headers["Sforce-NumberOfRecords"], "records": text}
