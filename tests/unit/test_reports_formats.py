"""Report files for machines and for Markdown: each is read back by somebody else's reader."""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from health_samples import HOSTILE, NOW, F, P, U, W, a_report, a_test
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families

from hcexport.health.ignores import Ignore
from hcexport.health.verdict import Level, Rules
from hcexport.models import ReportDetail, Result
from hcexport.output.reports import LastRun, ReportSet, junit, markdown, nagios, prometheus
from tests.support.report_readers import junit_faults

RUN = LastRun(NOW, 10, timedelta(seconds=42.5), NOW - timedelta(days=1))
KNOWN = Ignore("K", date(2026, 12, 31))
MIXED = a_report(
    0.25, a_test("A", F, "critical", "store"), a_test("B", P), a_test("C", W), a_test("D", U), a_test("K", F, name="k")
)


def made(*reports: ReportDetail, error: str | None = None, rules: Rules | None = None) -> ReportSet:
    """What the formats are given."""
    return ReportSet.make(
        "prod",
        "https://gis.example.com/arcgis",
        NOW,
        reports,
        rules=rules or Rules(ignores=(KNOWN,)),
        error=error,
        last_run=RUN,
    )


def hostile() -> ReportSet:
    """Every hostile name in every place."""
    tests = [a_test(name, F if number % 2 else P, name, name, name) for number, name in enumerate(HOSTILE)]
    reports = []
    for number, name in enumerate(HOSTILE):
        detail = a_report(number, *tests, suite=name)
        reports.append(replace(detail, report=replace(detail.report, name=name, created_by=name)))
    return ReportSet.make(HOSTILE[0], HOSTILE[2], NOW, reports, error=None, last_run=RUN)


def cases(reports: ReportSet) -> dict[str, object]:
    """The cases by class and name, read by junitparser."""
    assert junit_faults(junit.render(reports)) == []
    suites = JUnitXml.fromstring(junit.render(reports).encode())
    listed = [case for suite in suites for case in suite]
    by_name = {f"{case.classname} {case.name}": case for case in listed}
    assert len(by_name) == len(listed)  # GitLab drops one of two
    return by_name


def test_junit_has_one_outcome_a_case() -> None:
    found = cases(made(MIXED))
    outcomes = {name: [each.__class__.__name__ for each in case.result] for name, case in found.items()}  # type: ignore[attr-defined] # junitparser's
    assert outcomes == {
        "prod.Basic A store": ["Failure"],
        "prod.Basic B": [],
        "prod.Basic C": ["Skipped"],
        "prod.Basic D": ["Error"],
        "prod.Basic K k": ["Skipped"],
    }
    assert "2026-12-31" in found["prod.Basic K k"].result[0].message  # type: ignore[attr-defined] # as above


def test_junit_says_about_the_suite_what_its_readers_show() -> None:
    root = ElementTree.fromstring(junit.render(made(MIXED, a_report(2, a_test("A", P)))))
    (suite,) = root
    assert root.tag == "testsuites"
    counts = [suite.get(key) for key in ("tests", "failures", "errors", "skipped")]
    assert (suite.get("name"), counts) == ("prod Basic", ["5", "1", "1", "2"])
    assert suite.get("timestamp") == "2026-11-23T02:00:00"
    properties = {each.get("name"): each.get("value") for each in suite.iter("property")}
    assert properties == {
        "organization": "https://gis.example.com/arcgis",
        "report_id": "r0.25",
        "report_name": "check 0.25",
        "created_by": "admin",
    }
    assert {case.get("time") for case in suite.iter("testcase")} == {"1.500"}


