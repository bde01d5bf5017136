"""The page in a real browser: asked, watched, read, sorted, kept, by mouse and by keyboard; nothing of what systems say is markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from browser import PICTURES, chromium
from page_company import ARABIC, DOWN, JAPANESE, LATER, LONG, MARKUP, ONE, PARTIAL, RANKING, REFUSED, SERIES, PageModel
from page_company import open_hub as open_company
from playwright.sync_api import Browser, Page, expect
from served import TOKEN, served
from talkative import BEGINS, ENDS, LEASES, OPEN, OPEN_SQL, PAID, Talkative
from talkative import open_hub as open_shop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(open_company(), PageModel()) as found:
        yield found


@pytest.fixture(scope="module")
def shop() -> Iterator[tuple[str, Talkative]]:
    """Where words mean two things, and what the model is asked."""
    model = Talkative(asked=[])
    with served(open_shop(), model) as found:
        yield found, model


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with _page(browser, address) as opened:
        yield opened


@pytest.fixture
def talk(browser: Browser, shop: tuple[str, Talkative]) -> Iterator[Page]:
    with _page(browser, shop[0]) as opened:
        yield opened


@contextmanager
def _page(browser: Browser, address: str) -> Iterator[Page]:
    """A page that has its token, asks this server alone, and whose console stays empty."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    elsewhere: list[str] = []
    said: list[str] = []
    opened.on("request", lambda r: None if r.url.startswith((address, "blob:", "data:")) else elsewhere.append(r.url))
    opened.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda e: said.append(str(e)))
    opened.goto(f"{address}/#token={quote(TOKEN)}")
    yield opened
    context.close()
    assert not elsewhere
    assert not said


def ask(page: Page, question: str) -> None:
    page.fill("#question", question)
    page.press("#question", "Enter")
    page.wait_for_selector(".card:not(.working)")


