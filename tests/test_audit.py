"""The audit trail: nothing is answered unrecorded, and nothing recorded can be changed unnoticed."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from own_servers import small_disk

from groundwire import Hub
from groundwire.connectors.memory import MemoryConnector
from groundwire.core.audit import GENESIS, Trail
from groundwire.core.audit_record import asking
from groundwire.core.config import parse
from groundwire.core.errors import AuditFailed, QueryError, UnknownName

CANARY = "canary-secret-81c2"


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    """A chain of five records."""
    made = Trail(tmp_path / "audit.jsonl")
    for number in range(5):
        made.append({"kind": "query", "asked": f'SELECT {number} AS "é\n"'})
    return made


def _lines(trail: Trail) -> list[bytes]:
    return trail.path.read_bytes().splitlines(keepends=True)


# -- the chain -----------------------------------------------------------------------------------


def test_an_untouched_chain_is_whole(trail: Trail) -> None:
    verdict = trail.verify()
    assert (verdict.count, verdict.problem, verdict.unfinished) == (5, None, 0)
    assert [r["n"] for r in trail.records()] == [1, 2, 3, 4, 5]
    assert trail.record(3)["asked"] == 'SELECT 2 AS "é\n"'  # type: ignore[index]
    assert Trail(trail.path.with_name("none")).verify().count == 0
    assert trail.path.stat().st_mode & 0o077 == 0 and trail.head_path.stat().st_mode & 0o077 == 0


def _rehashed(line: bytes, prev: str) -> bytes:
    """A forged record with a right hash of its own."""
    record = json.loads(line)
    record["prev"] = prev
    del record["hash"]
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    return body[:-1] + f',"hash":"{hashlib.sha256(body).hexdigest()}"}}\n'.encode()


def _all_forged(lines: list[bytes]) -> list[bytes]:
    """The whole chain made anew around a changed record."""
    made, prev = [], GENESIS
    for line in lines:
        made.append(_rehashed(line.replace(b"SELECT 1", b"SELECT 9"), prev))
        prev = json.loads(made[-1])["hash"]
    return made


@pytest.mark.parametrize(
    ("forge", "good", "words"),
    [
        (lambda ls: [*ls[:2], ls[2].replace(b"SELECT 2", b"SELECT 7"), *ls[3:]], 2, "record 3 was changed"),
        (lambda ls: [*ls[:2], ls[2].replace(b'"asked"', b'"asked" '), *ls[3:]], 2, "record 3 was changed"),
        (lambda ls: [*ls[:2], *ls[3:]], 2, "record 3 is missing or moved"),
        (lambda ls: [ls[0], ls[2], ls[1], *ls[3:]], 1, "record 2 is missing or moved"),
        (lambda ls: [*ls[:2], ls[1], *ls[2:]], 2, "record 3 is missing or moved"),
        (lambda ls: ls[1:], 0, "record 1 is missing or moved"),
        (lambda ls: ls[:3], 3, "2 records are missing at the end"),
        (lambda ls: [*ls[:4], ls[4][:-20]], 4, "record 5 was changed"),
        (lambda ls: [], 0, "5 records are missing at the end"),
        (
            lambda ls: [*ls[:2], _rehashed(ls[2].replace(b"SELECT 2", b"DROP"), json.loads(ls[1])["hash"]), *ls[3:]],
            3,
            "record 4 follows another than its own",
        ),
        (_all_forged, 5, "this is another chain than the one that the head was made for"),
        (lambda ls: [*ls, b"nothing\n"], 5, "record 6 was changed"),
    ],
)
def test_whatever_is_edited_is_found(
    trail: Trail, forge: Callable[[list[bytes]], list[bytes]], good: int, words: str
) -> None:
    trail.path.write_bytes(b"".join(forge(_lines(trail))))
    verdict = trail.verify()
    assert (verdict.count, verdict.problem) == (good, words)


def test_records_cut_off_at_the_end_stop_the_next_writer(trail: Trail) -> None:
    trail.path.write_bytes(b"".join(_lines(trail)[:3]))
    with pytest.raises(AuditFailed, match="records are missing at the end"):
        trail.append({"kind": "query"})
    trail.head_path.unlink()
    assert "is missing" in (trail.verify().problem or "")
    with pytest.raises(AuditFailed, match="is missing"):
        trail.append({"kind": "query"})


def test_with_a_key_nobody_else_can_make_a_chain(tmp_path: Path) -> None:
    keyed = Trail(tmp_path / "audit.jsonl", b"a key")
    for number in range(3):
        keyed.append({"asked": f"SELECT {number}"})
    assert keyed.verify().problem is None
    assert Trail(keyed.path, b"another").verify().problem == "record 1 was changed"
    keyed.path.write_bytes(b"".join(_all_forged(_lines(keyed))))
    assert keyed.verify().problem == "record 1 was changed"


def _append_many(path: Path, count: int) -> None:
    for number in range(count):
        Trail(path).append({"by": os.getpid(), "asked": number})


def test_processes_write_one_chain(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(tmp_path / "audit.jsonl", 15)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    trail = Trail(tmp_path / "audit.jsonl")
    assert (trail.verify().count, trail.verify().problem) == (45, None)
    assert len({r["by"] for r in trail.records()}) == 3


def test_a_killed_process_leaves_a_chain_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    program = (
        "import sys; from pathlib import Path; from groundwire.core.audit import Trail\n"
        "t = Trail(Path(sys.argv[1]))\n"
        "while True: print(t.append({'asked': 'x' * 5000}), flush=True)"
    )
    answered = 0
    for pause in (0.0, 0.011, 0.023):
        with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(pause)
            writer.send_signal(signal.SIGKILL)
            told = [int(line) for line in writer.stdout.read().split("\n") if line.strip()]
        answered = max([answered, *told[:-1]])  # the last line may be cut
        verdict = Trail(path).verify()
        assert verdict.problem is None and verdict.count >= answered
    with path.open("ab") as file:
        file.write(b'{"n":99999,"asked":"half a rec')  # killed while it wrote
    verdict = Trail(path).verify()
    assert verdict.problem is None and verdict.unfinished
    number = Trail(path).append({"asked": "next"})
    assert (number, Trail(path).verify().problem) == (verdict.count + 1, None)


def test_a_record_behind_a_head_that_was_not_moved_yet_is_kept(trail: Trail) -> None:
    before = trail.head_path.read_bytes()
    trail.append({"asked": "its answer was given"})
    trail.head_path.write_bytes(before)
    assert trail.verify().problem is None
    assert trail.append({"asked": "next"}) == 7 and trail.verify().count == 7


# -- what is recorded ----------------------------------------------------------------------------


def _hub(folder: Path, **settings: Any) -> Hub:
    people = pa.table({"id": [1, 2, 3], "name": ["Ada", "Bo", "Cy"], "region": ["de", "de", "fr"]})
    hr = MemoryConnector.from_tables("hr", {"person": people}, primary_keys={"person": ("id",)})
    audit = {"path": str(folder / "audit.jsonl"), **settings.pop("audit", {})}
    return Hub([hr], parse({"audit": audit, **settings}, base=folder))


POLICY = {
    "mask_key": CANARY,
    "roles": {
        "staff": {"allow": ["hr.*"], "rows": {"hr.person": "region = 'de'"}, "masks": {"hr.person.name": "hash"}}
    },
    "principals": {"ann": {"roles": ["staff"]}},
}


def test_a_query_is_recorded_before_it_is_answered(tmp_path: Path) -> None:
    with _hub(tmp_path, policy=POLICY) as whole, asking("Who is there?") as mine:
        ann = whole.as_principal("ann")
        result = ann.query("SELECT id, name FROM person", max_age="5m", limit=10)
        (record,) = Trail(tmp_path / "audit.jsonl").records()
        assert (record["kind"], record["principal"], record["question"]) == ("query", "ann", "Who is there?")
        assert record["asked"] == {
            "sql": "SELECT id, name FROM person",
            "max_age": 300.0,
            "limit": 10,
            "on_error": "raise",
            "link_values": False,
        }
        assert record["rows"] == 2 and record["complete"] and record["as_of"] == result.as_of.isoformat()  # type: ignore[union-attr]
        assert record["policy"]["digest"] == ann.rights.digest and record["policy"]["roles"] == ["staff"]  # type: ignore[union-attr]
        assert record["sources"][0]["limited_to"] == "ann" and record["sources"][0]["rows"] == 2
        assert mine.queries == [1]
        assert "Ada" not in json.dumps(record), "rows are not recorded"


def test_what_fails_is_recorded_too(tmp_path: Path) -> None:
    with _hub(tmp_path) as hub:
        with pytest.raises(UnknownName):
            hub.query("SELECT salary FROM person")
        with pytest.raises(QueryError):
            hub.query("DELETE FROM person")
        records = list(Trail(tmp_path / "audit.jsonl").records())
    assert [r["error"] for r in records] == ["UnknownName", "NotAllowed"]
    assert records[1]["asked"]["sql"] == "DELETE FROM person" and records[0]["principal"] is None


def test_without_a_policy_or_a_section_nothing_is_recorded(tmp_path: Path) -> None:
    assert Hub([], parse({}, base=tmp_path)).recorder is None
    assert Hub([], parse({"policy": POLICY}, base=tmp_path)).recorder is not None
    assert Hub([], parse({"policy": POLICY, "audit": {"enabled": False}}, base=tmp_path)).recorder is None


def test_secrets_are_not_recorded(tmp_path: Path) -> None:
    url = f"redis://gw:{CANARY}-pw@127.0.0.1:1/0"
    with _hub(tmp_path, audit={"key": f"{CANARY}-key"}, worker={"broker": url}) as hub:
        for sql in (f"SELECT '{CANARY}-pw'", f"SELECT '{url}'", f"SELECT '{CANARY}-key'"):
            hub.query(sql)
        with pytest.raises(UnknownName, match=CANARY):
            hub.query(f'SELECT * FROM "{CANARY}-pw"')
    written = (tmp_path / "audit.jsonl").read_text()
    assert CANARY not in written and written.count("***") >= 4


# -- when nothing can be recorded ----------------------------------------------------------------


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder in which a first record has room and no more can be written."""
    with small_disk(tmp_path / "small", "64k") as folder:
        yield folder


def test_with_a_full_disk_questions_are_refused_and_not_answered_unrecorded(full_disk: Path) -> None:
    with _hub(full_disk) as hub:
        assert len(hub.query("SELECT name FROM person")) == 3
        filler = full_disk / "filler"
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while True:
                file.write(b"x" * 512)
        for _ in range(40):  # until the last block of the file is full
            try:
                hub.query("SELECT name FROM person")
            except AuditFailed as error:
                assert "can't be written: No space left" in str(error)
                break
        else:
            pytest.fail("it went on answering")
        before = Trail(full_disk / "audit.jsonl").verify()
        assert before.problem is None, "what could be written is whole"
        filler.unlink()
        hub.query("SELECT name FROM person")
        assert Trail(full_disk / "audit.jsonl").verify().count == before.count + 1


def test_a_trail_that_can_not_be_written_refuses_unless_configured_to_answer(tmp_path: Path) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    with _hub(tmp_path) as hub, pytest.raises(AuditFailed):
        hub.query("SELECT name FROM person")
    with _hub(tmp_path, audit={"on_failure": "answer"}) as hub:
        result = hub.query("SELECT name FROM person")
        assert len(result) == 3 and any("not in the audit trail" in note for note in result.notes)
