"""Query jobs of Salesforce's Bulk API 2.0, for the sandbox: made, looked at, aborted, and read page by page as CSV.

Source: Bulk API 2.0 Developer Guide, "Query" (Create a Query Job, Get Job Info, Get Results, Get Parallel Results).
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from groundwire.demo.soql import Absent, Record

PAGES = 5
"""Addresses of pages in one answer."""


class JobError(Exception):
    """What Salesforce answers in place of what was asked: status, code, message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


@dataclass
class Job:
    """One job.

    Attributes:
        looks: how often it is still said to be in progress.
        ending: its state after that.
        message: why it failed.
    """

    id: str
    query: str
    entity: str
    fields: list[str]
    rows: list[Record]
    looks: int
    ending: str
    message: str
    state: str = "UploadComplete"


class BulkJobs:
    """All jobs of one sandbox.

    Attributes:
        page_rows: records of a page whose address is given in advance.
        looks: how often a new job is said to be in progress.
        ending, message: the state in which new jobs end, and why.
        refused: why no job is made of any query; empty where they are.
    """

    def __init__(self, page_rows: int) -> None:
        self.page_rows = page_rows
        self.looks = 1
        self.ending, self.message = "JobComplete", ""
        self.refused = ""
        self.jobs: dict[str, Job] = {}

    def make(self, body: Mapping[str, Any], run: Callable[[str], list[Record]]) -> dict[str, Any]:
        """A new job for a query, whose records `run` finds."""
        query = str(body.get("query", ""))
        found = re.fullmatch(r"SELECT (.+?) FROM (\w+)(?: WHERE .+)?", query, re.DOTALL)
        if body.get("operation") not in ("query", "queryAll") or found is None or "(" in found[1]:
            raise JobError(400, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
        if self.refused:
            raise JobError(400, "FEATURENOTENABLED", self.refused)
        job = Job(
            id="750" + secrets.token_hex(7) + "A",
            query=query,
            entity=found[2],
            fields=[f.strip() for f in found[1].split(",")],
            rows=run(query),
            looks=self.looks,
            ending=self.ending,
            message=self.message,
        )
        self.jobs[job.id] = job
        return self._described(job)

    def look(self, job_id: str) -> dict[str, Any]:
        """How a job is doing."""
        job = self._job(job_id)
        if job.state in ("UploadComplete", "InProgress"):
            job.state = "InProgress" if job.looks > 0 else job.ending
            job.looks -= 1
        return self._described(job)

    def abort(self, job_id: str) -> dict[str, Any]:
        """End a job."""
        job = self._job(job_id)
        if job.state not in ("UploadComplete", "InProgress"):
            raise JobError(400, "INVALIDJOBSTATE", "Aborting already Completed Job not allowed")
        job.state = "Aborted"
        return self._described(job)

    def results(self, job_id: str, query: Mapping[str, list[str]]) -> tuple[bytes, dict[str, str]]:
        """A page as CSV, and its headers."""
        job = self._complete(job_id)
        start = self._start(query)
        most = int(query.get("maxRecords", [str(self.page_rows)])[0])
        rows = job.rows[start : start + most]
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(job.fields)
        for row in rows:
            writer.writerow([_text(row[f]) for f in job.fields])
        end = start + most
        locator = _locator(end) if end < len(job.rows) else "null"
        return text.getvalue().encode(), {"Sforce-Locator": locator, "Sforce-NumberOfRecords": str(len(rows))}

    def pages(self, job_id: str, query: Mapping[str, list[str]], base: str) -> dict[str, Any]:
        """Addresses of a few pages, and of where the list goes on."""
        job = self._complete(job_id)
        starts = range(self._start(query), max(1, len(job.rows)), self.page_rows)
        here = f"{base}/jobs/query/{job_id}"
        done = len(starts) <= PAGES
        return {
            "resultPages": [{"resultUrl": f"{here}/results?locator={_locator(s)}"} for s in starts[:PAGES]],
            "nextRecordsUrl": None if done else f"{here}/resultPages?locator={_locator(starts[PAGES])}",
            "done": done,
        }

    def _job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise JobError(404, "NOT_FOUND", "The requested resource does not exist")
        return self.jobs[job_id]

    def _complete(self, job_id: str) -> Job:
        job = self._job(job_id)
        if job.state != "JobComplete":
            raise JobError(400, "INVALIDJOBSTATE", "Job is not complete")
        return job

    def _start(self, query: Mapping[str, list[str]]) -> int:
        try:
            return int(bytes.fromhex(query.get("locator", [_locator(0)])[0]))
        except ValueError:
            raise JobError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") from None

    def _described(self, job: Job) -> dict[str, Any]:
        described = {
            "id": job.id,
            "operation": "query",
            "object": job.entity,
            "state": job.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if job.state == "JobComplete":
            described["numberRecordsProcessed"] = str(len(job.rows))
        return described | ({"errorMessage": job.message} if job.state == "Failed" else {})


def _locator(start: int) -> str:
    return str(start).encode().hex()


def _text(value: Any) -> str:
    """A value as a job writes it; nothing for null."""
    if value is None or isinstance(value, Absent):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return str(value.isoformat()) if isinstance(value, dt.date) else str(value)
