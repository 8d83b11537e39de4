"""The report files of ninety nights: each format is read back by a reader of its own, and has the report's numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from junitparser import JUnitXml
from markdown_it import MarkdownIt
from prometheus_client.parser import text_string_to_metric_families

from hcexport.output.json_schema import schema_of
from hcexport.sandbox import Sandbox
from hcexport.sandbox.world.reports import RESULT_WORDS, Report
from tests.support.process import Hcexport
from tests.support.report_readers import Page, junit_faults

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NIGHTS = 90
RESULTS = ("passed", "warning", "failed", "unknown")
SUFFIXES = ("html", "md", "xml", "prom", "json", "csv")
Counts = Mapping[str, int]


def test_every_format_has_the_numbers_of_its_report(hcexport: Hcexport, box: Sandbox) -> None:
    nights = [report for report in box.reports if report.name.startswith("Nightly check")][:NIGHTS]
    assert len(nights) == NIGHTS
    assert hcexport("show", "--all").returncode == 0  # from here on nothing is asked for
    kinds = set()
    for report in nights:
        files = [word for suffix in SUFFIXES for word in ("--report", f"r.{suffix}")]
        done = hcexport("show", report.id, "--offline", *files, "--format", "nagios")
        counts, read = numbers_of(report), numbers_read(hcexport.cwd, report.id)
        assert read == dict.fromkeys(read, counts), report.name
        assert len(read) == len(SUFFIXES)
        require_nagios(done.returncode, done.stdout, counts, report.failures)
        kinds |= set(report.failures.values())
    assert kinds == {"fail", "warning", "unknown"}  # or some of the nights' numbers would have been nought


def numbers_of(report: Report) -> Counts:
    """How many tests have each result, as the server made them."""
    checks = [check.id for suite in report.suites for check in suite.checks]
    return count_results(RESULT_WORDS[report.failures.get(check, "pass")] for check in checks)


def count_results(results: Iterable[str]) -> Counts:
    found = Counter(results)
    assert set(found) <= set(RESULTS)
    return {result: found[result] for result in RESULTS}


def numbers_read(folder: Path, report_id: str) -> dict[str, Counts]:
    """What the files of one report say, by suffix."""
    text = {suffix: (folder / f"r.{suffix}").read_bytes().decode() for suffix in SUFFIXES}
    assert all(report_id in text[suffix] for suffix in SUFFIXES if suffix != "prom")
    readers = (read_html, read_markdown, read_junit, read_prometheus, read_json, read_csv)
    return {suffix: reader(text[suffix]) for suffix, reader in zip(SUFFIXES, readers, strict=True)}


def read_html(text: str) -> Counts:
    page = Page(text)
    assert page.open == []
    policies = [each["content"] for each in page.named("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert str(policies[0]).startswith("default-src 'none'")
    before, _, in_full = "".join(page.words).partition("The newest report in full")
    found = count_results(re.findall(r"[✓!✗?] (passed|warning|failed|unknown)", in_full))
    assert counts_in(re.split("What does not pass|Nothing fails", before.partition("Tests")[2])[0]) == found
    return found


def read_markdown(text: str) -> Counts:
    """The rows of the table of all tests, as GitHub's Markdown has tables."""
    assert len(text.encode()) <= 900 * 1024
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    html = "".join(token.content for token in tokens if token.type == "html_block")
    assert html.count("<details>") == html.count("</details>") == 1
    rows: list[list[str]] = []
    for before, token in pairwise(tokens):
        if before.type == "tr_open":
            rows.append([])
        elif before.type in {"th_open", "td_open"}:
            rows[-1].append(token.content)
    assert rows
    start = max(number for number, row in enumerate(rows) if row[0] == "Result")
    assert {len(row) for row in rows[start:]} == {6}
    (line,) = [token.content for token in tokens if token.content.startswith("Newest report: ")]
    found = count_results(row[0].split()[1] for row in rows[start + 1 :])
    assert counts_in(line.rpartition(": ")[2]) == found
    return found


def counts_in(words: str) -> Counts:
    found = {result: int(count) for count, result in re.findall(r"(\d+) (passed|warning|failed|unknown)", words)}
    return {result: found.get(result, 0) for result in RESULTS}


def read_junit(text: str) -> Counts:
    assert junit_faults(text) == []
    outcome = {(): "passed", ("Skipped",): "warning", ("Failure",): "failed", ("Error",): "unknown"}
    suites = [*JUnitXml.fromstring(text.encode())]
    found = count_results(
        outcome[tuple(type(each).__name__ for each in case.result)] for suite in suites for case in suite
    )
    said = {
        "warning": sum(suite.skipped for suite in suites),
        "failed": sum(suite.failures for suite in suites),
        "unknown": sum(suite.errors for suite in suites),
    }
    assert {result: found[result] for result in said} == said
    assert sum(suite.tests for suite in suites) == sum(found.values())
    return found


def read_prometheus(text: str) -> Counts:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    ones = [each.labels for each in samples if each.name == "hcexport_test_result" and each.value == 1]
    tests = [each.labels["test"] for each in samples if each.name == "hcexport_test_result"]
    assert set(Counter(tests).values()) == {4}
    assert len(ones) == len({each["test"] for each in ones}) == len(set(tests))
    found = count_results(each["result"] for each in ones)
    assert {s.labels["result"]: s.value for s in samples if s.name == "hcexport_report_tests"} == found
    (passed,) = [each.value for each in samples if each.name == "hcexport_report_passed"]
    assert passed == (found["passed"] == sum(found.values()))
    return found


def read_json(text: str) -> Counts:
    document = json.loads(text)
    Draft202012Validator(schema_of("show")).validate(document)
    (report,) = document
    return count_results(test["result"] for test in report["tests"])


def read_csv(text: str) -> Counts:
    assert text.startswith("\ufeff")
    rows = [*csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)]
    return count_results(row["result"] for row in rows)


def require_nagios(status: int, stdout: str, counts: Counts, failures: Mapping[str, str]) -> None:
    """A line as monitoring plugins print it, and the exit status that its word says."""
    word = r"(OK|WARNING|CRITICAL|UNKNOWN)"
    number = r"-?\d+(?:\.\d+)?"
    datum = rf"[a-z]+={number}s?(?:;{number}|;)*"
    found = re.fullmatch(rf"HEALTH {word} - [^|\n]+ \| ({datum}(?: {datum})*)\n", stdout)
    assert found, stdout
    assert status == ("OK", "WARNING", "CRITICAL", "UNKNOWN").index(found[1])
    data = {name: value for name, _, value in (each.split(";")[0].partition("=") for each in found[2].split())}
    assert int(data["failed"]) == counts["failed"] + counts["unknown"]
    assert int(data["warnings"]) == counts["warning"]
    assert (status == 0) == (not failures)
    assert (status == 2) == (data["critical"] != "0")