def test_a_test_that_ended_before_it_began_took_no_time() -> None:
    backwards = replace(a_test("A", P), end_time=NOW - timedelta(hours=6))
    cases(made(a_report(0, backwards, a_test("B", P))))
    (suite,) = ElementTree.fromstring(junit.render(made(a_report(0, backwards, a_test("B", P)))))
    assert [suite.get("time"), *(case.get("time") for case in suite.iter("testcase"))] == ["1.500", "0.000", "1.500"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<testcase classname="prod.Basic"', '<testcase class="prod.Basic"'),
        (' tests="5"', ""),
        ('time="7.500"', 'time="-7.500"'),
        ("<properties>", "<properties>x"),
        ("<skipped ", "<omitted "),
    ],
)
def test_what_jenkins_would_refuse_is_noticed(before: str, after: str) -> None:
    text = junit.render(made(MIXED))
    assert before in text
    assert junit_faults(text.replace(before, after)) != []


def test_junit_names_are_the_same_from_day_to_day() -> None:
    assert list(cases(made(a_report(1, a_test("A", P))))) == list(cases(made(a_report(0, a_test("A", F)))))


@pytest.mark.parametrize(
    ("reports", "outcome", "words"),
    [
        (made(error="server not reached"), "error", "server not reached"),
        (made(), "error", "no report has ended"),
        (made(MIXED, error="disk full"), "error", "disk full"),
        (made(a_report(0, a_test("A", P), says=F)), "failure", "says failed"),
        (made(a_report(0)), "skipped", "no test"),
        (made(a_report(0, says=U)), "failure", "says unknown"),
        (made(a_report(3, a_test("A", P)), rules=Rules(max_age=timedelta(days=1))), "failure", "allowed"),
    ],
)
def test_junit_tells_in_a_case_of_its_own_what_no_test_says(reports: ReportSet, outcome: str, words: str) -> None:
    cases(reports)
    root = ElementTree.fromstring(junit.render(reports))
    (case,) = [each for each in root.iter("testcase") if each.get("name") == "health check report"]
    (element,) = case
    assert element.tag == outcome
    assert words in element.get("message", "")


def test_two_suites_and_two_of_one_name() -> None:
    first, second = a_report(0, a_test("A", P)), a_report(0, a_test("A", F), suite="Other")
    again = a_report(0, a_test("A", W), a_test("B", P))
    suites = first.suites + second.suites + again.suites
    detail = ReportDetail(first.report, tuple(test for suite in suites for test in suite.tests), suites)
    found = cases(made(detail))
    assert [*found] == ["prod.Basic A", "prod.Basic B", "prod.Other A"]
    assert [len(case.result) for case in found.values()] == [1, 0, 1]  # type: ignore[attr-defined] # junitparser's


def test_the_help_texts_never_change() -> None:
    """Two files with different texts for one metric are an error to the collector, and hosts are updated one by one."""
    assert prometheus.HELP == {
        "hcexport_report_passed": "Whether the newest health check report passed (1) or not (0).",
        "hcexport_report_start_timestamp_seconds": (
            "When the newest health check report started, in seconds since 1970."
        ),
        "hcexport_report_duration_seconds": "How long the health check of the newest report took.",
        "hcexport_report_tests": "Number of tests in the newest health check report by result.",
        "hcexport_test_result": "Whether a test of the newest health check report has this result (1) or not (0).",
        "hcexport_last_run_timestamp_seconds": "When hcexport last ran to its end, in seconds since 1970.",
        "hcexport_last_run_exit_status": "Exit status of the last run of hcexport.",
        "hcexport_last_run_duration_seconds": "How long the last run of hcexport took.",
        "hcexport_last_success_timestamp_seconds": (
            "When hcexport last ended with status 0 or 10, in seconds since 1970; 0 for never."
        ),
    }


def samples(reports: ReportSet) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample, read by Prometheus' own client; all are gauges without a time, none is there twice."""
    text = prometheus.render(reports)
    assert text.endswith("\n")
    assert text.encode()
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        for sample in family.samples:
            assert sample.timestamp is None
            assert sample.labels.keys() <= {"profile", "organization", "test", "severity", "result"}
            assert {"profile", "organization"} <= sample.labels.keys()
            labels = {key: value for key, value in sample.labels.items() if key not in {"profile", "organization"}}
            key = (sample.name, tuple(sorted(labels.items())))
            assert key not in found
            found[key] = sample.value
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
    return found