def picture(page: Page, name: str) -> None:
    """Keep what the page looks like, for people to look at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def test_the_page_begins_with_what_is_connected(page: Page) -> None:
    expect(page.locator("#systems li")).to_have_text([re.compile("shop"), re.compile("desk")])
    expect(page.locator(".lead")).to_be_visible()
    assert "token" not in page.url
    picture(page, "empty")
    page.click(".ideas button >> nth=0")
    expect(page.locator(".said")).to_have_text("There are 480 orders.")
    assert page.input_value("#question") == ONE


def test_a_figure_lights_up_its_cell_and_its_source(page: Page) -> None:
    ask(page, RANKING)
    assert page.locator(".cite").all_inner_texts() == ["2,430,780.00", "850,800.00", "606,720.00"]
    page.hover(".cite >> nth=1")
    expect(page.locator("td.lit")).to_have_text("850,800.00")
    expect(page.locator(".chip.lit")).to_contain_text("shop")
    assert page.locator("tr:has(td.lit)").get_attribute("data-row") == "2"
    assert "row 2, revenue, from shop" in (page.locator(".cite >> nth=1").get_attribute("aria-label") or "")
    picture(page, "ranking")


def test_how_true_an_answer_is_stands_beside_it(page: Page) -> None:
    ask(page, RANKING)
    expect(page.locator(".fact.good")).to_have_text(re.compile("Complete"))
    expect(page.locator(".truth time")).to_be_visible()
    ask(page, PARTIAL)
    expect(page.locator(".fact.bad")).to_have_text(re.compile("Not complete"))
    expect(page.locator(".banner.bad")).to_contain_text("page 3 of 9 could not be read")
    picture(page, "not-complete")


def test_a_table_is_sorted_by_any_column_and_says_so(page: Page) -> None:
    ask(page, RANKING)

    def first() -> list[str]:
        return page.locator("tbody tr >> nth=0").locator("td").all_inner_texts()

    head = page.locator("thead th")
    head.nth(1).locator("button").click()
    assert first()[1] == "2,430,780.00"
    expect(head.nth(1)).to_have_attribute("aria-sort", "descending")
    head.nth(1).locator("button").press("Enter")
    assert first() == ["United States of America", "120,000.00", "60"]
    expect(head.nth(1)).to_have_attribute("aria-sort", "ascending")
    page.hover(".cite >> nth=0")
    expect(page.locator("td.lit")).to_have_text("2,430,780.00")


def test_a_result_is_kept_as_a_file_that_is_no_formula(page: Page) -> None:
    ask(page, LONG)
    expect(page.locator(".over")).to_contain_text("The first 200 of 480 rows")
    with page.expect_download() as started:
        page.get_by_role("button", name="CSV", exact=True).click()
    shown = Path(started.value.path()).read_bytes().decode("utf-8-sig").split("\r\n")
    assert shown[0] == "id,placed,customer,country,amount,note"
    assert len(shown) == 202
    assert "'=cmd|' /C calc'!A0" in shown[7]
    with page.expect_download() as started:
        page.get_by_role("button", name="All rows as CSV").click()
    assert len(Path(started.value.path()).read_text(encoding="utf-8").splitlines()) == 481
    with page.expect_download() as started:
        page.get_by_role("button", name="JSON").click()
    assert json.loads(Path(started.value.path()).read_text(encoding="utf-8"))["row_count"] == 480
    assert page.locator(".chart").count() == 0
    picture(page, "long")


def test_a_ranking_is_bars_and_a_series_is_lines_with_their_gaps(page: Page) -> None:
    ask(page, RANKING)
    expect(page.locator("svg.bars .bar")).to_have_count(7)
    ask(page, SERIES)
    expect(page.locator("svg.lines path.line")).to_have_count(2)
    cost = page.locator("svg.lines path.c1").get_attribute("d") or ""
    assert cost.count("M") == 2  # a month is missing, and nothing is drawn across it
    expect(page.locator("figcaption .key")).to_have_text(["revenue", "cost"])
    picture(page, "series")


def test_the_plan_and_the_native_requests_are_behind_a_fold(page: Page) -> None:
    ask(page, RANKING)
    page.click(".behind > summary")
    expect(page.locator(".behind")).to_contain_text("scan orders")
    expect(page.locator(".behind")).to_contain_text("SELECT country, SUM(amount)")
    expect(page.locator(".waterfall li").first).to_be_visible()


def test_steps_are_seen_while_they_happen_and_escape_stops(page: Page) -> None:
    page.fill("#question", LATER)
    page.press("#question", "Enter")
    expect(page.locator(".steps li.now")).to_have_text("Waiting for the model")
    picture(page, "working")
    page.keyboard.press("Escape")
    expect(page.locator(".card.failed")).to_contain_text("Stopped")
    expect(page.locator("#send")).to_be_enabled()


@pytest.mark.parametrize(("question", "words"), [(REFUSED, "can't answer"), (DOWN, "HTTP 503")])
def test_what_is_not_answered_says_why(page: Page, question: str, words: str) -> None:
    ask(page, question)
    expect(page.locator("#stage")).to_contain_text(words)
    assert page.locator(".cite").count() == 0
    picture(page, "refused" if question == REFUSED else "down")


def test_right_to_left_and_chinese_characters_run_as_they_should(page: Page) -> None:
    ask(page, ARABIC)
    said = page.locator(".said")
    assert said.evaluate("e => getComputedStyle(e).direction") == "rtl"
    assert page.locator("#question").evaluate("e => getComputedStyle(e).direction") == "rtl"
    expect(page.locator(".cite")).to_have_text("60")
    picture(page, "right-to-left")
    ask(page, JAPANESE)
    expect(said).to_have_text("山田商店の注文は 60 件です。")
    picture(page, "japanese")


def test_what_a_system_says_is_text_and_never_markup(page: Page) -> None:
    dialogs: list[Any] = []
    page.on("dialog", lambda d: (dialogs.append(d), d.dismiss()))
    ask(page, MARKUP)
    expect(page.locator("tbody td >> nth=0")).to_have_text("<script>alert(1)</script>")
    assert page.locator("#stage script").count() == 0
    assert not dialogs


def test_earlier_questions_are_kept_in_the_tab_and_forgotten_on_demand(page: Page) -> None:
    ask(page, ONE)
    ask(page, RANKING)
    page.reload()
    expect(page.locator("#earlier .asked")).to_have_text([RANKING, ONE])
    page.click("#earlier button >> nth=1")
    expect(page.locator(".said")).to_have_text("There are 480 orders.")
    page.click("#forget")
    page.reload()
    expect(page.locator("#earlier li")).to_have_count(0)


def _cells(page: Page) -> list[str]:
    return sorted(page.locator("tbody tr td:first-child").all_inner_texts())


def test_a_remark_goes_on_from_the_answer_and_its_whole_question_is_shown(talk: Page) -> None:
    ask(talk, OPEN)
    assert talk.locator(".understood").count() == 0
    sent: list[Any] = []
    talk.on("request", lambda r: sent.append(r.post_data_json) if r.url.endswith("/completions") else None)
    ask(talk, "and the paid ones?")
    assert [m["content"] for m in sent[0]["messages"]] == [OPEN, "Here it is.", "and the paid ones?"]
    assert sent[0]["messages"][1]["groundwire"] == {"question": OPEN, "sql": OPEN_SQL}
    expect(talk.locator(".understood")).to_have_text(f"Understood as: {PAID}")
    assert _cells(talk) == ["2", "3"]
    expect(talk.locator(".thread li")).to_have_text([re.compile(re.escape(OPEN))])
    talk.click(".behind > summary")
    expect(talk.locator(".behind")).to_contain_text("status is paid, was open")
    ask(talk, "only those over 10")
    assert _cells(talk) == ["3"]
    expect(talk.locator(".thread li")).to_have_count(2)
    picture(talk, "conversation")


def test_readings_to_choose_from_are_buttons(talk: Page, shop: tuple[str, Talkative]) -> None:
    shop[1].asked.clear()
    ask(talk, LEASES)
    expect(talk.locator(".said")).to_have_text("Which date does “2023” speak of?")
    expect(talk.locator(".options button")).to_have_text([BEGINS, ENDS])
    expect(talk.locator("#earlier li")).to_contain_text("asked back")
    assert talk.locator(".truth, .fact").count() == 0
    picture(talk, "asked-back")
    talk.locator(".options button").nth(1).press("Enter")
    expect(talk.locator(".understood")).to_have_text(f"Understood as: {LEASES}")
    assert _cells(talk) == ["2"]
    expect(talk.locator(".thread")).to_contain_text(f"2. {ENDS}")
    assert len(shop[1].asked) == 1


def test_a_new_conversation_starts_afresh(talk: Page, shop: tuple[str, Talkative]) -> None:
    expect(talk.locator("#fresh")).to_be_hidden()
    ask(talk, OPEN)
    talk.get_by_role("button", name="New conversation").click()
    expect(talk.locator(".lead")).to_be_visible()
    expect(talk.locator("#question")).to_be_focused()
    expect(talk.locator("#fresh")).to_be_hidden()
    assert talk.input_value("#question") == ""
    sent: list[Any] = []
    talk.on("request", lambda r: sent.append(r.post_data_json) if r.url.endswith("/completions") else None)
    ask(talk, PAID)
    assert [m["content"] for m in sent[0]["messages"]] == [PAID]
    assert talk.locator(".thread").count() == 0


def test_an_earlier_conversation_can_be_gone_on_with(talk: Page) -> None:
    ask(talk, OPEN)
    ask(talk, "and the paid ones?")
    talk.click("#fresh")
    ask(talk, LEASES)
    talk.reload()
    talk.click("#earlier button >> nth=1")
    expect(talk.locator(".thread li")).to_have_count(1)
    ask(talk, "only those over 10")
    assert _cells(talk) == ["3"]
    talk.click("#earlier button >> nth=3")
    ask(talk, "only those over 10")
    assert _cells(talk) == ["4"]


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    expect(page.locator(".lead")).to_be_visible()
    page.locator("#question").blur()
    page.keyboard.press("/")
    page.keyboard.type(RANKING)
    page.keyboard.press("Enter")
    page.wait_for_selector(".cite")
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className || document.activeElement.textContent"))
    assert "cite" in reached
    expect(page.locator("#spoken")).to_contain_text("Complete.")


def test_without_a_token_the_page_asks_for_one_and_tells_a_wrong_one(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.fill("#token", "not the token of this server")
    page.press("#token", "Enter")
    expect(page.locator("#door-why")).to_have_text("This token is not accepted.")
    picture(page, "token")
    page.fill("#token", TOKEN)
    page.press("#token", "Enter")
    expect(page.locator(".lead")).to_be_visible()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(browser: Browser, address: str, scheme: Any) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, color_scheme=scheme
    )
    page = context.new_page()
    for path in ("", "operator"):
        page.goto(f"{address}/{path}#token={quote(TOKEN)}")
        if not path:
            ask(page, LONG)
            ask(page, RANKING)
        page.wait_for_selector(".said, .figures dd")
        wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide
        picture(page, f"phone-{path or 'ask'}-{scheme}")
    context.close()


def test_an_operator_sees_why_an_answer_was_slow(page: Page, address: str) -> None:
    ask(page, PARTIAL)
    ask(page, DOWN)
    page.goto(f"{address}/operator")
    slow = page.locator("details.asked", has_text=PARTIAL).first
    expect(slow.locator(".why")).to_contain_text("reading the systems, desk for")
    slow.locator("summary").click()
    expect(slow.locator(".waterfall")).to_contain_text("desk.returns")
    expect(page.locator("#sources")).to_contain_text("Unavailable, read for question")
    expect(page.locator("details.asked", has_text=DOWN).first.locator(".why")).to_contain_text("HTTP 503")
    picture(page, "operator")


def test_colours_can_be_chosen_and_stay(page: Page) -> None:
    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.click("#theme")
    light = paper()
    page.click("#theme")
    assert paper() != light
    dark = paper()
    page.reload()
    assert paper() == dark


def test_every_control_has_a_name_and_every_text_contrasts(page: Page) -> None:
    ask(page, RANKING)
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea, a')].filter(e => e.checkVisibility()
             && !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML)"""
    )
    assert nameless == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(_FAINTEST) >= 4.5, scheme


_FAINTEST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgb = (c) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
  const behind = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c[3] === 255) return c; } return [255, 255, 255, 255]; };
  return Math.min(...[...document.querySelectorAll('body *')].filter((e) => e.checkVisibility() && !e.closest('svg, .hidden, option, .arrow, :disabled')
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())).map((e) => {
      const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); }));
}"""
"""The lowest contrast of a text with what is behind it, as WCAG 2.2 counts it (success criterion 1.4.3)."""
