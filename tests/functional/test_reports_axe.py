"""The HTML page in a real browser: axe-core finds nothing wrong with it, and no page is wider than its window.

axe-core is a script from npm: ``npm pack axe-core``, unpack it, and name its axe.min.js in AXE_CORE.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_oauth_chromium import Chromium, driver_of

from hcexport.models import Report, ReportDetail, Result, TestResult
from hcexport.output.reports import ReportSet, html

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(180)]

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
RUN = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations']}).then(
  found => done({
    violations: found.violations.map(each => [each.id, each.nodes.map(node => node.html)]),
    checked: found.passes.length,
    width: document.documentElement.scrollWidth,
    wide: [...document.querySelectorAll('.scroll:not(.newest-first)')].filter(
      each => each.scrollWidth > each.clientWidth).length,
  }),
  error => done(String(error)));
"""


@pytest.fixture
def axe() -> str:
    """The script; without it the test is skipped on a laptop, and fails in CI."""
    if not (place := os.environ.get("AXE_CORE")):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("AXE_CORE does not name axe-core's axe.min.js")
    return Path(place).read_text()


@pytest.fixture
def chromium(need_part: Callable[[str], str], tmp_path: Path) -> Iterator[Driven]:
    program = need_part("chromium")
    with driver_of(need_part("chromedriver")) as driver:
        window = Driven(driver, program, tmp_path / "browser")
        try:
            yield window
        finally:
            window.close()


class Driven(Chromium):
    """A window that can be made a phone, or dark, and runs scripts."""

    def emulate(self, scheme: str, width: int) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._tell("Emulation.setEmulatedMedia", features=features)
        self._tell(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )

    def _tell(self, command: str, **parameters: Any) -> None:
        self._do("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def run(self, script: str, how: str = "async") -> Any:
        return self._do("POST", f"/execute/{how}", script=script, args=[])


def pages() -> dict[str, str]:
    def report(
        night: int, names: tuple[str, ...], bad: dict[str, Result], owner: str = "user", severity: str = "critical"
    ) -> ReportDetail:
        start = NOW - timedelta(days=night)
        tests = tuple(
            TestResult(name, name, name, severity, bad.get(name, Result.PASSED), start, start, suite_name=names[0])
            for name in names
        )
        word = Result.FAILED if bad else Result.PASSED
        row = Report(
            f"r{night}", names[-1], word, "completed", owner, "admin", start, start + timedelta(seconds=12 + night)
        )
        return ReportDetail(row, tests)

    def made(*reports: ReportDetail, error: str | None = None) -> str:
        return html.render(ReportSet.make("prod", "https://gis.example.com/arcgis", NOW, reports, error=error))

    usual = tuple(f"HC_112_{number:03}" for number in range(13))
    words = list(Result)
    mixed = [
        report(
            night, usual, {usual[each]: words[(night + each) % 4] for each in range(6)}, "system" if night == 4 else ""
        )
        for night in range(30)
    ]
    hostile = ("s" * 200, "</script>", "x" * 300, '"><img>', "\u202ea", "a b c " * 30)
    unlucky = [report(night, hostile, {"x" * 300: Result.FAILED}, severity="z" * 80) for night in range(9)]
    return {
        "passed": made(*(report(night, usual, {}) for night in range(30))),
        "mixed": made(*mixed),
        "failed": made(*(report(night, usual, dict.fromkeys(usual, Result.FAILED)) for night in range(3))),
        "hostile": made(*unlucky, error="x" * 300),
        "none": made(error="the server was not reached"),
    }


def test_axe_finds_nothing_wrong(chromium: Driven, axe: str, tmp_path: Path) -> None:
    for name, page in pages().items():
        path = tmp_path / f"{name}.html"
        path.write_text(page, encoding="utf-8")
        for scheme in ("light", "dark"):
            for width in (1280, 390):
                chromium.emulate(scheme, width)
                chromium.open(path.as_uri())
                chromium.run(axe, "sync")
                found = chromium.run(RUN)
                assert found["checked"] > 5
                assert found["violations"] == [], (name, scheme, width)
                assert found["width"] <= width, (name, scheme)
                assert found["wide"] == 0, (name, scheme, width)


def test_the_page_asks_for_nothing(chromium: Driven, tmp_path: Path) -> None:
    """What the browser itself says that it loaded: the file, and nothing else."""
    path = tmp_path / "page.html"
    path.write_text(pages()["hostile"], encoding="utf-8")
    chromium.open(path.as_uri())
    assert chromium.run("return performance.getEntriesByType('resource').map(each => each.name)", "sync") == []
    assert chromium.run("return document.scripts.length + document.images.length", "sync") == 0