def test_prometheus_gauges() -> None:
    found = samples(made(MIXED))
    assert found["hcexport_report_passed", ()] == 0
    assert found["hcexport_report_start_timestamp_seconds", ()] == (NOW - timedelta(hours=6)).timestamp()
    assert found["hcexport_report_duration_seconds", ()] == 13
    counts = {key[1][0][1]: value for key, value in found.items() if key[0] == "hcexport_report_tests"}
    assert counts == {"passed": 1, "warning": 1, "failed": 2, "unknown": 1}
    of_a = {key[1]: value for key, value in found.items() if ("test", "A") in key[1]}
    assert {dict(labels)["result"]: value for labels, value in of_a.items()} == {
        "passed": 0,
        "warning": 0,
        "failed": 1,
        "unknown": 0,
    }
    assert found["hcexport_last_run_exit_status", ()] == 10
    assert found["hcexport_last_run_duration_seconds", ()] == 42.5
    assert found["hcexport_last_success_timestamp_seconds", ()] == (NOW - timedelta(days=1)).timestamp()


def test_prometheus_with_an_error_has_the_last_known_report() -> None:
    assert {name for name, _ in samples(made(error="no"))} == {
        "hcexport_last_run_timestamp_seconds",
        "hcexport_last_run_exit_status",
        "hcexport_last_run_duration_seconds",
        "hcexport_last_success_timestamp_seconds",
    }
    assert ("hcexport_report_passed", ()) in samples(made(MIXED, error="no"))
    never = samples(replace(made(error="no"), last_run=replace(RUN, last_success=None)))
    assert never["hcexport_last_success_timestamp_seconds", ()] == 0
    assert prometheus.render(replace(made(), last_run=None)) == ""


@pytest.mark.parametrize(
    ("tests", "level", "status"),
    [
        ([P, P], None, 0),
        ([P, W], None, 1),
        ([P, F], None, 1),
        ([F, P], None, 2),
        ([U, P], None, 2),
        ([W, P], None, 1),
        ([P, F], Level.CRITICAL, 1),
        ([P, F], Level.FAILED, 2),
        ([P, U], Level.FAILED, 2),
        ([P, W], Level.FAILED, 1),
        ([P, W], Level.WARNING, 2),
    ],
)
def test_nagios_statuses(tests: list[Result], level: Level | None, status: int) -> None:
    report = a_report(0, a_test("A", tests[0], "critical"), a_test("B", tests[1]))
    found, line = nagios.render(made(report, rules=Rules(level)))
    assert found == status
    assert line.startswith(f"HEALTH {('OK', 'WARNING', 'CRITICAL')[status]} - ")


def test_nagios_performance_data() -> None:
    rules = Rules(Level.FAILED, timedelta(hours=26), (KNOWN,))
    _, line = nagios.render(made(MIXED, rules=rules))
    text, _, data = line.partition(" | ")
    assert "K" in text
    number = r"-?[0-9.]+"
    form = re.compile(rf"[a-z]+={number}[a-z%]*(;({number})?){{0,4}}")
    assert all(form.fullmatch(each) for each in data.split())
    values = dict(each.split("=") for each in data.split())
    assert values == {
        "critical": "1;;0;0;5",
        "failed": "2;;0;0;5",
        "warnings": "1;0;;0;5",
        "known": "1;;;0;5",
        "age": "21600s;;93600;0",
        "duration": "13s",
    }


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        (made(error="no|way\nat all"), 3),
        (made(MIXED, error="no"), 3),
        (made(), 3),
        (made(rules=Rules(max_age=timedelta(1))), 2),
        (made(a_report(3, a_test("A", P)), rules=Rules(max_age=timedelta(1))), 2),
        (made(a_report(0, a_test("A", P), says=F)), 1),
        (made(a_report(0, a_test("A", P), says=F), rules=Rules(Level.FAILED)), 2),
    ],
)
def test_nagios_without_a_healthy_report(reports: ReportSet, status: int) -> None:
    found, line = nagios.render(reports)
    assert found == status
    assert len(line.splitlines()) == 1
    assert line.count("|") <= 1


