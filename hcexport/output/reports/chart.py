"""How long checks take: a line for each suite, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from hcexport.models import Report
from hcexport.output.humanize import duration
from hcexport.output.reports import ReportSet
from hcexport.output.reports.facts import suite_seconds
from hcexport.output.reports.markup import Markup, element
from hcexport.output.reports.pieces import section

_WIDTH, _HEIGHT = 600, 100  # of the drawing, which is stretched to the page


def duration_charts(reports: ReportSet) -> Markup | None:
    """A chart a suite; None where no suite has two durations."""
    lines = [(suite, points) for suite, points in suite_seconds(reports) if len(points) > 1]
    if not lines:
        return None
    charts = [_chart(suite, points) for suite, points in lines]
    return section("durations", "How long checks take", element("div", charts, class_="charts"))


def _chart(suite: str, points: Sequence[tuple[Report, float]]) -> Markup:
    seconds = [value for _, value in points]
    usual, longest = duration(median(seconds)), duration(max(seconds))
    said = f"{suite or 'All tests'}: {duration(seconds[-1])} in the newest report, usually {usual}, at most {longest}"
    drawing = element(
        "svg",
        _line(seconds),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=said,
    )
    days = [f"{report.start_time:%Y-%m-%d}" if report.start_time else "" for report in (points[0][0], points[-1][0])]
    ends = element("div", (element("span", day) for day in days), class_="x")
    scale = element("div", element("span", longest), element("span", "0"), class_="y", aria_hidden="true")
    caption = element(
        "figcaption", element("strong", suite or "All tests"), element("span", f"usually {usual}", class_="soft")
    )
    return element("figure", caption, element("div", drawing, scale, ends, class_="plot"), class_="chart")


def _line(seconds: Sequence[float]) -> list[Markup]:
    """The line, and the area below it; heights begin at 0, so that noise looks like noise."""
    top = max(*seconds, 0.001)
    step = _WIDTH / (len(seconds) - 1)
    places = [
        f"{number * step:.1f},{_HEIGHT - 4 - max(value, 0) / top * (_HEIGHT - 8):.1f}"
        for number, value in enumerate(seconds)
    ]
    area = f"M0,{_HEIGHT} L{' '.join(places)} L{_WIDTH},{_HEIGHT}Z"
    return [element("path", d=area), element("polyline", points=" ".join(places))]
