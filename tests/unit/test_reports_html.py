"""The HTML page: whole, harmless, with nothing from elsewhere, and small enough."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from health_samples import HOSTILE, NOW, F, P, U, W, a_report, a_test
from test_reports_formats import hostile, made

from hcexport.health.verdict import Level, Rules
from hcexport.output.reports import ReportSet, html
from hcexport.output.reports.facts import headline
from hcexport.output.reports.markup import Markup, element, text
from hcexport.output.reports.style import CSS
from tests.support.report_readers import Page

SETS = {
    "none": made(error="server not reached"),
    "one": made(a_report(0, a_test("A", W))),
    "several": made(*(a_report(night, a_test("A", F if night < 2 else P), a_test("B", U)) for night in range(9))),
    "hostile": hostile(),
    "no tests": made(a_report(0), a_report(1)),
}


@pytest.mark.parametrize("name", SETS)
def test_a_page_is_whole_and_asks_for_nothing(name: str) -> None:
    page = Page(html.render(SETS[name]))
    assert page.open == []
    used = {attribute for _, attributes in page.elements for attribute in attributes}
    assert not used & {"src", "href", "srcset", "action", "data", "poster", "background"}
    assert not [each for each in used if each.startswith("on")]
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "div", "p", "span"),
        *("h1", "h2", "h3", "ul", "li", "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "i"),
        *("strong", "small", "bdi", "time", "figure", "figcaption", "svg", "path", "polyline"),
    }
    policy = next(each for each in page.named("meta") if each.get("http-equiv"))
    assert "default-src 'none'" in str(policy["content"])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_the_style_sheet_asks_for_nothing() -> None:
    assert not re.search(r"@import|url\(|https?:|expression", CSS)
    assert "prefers-color-scheme:dark" in CSS
    assert "@media print" in CSS


@pytest.mark.parametrize("name", SETS)
def test_a_screen_reader_finds_its_way(name: str) -> None:
    page = Page(html.render(SETS[name]))
    assert [len(page.named(tag)) for tag in ("header", "main", "footer", "h1")] == [1, 1, 1, 1]
    assert all(each.get("scope") in {"col", "row"} for each in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table"))
    regions = [each for each in page.named("div") if "scroll" in str(each.get("class"))]
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in regions)
    assert all(each["aria-label"] for each in page.named("svg"))
    assert page.named("html")[0]["lang"] == "en"


def test_hostile_names_are_text() -> None:
    page = html.render(hostile())
    assert page.encode()
    assert all(each.isprintable() or each == "\n" for each in page)
    words = "".join(Page(page).words)
    for name in HOSTILE[:4]:
        assert name in words
    assert "\\x1b[31mred" in words
    assert "\\u202egpj" in words


def test_what_is_text_stays_text() -> None:
    made_element = element(
        "p", "<b>", Markup("<i>"), ["x", None, text("&")], title='"', class_="a", hidden=False, data_x=1
    )
    assert made_element == '<p title="&quot;" class="a" data-x="1">&lt;b&gt;<i>x&amp;</p>'


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        (SETS["none"], "No report"),
        (made(a_report(0, a_test("A", P))), "Healthy"),
        (made(a_report(0, a_test("A", W))), "Healthy, with warnings"),
        (made(a_report(0, a_test("A", W)), rules=Rules(Level.WARNING)), "Not healthy"),
        (made(a_report(0, a_test("K", F))), "Healthy"),
        (made(a_report(0, a_test("A", F))), "Not healthy"),
        (made(a_report(0, a_test("A", U))), "Not healthy"),
        (made(a_report(0, a_test("A", F)), rules=Rules(Level.CRITICAL)), "Healthy by its rules"),
        (made(a_report(0, a_test("A", P), says=F)), "Not healthy"),
        (made(a_report(3, a_test("A", P)), rules=Rules(max_age=timedelta(1))), "Too old to tell"),
        (made(a_report(0, a_test("A", P)), a_report(1, a_test("A", F)), rules=Rules(Level.FAILED)), "Healthy"),
    ],
)
def test_the_answer(reports: ReportSet, words: str) -> None:
    assert headline(reports).words == words
    assert f"<h1>{words}</h1>" in html.render(reports)


def test_the_other_reports_are_counted_without_the_newest() -> None:
    nights = [a_report(night, a_test("A", F), a_test("B", W), a_test("C", W)) for night in range(3)]
    reports = made(*nights, a_report(3, a_test("A", P)), rules=Rules(Level.FAILED))
    assert any("2 of 3 " in note for note in headline(reports).notes)
    assert not any(" of " in note for note in headline(made(nights[0], rules=Rules(Level.FAILED))).notes)


def test_failing_tests_with_since_and_known_until() -> None:
    nights = [a_report(night, a_test("A", F if night < 3 else P), a_test("K", W)) for night in range(9)]
    page = "".join(Page(html.render(made(*nights))).words)
    assert "2026-11-21 08:00 UTC" in page
    assert "known until 2026-12-31" in page
    assert "at least 2026-11-15 08:00 UTC" in page


def test_a_failure_that_the_newest_report_lacks() -> None:
    page = html.render(made(a_report(0, a_test("A", P)), a_report(1, a_test("Z", F), suite="Other")))
    assert "not in the newest report" in page


def test_a_year_of_sixty_tests_is_small_and_soon_there() -> None:
    tests = [a_test(f"T{number:02}", W if number == 7 else P) for number in range(60)]
    reports = made(*(a_report(night, *tests) for night in range(365)))
    begun = time.process_time()
    page = html.render(reports)
    assert time.process_time() - begun < 2  # a tenth of a second on an ordinary machine
    assert len(page) < 800 * 1024


def test_times_have_their_zone() -> None:
    words = " ".join(Page(html.render(SETS["several"])).words)
    stripped = words.replace("2026-11-23 08:00 UTC", "")
    assert f"{NOW:%Y-%m-%d %H:%M} UTC" in words
    assert not re.search(r"\d\d:\d\d(?!:\d\d)(?! UTC)(?!\d)", re.sub(r"\d\d:\d\d:\d\d", "", stripped))