def test_hostile_names_are_text_to_junit() -> None:
    text = junit.render(hostile())
    assert all(unicodedata.category(each) not in {"Cc", "Cs"} or each in "\n\t\r" for each in text)
    assert junit_faults(text) == []
    JUnitXml.fromstring(text.encode())
    root = ElementTree.fromstring(text)
    messages = [each.get("message", "") for each in root.iter("failure")]
    assert any("]]>" not in text and "a|b" in text for text in messages)
    assert any("nul" not in text and "lone" in text for text in messages)
    assert root.find(".//script") is None
    assert "nul\ufffd" in {case.get("name") for case in root.iter("testcase")}


def test_hostile_names_are_text_to_prometheus() -> None:
    found = samples(hostile())
    ids = {dict(labels)["test"] for name, labels in found if name == "hcexport_test_result"}
    assert len(ids) == len(HOSTILE)
    assert 'a\\b"c' in ids
    assert "]]>" in ids


def test_names_that_look_the_same_once_shown_are_one_series() -> None:
    report = a_report(0, a_test("a\x1b", P), a_test("a\\x1b", F))
    found = samples(made(report))
    one = {dict(labels)["result"]: value for (name, labels), value in found.items() if name == "hcexport_test_result"}
    assert one["failed"] == 1


def test_hostile_names_are_one_line_to_nagios() -> None:
    _, line = nagios.render(hostile())
    assert line.count("|") == 1
    assert line.isprintable()


def columns(line: str) -> int:
    """The cells of a table's row, as Markdown counts them."""
    return len(re.split(r"(?<!\\)\|", re.sub(r"\\\\", "", line))) - 2


def test_hostile_names_are_text_to_markdown() -> None:
    text = markdown.render(hostile())
    assert all(each == "\n" or unicodedata.category(each) not in {"Cc", "Cs", "Cf"} for each in text)
    tags = set(re.findall(r"<[^>]*>?", text)) - {"<!-- -->"}
    assert tags == {"<details>", "<summary>", "</summary>", "</details>"}
    assert "@all" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert "https://evil" not in text
    rows = io.StringIO(text).read().split("\n\n")
    for table in (block for block in rows if block.startswith("|")):
        assert len({columns(line) for line in table.splitlines() if line.startswith("|")}) == 1


def test_markdown_has_what_does_not_pass_and_the_last_reports() -> None:
    text = markdown.render(made(MIXED, *(a_report(night, a_test("A", P)) for night in range(1, 30))))
    assert text.startswith("# ✗ Not healthy")
    assert "known until 2026-12-31" in text
    assert "2026-11-23 02:00 UTC" in text
    heading = next(line for line in text.splitlines() if line.startswith("| Test |"))
    assert columns(heading) == 1 + markdown.COLUMNS
    assert "server not reached" in markdown.render(made(error="server not reached"))
    assert "HC_112_002" in markdown.escape("HC_112_002")


def test_markdown_ends_before_github_refuses_it() -> None:
    tests = [a_test(f"{number:06}", F, about="ü" * 200) for number in range(3000)]
    for size, folded in ((3000, 0), (1200, 1)):  # it ends among what does not pass, or in the report in full
        text = markdown.render(made(a_report(0, *tests[:size])))
        assert 800 * 1024 < len(text.encode()) <= markdown.LIMIT_BYTES
        assert "900 KiB" in text.splitlines()[-1]
        assert text.count("<details>") == text.count("</details>") == folded
