"""Questions measured as operators measure them: the command, real databases, and a chat model that follows a script."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from groundwire import Result
from groundwire.agents import cli, eval_cases, eval_crowd, eval_report, eval_split, prompt, weights
from groundwire.agents.agent import REFUSAL, Answer
from groundwire.agents.eval_cases import Case
from groundwire.agents.eval_run import Run, change, quantile, sign_test
from groundwire.agents.eval_setup import Target, opened
from groundwire.agents.evals import Evaluation, Outcome, ungrounded
from groundwire.core.catalog import Catalog, Entity, Field, Relation
from groundwire.core.errors import ConfigError
from groundwire.core.result import SourceReport

SCHEMA = (
    "CREATE TABLE regions (region_id INTEGER PRIMARY KEY, region_name VARCHAR(20))",
    "CREATE TABLE shops (shop_id INTEGER PRIMARY KEY, city VARCHAR(20), region_id INTEGER REFERENCES regions (region_id))",
    "CREATE TABLE sales (sale_id INTEGER PRIMARY KEY, shop_id INTEGER REFERENCES shops (shop_id), amount DECIMAL(8, 2), sold_at TIMESTAMP)",
    "CREATE TABLE visits (visit_id INTEGER PRIMARY KEY, shop_id INTEGER REFERENCES shops (shop_id), visitors INTEGER)",
    "INSERT INTO regions VALUES (1, 'North'), (2, 'South')",
    "INSERT INTO shops VALUES (1, 'Kiel', 1), (2, 'Ulm', 2), (3, 'Köln', NULL)",
    "INSERT INTO sales VALUES (1, 1, 10.50, '2024-03-01 10:00:00'), (2, 1, 4.25, '2024-03-02 11:30:00'), (3, 2, 99.00, '2024-04-01 09:00:00')",
    "INSERT INTO visits VALUES (1, 1, 40), (2, 3, 7)",
)
PER_CITY, LARGEST, PER_REGION, WEATHER, STAFF, UNHEARD = (
    "What are total sales per city?",
    "What is the largest sale?",
    "Sales per region, please.",
    "How is the weather?",
    "How many people work in Kiel?",
    "Which shop had no visitors?",
)
SCRIPT = {
    PER_CITY: ["query SELECT shop.city, SUM(amount) AS total FROM sales GROUP BY 1", "Kiel sold 14.75, Ulm 99.00."],
    LARGEST: ["query SELECT MIN(amount) AS amount FROM sales", "The largest is 4.25."],
    PER_REGION: ["query SELECT shop.region.region_name, SUM(amount) AS s FROM sales GROUP BY 1", "North has 14.75."],
    WEATHER: [REFUSAL],
    STAFF: ["query SELECT COUNT(*) AS n FROM shops WHERE city = 'Kiel'", "1 works there."],
    UNHEARD: [REFUSAL],
}
CASES = [
    {
        "id": "per-city",
        "category": "sum",
        "question": PER_CITY,
        "gold_sql": "SELECT c.city, SUM(s.amount) FROM sales s JOIN shops c ON s.shop_id = c.shop_id GROUP BY c.city",
    },
    {
        "id": "largest",
        "category": "sum",
        "question": LARGEST,
        "gold_sql": "SELECT MAX(amount) AS top FROM sales",
        "misreadings": ["SELECT AVG(amount) FROM sales", "SELECT MIN(amount) FROM sales"],
    },
    {
        "id": "per-region",
        "category": "join",
        "question": PER_REGION,
        "gold_sql": "SELECT r.region_name, SUM(s.amount) FROM sales s JOIN shops c ON s.shop_id = c.shop_id"
        " LEFT JOIN regions r ON c.region_id = r.region_id GROUP BY r.region_name",
    },
    {"id": "unheard", "category": "join", "question": UNHEARD, "gold_sql": "SELECT city FROM shops WHERE shop_id = 2"},
    {"id": "weather", "question": WEATHER},
    {"id": "staff", "question": STAFF, "answerable": False},
]


class Scripted(BaseChatModel):
    """Says what `SCRIPT` holds."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        question = next(m.text for m in reversed(messages) if isinstance(m, HumanMessage))
        steps = next(steps for asked, steps in SCRIPT.items() if asked in question)
        said = steps[sum(isinstance(m, AIMessage) for m in messages)]
        what, _, rest = said.partition(" ")
        message = AIMessage(content=said)
        if what == "query":
            message = AIMessage(content="", tool_calls=[{"name": "query", "args": {"sql": rest}, "id": rest[:9]}])
        message.usage_metadata = {"input_tokens": 100, "output_tokens": 12, "total_tokens": 112}
        return ChatResult(generations=[ChatGeneration(message=message)])


