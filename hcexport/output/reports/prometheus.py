"""The newest report and the last run as gauges, for the textfile collector of Prometheus' node exporter.

The collector drops a whole file for one sample with a timestamp or one type that it does not know, and drops a metric
whose HELP differs between two files: these texts never change. All labels but ``test`` have few values, because each
combination is a series that is kept for ever; no name or id of a report is a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hcexport.health.results import WORST_FIRST, distinct, worst
from hcexport.models import ReportDetail, Result, TestResult
from hcexport.output.reports import LastRun, ReportSet
from hcexport.output.sanitize import escape_controls

HELP = {
    "hcexport_report_passed": "Whether the newest health check report passed (1) or not (0).",
    "hcexport_report_start_timestamp_seconds": "When the newest health check report started, in seconds since 1970.",
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

_RESULTS = tuple(reversed(WORST_FIRST))
Sample = tuple[str, dict[str, str], float]


def render(reports: ReportSet) -> str:
    """The file; without a report it has the metrics of the run, without a run those of the report."""
    shared = {"profile": reports.profile, "organization": reports.organization}
    samples = [
        *(_of_report(reports.newest) if reports.newest else ()),
        *(_of_run(reports.last_run) if reports.last_run else ()),
    ]
    lines: list[str] = []
    for name, help_text in HELP.items():
        mine = [_line(name, shared | labels, value) for metric, labels, value in samples if metric == name]
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", *mine] if mine else []
    return "".join(line + "\n" for line in lines)


def _of_report(detail: ReportDetail) -> Iterator[Sample]:
    report, tests = detail.report, _by_labels(detail.tests)
    yield "hcexport_report_passed", {}, report.result is Result.PASSED
    if report.start_time:
        yield "hcexport_report_start_timestamp_seconds", {}, report.start_time.timestamp()
    if report.duration is not None:
        yield "hcexport_report_duration_seconds", {}, report.duration.total_seconds()
    for result in _RESULTS:
        yield "hcexport_report_tests", {"result": result}, sum(test.result is result for test in tests.values())
    for (test_id, severity), test in tests.items():
        for result in _RESULTS:
            labels = {"test": test_id, "severity": severity, "result": result}
            yield "hcexport_test_result", labels, test.result is result


def _by_labels(tests: Iterable[TestResult]) -> dict[tuple[str, str], TestResult]:
    """The tests by their labels, the worse of two that would have the same: no set of labels may be there twice."""
    alike: dict[tuple[str, str], list[TestResult]] = {}
    for test in distinct(tests):
        alike.setdefault((escape_controls(test.id), escape_controls(test.severity)), []).append(test)
    return {labels: worst(group) for labels, group in alike.items()}


def _of_run(run: LastRun) -> Iterator[Sample]:
    yield "hcexport_last_run_timestamp_seconds", {}, run.ended.timestamp()
    yield "hcexport_last_run_exit_status", {}, run.exit_status
    yield "hcexport_last_run_duration_seconds", {}, run.duration.total_seconds()
    yield "hcexport_last_success_timestamp_seconds", {}, run.last_success.timestamp() if run.last_success else 0


def _line(name: str, labels: dict[str, str], value: float) -> str:
    inner = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    number = f"{value:.3f}".rstrip("0").rstrip(".")
    return f"{name}{{{inner}}} {number}"


def _escape(text: str) -> str:
    return escape_controls(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