def _cases(*raw: dict[str, Any]) -> list[Case]:
    return [eval_cases.parse(item, f"case-{n}", f"case {n}") for n, item in enumerate(raw or CASES)]


def _filled(url: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in SCHEMA:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def shop(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/shop.sqlite"
    _filled(url)
    return url


@pytest.fixture(scope="module")
def postgres_shop(postgres_url: str) -> str:
    _filled(postgres_url)
    return postgres_url


def _run(target: Target, cases: list[Case] | None = None) -> Run:
    evaluation = Evaluation(target, model=Scripted())
    outcomes = list(evaluation.run(cases or _cases()))
    return Run(conditions={"mode": target.mode}, notes=evaluation.notes, outcomes=outcomes)


def test_answers_are_counted_by_what_became_of_them(shop: str) -> None:
    run = _run(Target(url=shop))
    kinds = {o.id: o.kind for o in run.outcomes}
    assert kinds == {
        "per-city": "right",
        "largest": "wrong",
        "per-region": "right",
        "unheard": "refused",
        "weather": "refused",
        "staff": "wrong",
    }
    totals = run.totals()
    assert (totals["correct"], totals["of"], totals["refused_wrongly"]) == (2, 4, 1)
    assert (totals["refused_rightly"], totals["unanswerable"], totals["ungrounded"]) == (1, 2, 0)
    assert totals["categories"]["join"] == {"correct": 1, "of": 2}
    assert totals["tokens"] == {"input": 200, "cached": 0, "output": 24}
    largest = next(o for o in run.outcomes if o.id == "largest")
    assert largest.difference is not None
    assert (largest.difference.missing, largest.difference.extra) == ((("99",),), (("4.25",),))
    assert largest.misread == "SELECT MIN(amount) FROM sales"
    assert "2 of 4 right (50 %), 1 refused" in run.summary()


def test_a_gold_query_that_fails_says_nothing_about_the_answer(shop: str) -> None:
    run = _run(Target(url=shop), _cases({"id": "x", "question": LARGEST, "gold_sql": "SELECT nothing FROM sales"}))
    assert [o.kind for o in run.outcomes] == ["invalid"]
    assert (run.totals()["of"], run.totals()["invalid"]) == (0, 1)
    assert "have no working gold query" in run.summary()


def test_gold_queries_run_on_the_database_in_its_own_words(shop: str, postgres_shop: str) -> None:
    own = "SELECT string_agg(city, '+' ORDER BY city) FROM shops"
    case = _cases({"question": "?", "gold_sql": own})[0]
    with opened(Target(url=postgres_shop), "") as setup:
        assert setup.gold(case, own)[1] == [("Kiel+Köln+Ulm",)]
        with pytest.raises(Exception, match="read-only"):
            setup.gold(case, "DELETE FROM visits RETURNING 1")
    with opened(Target(url=shop), "") as setup, pytest.raises(Exception, match="readonly"):
        setup.gold(case, "DELETE FROM visits RETURNING 1")


def test_one_url_serves_the_database_of_each_case(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _filled(f"sqlite:///{tmp_path}/{name}.sqlite")
    with sqlite3.connect(tmp_path / "two.sqlite") as two:
        two.execute("DELETE FROM sales WHERE amount < 5")
    two.close()
    gold = "SELECT COUNT(*) FROM sales"
    (tmp_path / "groundwire.toml").write_text(
        f'[sources.shop]\ntype = "sql"\nurl = "sqlite:///{tmp_path}/{{db}}.sqlite"\n'
    )
    for target in (Target(url=f"sqlite:///{tmp_path}/{{db}}.sqlite"), Target(config=tmp_path / "groundwire.toml")):
        counted = []
        for case in _cases(*({"id": n, "db": n, "question": "?", "gold_sql": gold} for n in ("one", "two"))):
            with opened(target, case.db) as setup:
                counted.append(setup.gold(case, gold)[1][0][0])
        assert counted == [3, 2]


@pytest.mark.server
def test_split_gives_the_same_answers_over_two_servers_and_leaves_nothing(postgres_shop: str, mariadb_url: str) -> None:
    server = sa.make_url(mariadb_url).set(database=None).render_as_string(hide_password=False)
    target = Target(url=postgres_shop, mode="split", second_url=server)
    with opened(target, "") as setup:
        sources = {e.full_name for e in setup.hub.catalog}
        assert sorted(name.split(".")[0] for name in sources) == ["data", "data", "data_second", "data_second"]
        assert "2 of 4 tables" in setup.notes[0]
        assert setup.notes[0].endswith("of 3 relations cross")
        assert eval_split.relations_of(setup.single) == eval_split.relations_of(setup.hub.catalog)
        assert _split_databases(server, os.getpid())
    assert not _split_databases(server, os.getpid())
    single, split = _run(Target(url=postgres_shop)), _run(target)
    assert {o.id: o.kind for o in split.outcomes} == {o.id: o.kind for o in single.outcomes}
    right = [o for o in split.outcomes if o.kind == "right"]
    assert len(right) == 2


@pytest.mark.server
def test_what_a_killed_run_left_on_the_second_server_is_dropped_by_the_next(
    postgres_shop: str, mariadb_url: str
) -> None:
    server = sa.make_url(mariadb_url).set(database=None).render_as_string(hide_password=False)
    program = (
        "import os, signal; from groundwire.agents.eval_setup import Target, opened\n"
        f"with opened(Target(url={postgres_shop!r}, mode='split', second_url={server!r}), ''):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as killed:
        assert killed.wait(timeout=60) == -signal.SIGKILL
    assert len(_split_databases(server, killed.pid)) == 1
    with opened(Target(url=postgres_shop, mode="split", second_url=server), ""):
        assert not _split_databases(server, killed.pid)
        assert len(_split_databases(server, os.getpid())) == 1
    assert not _split_databases(server, os.getpid())


def _split_databases(server: str, process: int) -> list[str]:
    """Names of what one process has on the second server; other tests may be using it at the same time."""
    engine = sa.create_engine(server)
    try:
        mine = f"gw_split_{eval_split._TAG}_{process}_"
        return [name for name in sa.inspect(engine).get_schema_names() if name.startswith(mine)]
    finally:
        engine.dispose()


def _chain(*names: str) -> list[Entity]:
    """Each entity refers to the one before it."""
    return [
        Entity(
            source="s",
            name=name,
            fields=(Field(name="id", type=pa.int64()), Field(name="of", type=pa.int64())),
            primary_key=("id",),
            relations=(Relation(name="of", target=f"s.{before}", on=(("of", "id"),)),) if before else (),
        )
        for before, name in zip(("", *names), names, strict=False)
    ]


@pytest.mark.parametrize("count", [2, 5, 9, 24])
def test_half_of_the_tables_move_and_half_of_the_relations_cross(count: int) -> None:
    division = eval_split.divide(_chain(*(f"t{n:02}" for n in range(count))))
    assert len(division.moved) == count // 2
    assert division.relations == count - 1
    assert len(division.crossing) == max(1, (count - 1) // 2)


def test_a_crowd_is_the_same_every_time_and_hides_the_right_entities_among_a_thousand(shop: str) -> None:
    with opened(Target(url=shop, mode="crowd"), "") as setup:
        others = [e for e in setup.hub.catalog if e.source != "data"]
        assert len(others) == eval_crowd.SIZE
        near = [e.name for e in others if e.name.startswith(("sales_", "shops_", "regions_", "visits_"))]
        assert len(near) == 4 * eval_crowd.NEAR
        again = Catalog(e for c in eval_crowd.connectors(setup.single) for e in c.discover())
        assert {e.full_name: e for e in others} == {e.full_name: e for e in again}
        assert len(prompt.choose(PER_CITY, setup.hub.catalog).entities) < 12
    run = _run(Target(url=shop, mode="crowd"), _cases()[:1])
    assert [o.kind for o in run.outcomes] == ["right"]
    assert "1,000 other entities stand beside 4" in run.summary()


def _answer(text: str, **columns: list[Any]) -> Answer:
    report = SourceReport(source="erp", entities=("erp.invoice",), as_of=datetime.now(UTC))
    return Answer(question="", text=text, result=Result(table=pa.table(columns), sources=(report,), query=""))


@pytest.mark.parametrize(
    ("text", "unproved"),
    [
        ("12 were sold on 2024-03-01 to 3 shops.", ()),
        ("13 were sold.", ("13",)),
        ("Kiel: 3, 12; Ulm: 12, 3.", ()),
        ("Kiel: 3, 13.", ("13",)),
        ("Sold on 2024-03-12.", ("2024-03-12",)),  # year, month and 12 are cells, the date is none
        ("Since 2019 it was 12.", ()),
        ("12 + 3 = 15 in all.", ()),
        ("12 + 3 = 16 in all.", ("16",)),
        ("12 + 4 = 16 in all.", ("4", "16")),
        ("That is 12 / 3 = 4 each.", ()),
    ],
)
def test_figures_that_nothing_proves_are_found(text: str, unproved: tuple[str, ...]) -> None:
    answer = _answer(text, n=[12], day=[date(2024, 3, 1)], shops=[3])
    assert ungrounded(answer, "how many since 2019?") == unproved


def test_cases_say_what_is_wrong_with_them(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    for text, message in (
        ("{", "can't read cases"),
        ("{}", "not a list of cases"),
        ('[{"gold_sql": "SELECT 1"}]', "an object with a question"),
        ('[{"question": "?", "gold_sq": "SELECT 1"}]', "did you mean gold_sql"),
        ('[{"question": "?", "answerable": true}]', "has no gold_sql"),
        ('[{"id": 1, "question": "?"}, {"id": "1", "question": "!"}]', "two cases have the id '1'"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=message):
            eval_cases.read([file])
    both = eval_cases.parse({"question": "?", "gold_sql": "SELECT ';' AS x; SELECT 2;"}, "n", "n")
    assert both.golds == ("SELECT ';' AS x", "SELECT 2")
    with pytest.raises(ConfigError, match="did you mean weather"):
        eval_cases.chosen(_cases(), "wether")


def _outcome(id_: str, kind: str, seconds: float = 1.0) -> Outcome:
    return Outcome(
        id=id_, db="", category="c", question=id_, hints="", answerable=True, kind=kind, seconds=seconds, answer="<b>&"
    )


def test_two_runs_are_told_apart_only_by_more_than_chance() -> None:
    before = Run(outcomes=[_outcome(str(n), "wrong" if n < 10 else "right", 2.0) for n in range(20)])
    lucky = Run(outcomes=[_outcome(str(n), "wrong" if 2 < n < 11 else "right", 2.0) for n in range(20)])
    better = Run(outcomes=[_outcome(str(n), "wrong" if n == 19 else "right") for n in range(20)])
    noise = change(before, lucky)
    assert ([o.id for o in noise.won], [o.id for o in noise.lost]) == (["0", "1", "2"], ["10"])
    assert noise.p_value == pytest.approx(0.625)
    assert "chance alone does that as well" in noise.summary()
    progress = change(before, better)
    assert progress.p_value == pytest.approx(2 * 12 / 2**11)
    assert "more than chance explains" in progress.summary()
    assert progress.p_value_seconds < 0.001
    assert sign_test(0, 0) == 1.0
    assert change(before, Run(outcomes=[])).common == 0


def test_quantiles_lie_between_neighbours() -> None:
    assert (quantile([], 0.5), quantile([3.0], 0.95), quantile([1, 2], 0.5)) == (0.0, 3.0, 1.5)
    assert quantile(list(range(101)), 0.95) == pytest.approx(95)


def test_a_run_survives_its_file(tmp_path: Path, shop: str) -> None:
    run = _run(Target(url=shop))
    run.write(tmp_path / "run.json")
    again = Run.read(tmp_path / "run.json")
    assert again.outcomes == run.outcomes
    assert again.to_dict() == run.to_dict()
    (tmp_path / "run.json").write_text('{"format": 1}')
    with pytest.raises(ConfigError, match="holds no run"):
        Run.read(tmp_path / "run.json")


def test_a_page_stands_alone_and_shows_no_text_as_markup() -> None:
    asked = '<script>alert("x")</script>'
    outcome = Outcome(
        id="a", db="", category="<i>", question=asked, hints="", answerable=True, kind="wrong", sql=asked, answer=asked
    )
    made = eval_report.page(Run(outcomes=[outcome, _outcome("b", "right"), _outcome("c", "refused")]))
    assert "<script" not in made
    assert "&lt;script&gt;" in made
    assert "http" not in made.replace("http-equiv", "")
    assert "default-src 'none'" in made
    assert "prefers-color-scheme: dark" in made
    assert "<h2>Not right (2)</h2>" in made
    assert eval_report.page(Run())


# -- the command -------------------------------------------------------------------------------


class Command:
    """`groundwire eval` in a folder with `cases.json`, in this process: its exit code, standard output and error."""

    def __init__(self, folder: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.url, self._capsys = folder, url, capsys
        (folder / "cases.json").write_text(json.dumps(CASES))

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = cli.app(["eval", *arguments], standalone_mode=False)
        out, err = self._capsys.readouterr()
        assert "\x1b" not in out + err, "a colour code in a pipe"
        return code or 0, out, err


@pytest.fixture
def command(tmp_path: Path, shop: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GROUNDWIRE_CONFIG", raising=False)
    return Command(tmp_path, shop, capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("absent.json",), "can't read cases"),
        (("cases.json",), "can't read the configuration"),
        (("cases.json", "--url", "URL", "--mode", "split"), "needs a second server"),
        (("cases.json", "--url", "URL", "--ablate", "lnks"), "did you mean links"),
        (("cases.json", "--url", "URL", "--only", "nobody"), "no case 'nobody'"),
        (("cases.json", "--url", "URL", "--resume"), "--resume needs the --output"),
        (("cases.json", "--url", "URL", "-o", "cases.json"), "cases.json exists"),
        (("cases.json", "--url", "URL", "-o", "cases.json", "--resume"), "holds no run"),
        (("diff", "cases.json", "cases.json"), "holds no run"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(command: Command, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = command(*(command.url if a == "URL" else a for a in arguments))
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_source_that_is_not_there_is_exit_code_4(command: Command) -> None:
    code, _, err = command("cases.json", "--url", "postgresql://nobody@127.0.0.1:1/nothing")
    assert code == 4
    assert len(err.splitlines()) == 1


@pytest.mark.server
def test_our_own_questions_are_loaded_asked_and_taken_away_again(postgres_url: str) -> None:
    program = Path(__file__).parent.parent / "examples" / "evals" / "run.py"
    environment = os.environ | {"GROUNDWIRE_EVAL_POSTGRES": postgres_url}
    arguments = [sys.executable, str(program), "--only", "hotel-99"]
    with subprocess.Popen(arguments, env=environment, stderr=subprocess.PIPE, encoding="utf-8") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "no case 'hotel-99'; did you mean hotel-" in err
    engine = sa.create_engine(postgres_url)
    with engine.connect() as connection:
        left = connection.exec_driver_sql(
            f"SELECT datname FROM pg_database WHERE datname LIKE 'gw_eval_{process.pid}_%%'"
        )
        assert left.all() == []
    engine.dispose()


@pytest.mark.weights
def test_a_run_that_was_killed_goes_on_where_it_stopped(command: Command, small_weights: Path) -> None:
    arguments = ["cases.json", "--url", command.url, "--model", weights.SMALL, "--limit", "3", "-o", "run.json"]
    file = command.folder / "run.json"
    with subprocess.Popen(
        [str(Path(sys.executable).parent / "groundwire"), "eval", *arguments],
        cwd=command.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        for _ in _until(lambda: file.exists() or process.poll() is not None):
            pass
        process.kill()
    first = Run.read(file)
    assert 1 <= len(first.outcomes) <= 3
    code, out, err = command(*arguments, "--resume", "--html", "run.html")
    assert code == 0
    run = Run.read(file)
    assert [o.id for o in run.outcomes] == ["per-city", "largest", "per-region"]
    assert run.outcomes[: len(first.outcomes)] == first.outcomes
    assert len([line for line in err.splitlines() if line.startswith(("ok", "FAIL"))]) == 3 - len(first.outcomes)
    assert "of 3 right" in out
    assert all(o.prompt["tokens"] > 500 for o in run.outcomes)
    assert "<h2>By category</h2>" in (command.folder / "run.html").read_text()
    code, _, err = command(*arguments, "--resume", "--ablate", "links")
    assert code == 2
    assert "was made with ablated []" in err
    code, out, _ = command("diff", "run.json", "run.json")
    assert code == 0
    assert "0 won, 0 lost" in out


def _until(met: Any, seconds: float = 90) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
        yield
