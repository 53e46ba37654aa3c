"""The charts of the report, as Vega-Lite specifications that Altair checks; their rows come later.

The page gives each its rows, of the same names, whenever the filter changes. Colours are variables
of the page's style, so that one drawing is right in the dark, in the light and on paper.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any, Final

import altair as alt
import vl_convert

from report.numbers import STATES

Chart = Any  # so most of Altair's methods are typed

ROWS: Final = alt.NamedData("rows")
INK, ACCENT = "currentColor", "var(--accent)"
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
OUTCOMES: Final = ("booked again", "not booked again")
SERIES: Final = 7
"""Lines that one chart can tell apart."""

WEEK: Final = alt.X(
    "from:O",
    title="week from",
    axis=alt.Axis(
        labelExpr="utcFormat(toDate(datum.label), '%-d %b')", labelAngle=0, labelOverlap=True
    ),
)
LABELS: Final = alt.expr("containerSize()[0] < 420 ? 155 : 200")
"""Room for a name beside its bar, in pixels: less on a phone."""
WHOLE: Final = alt.Axis(format=",d", tickMinStep=1, tickCount=5)
"""Counts: no tick between two whole numbers."""


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that loads nothing."""
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)


def specifications() -> dict[str, Any]:
    """One for each chart, by the name of its place in the page; `ranking` is that of the others."""
    charts = {
        "rates": _rates(),
        "weeks": _weeks(),
        "trend": _trend(),
        "ranking": _ranking(),
        "hours": _hours(),
        "fairness": _fairness(),
        "lost": _lost(),
    }
    return {name: _styled(chart).to_dict() for name, chart in charts.items()}


def _band() -> Chart:
    """Behind the weeks that the chosen days touch; `band` is 0 or 1."""
    band = alt.Chart(ROWS).transform_filter("datum.band == 1").mark_rect(color=ACCENT, opacity=0.1)
    return band.encode(x=WEEK)


def _known(field: str) -> Chart:
    """With the field as `known` where the week is known whole: a line breaks off elsewhere."""
    known = f"datum.complete == 'yes' ? datum.{field} : null"
    return alt.Chart(ROWS).transform_calculate(known=known)


def _whole(mark: Callable[[Chart, bool], Chart]) -> list[Chart]:
    """Filled marks where the week is known whole, and hollow ones where it is not."""
    weeks = {True: "datum.complete == 'yes'", False: "datum.complete == 'no'"}
    return [mark(alt.Chart(ROWS).transform_filter(rows), full) for full, rows in weeks.items()]


def _rates() -> Chart:
    """Rows: `from` (a Monday), `rate`, `due`, `canceled`, `complete`, `band`."""
    axis = alt.Axis(format=".0%", tickCount=5)
    rate = partial(alt.Y, title="cancel rate", axis=axis)
    line = _known("rate").mark_line(color="var(--canceled)").encode(x=WEEK, y=rate("known:Q"))

    colour = "var(--canceled)"
    points = (
        alt.Chart(ROWS)
        .transform_filter("isValid(datum.rate)")
        .transform_calculate(filled="datum.complete == 'yes' ? 1 : 0")
        .mark_point(stroke=colour, fill=colour, opacity=1, size=70, cursor="pointer")
        .encode(
            x=WEEK,
            y=rate("rate:Q"),
            fillOpacity=alt.FillOpacity("filled:Q", scale=None, legend=None),
            tooltip=[
                *("from:N", alt.Tooltip("rate:Q", format=".1%")),
                *("canceled:Q", "due:Q", "complete:N"),
            ],
        )
    )
    return alt.layer(_band(), line, points).properties(height=200)


def _weeks() -> Chart:
    """Rows: `from` (a Monday), `state`, `place` in the stack, `bookings`, `complete`, `band`; one
    of each week has `band` 1 where the week is chosen."""
    colours = [f"var(--{state.replace('_', '-')})" for state in STATES]
    colour = _legend("state:N", [state.replace("_", " ") for state in STATES], colours)

    def bars(chart: Chart, filled: bool) -> Chart:
        width = alt.RelativeBandSize(0.85)
        return chart.mark_bar(cursor="pointer", width=width, filled=filled).encode(
            x=WEEK,
            y=alt.Y("bookings:Q", title="bookings", axis=WHOLE),
            order=alt.Order("place:Q"),
            color=colour,
            tooltip=["from:N", "state:N", alt.Tooltip("bookings:Q", format=",d"), "complete:N"],
        )

    return alt.layer(_band(), *_whole(bars)).properties(height=200)


def _trend() -> Chart:
    """Rows: `from` (a Monday), `name`, `bookings`, `complete`, in the legend's order."""
    colour = alt.Color(
        "name:N",
        title=None,
        sort=None,
        scale=alt.Scale(range=[f"var(--series-{n})" for n in range(1, SERIES + 1)]),
        legend=alt.Legend(orient="top", columns=_columns(2), labelLimit=LABELS, symbolOpacity=1),
    )
    bookings = partial(alt.Y, title="bookings", axis=WHOLE)
    lines = _known("bookings").mark_line().encode(x=WEEK, y=bookings("known:Q"), color=colour)

    def points(chart: Chart, filled: bool) -> Chart:
        return chart.mark_point(size=55, opacity=1, cursor="pointer", filled=filled).encode(
            x=WEEK,
            y=bookings("bookings:Q"),
            color=colour,
            tooltip=["from:N", "name:N", alt.Tooltip("bookings:Q", format=",d"), "complete:N"],
        )

    return alt.layer(lines, *_whole(points)).properties(height=200)


def _ranking() -> Chart:
    """Rows in their order: `name`, `count`, the `title` of what is counted, and the `label` that
    stands at the end of the bar's line."""
    names = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=LABELS))
    base = alt.Chart(ROWS).encode(y=names)
    bars = base.mark_bar(color=ACCENT, cursor="pointer").encode(
        x=alt.X("count:Q", title=None, axis=WHOLE, scale=alt.Scale(nice=False)),
        tooltip=["name:N", alt.Tooltip("count:Q", format=",d"), "title:N", "label:N"],
    )
    labels = base.mark_text(align="left", dx=6, color=INK, fontSize=12)
    return alt.layer(bars, labels.encode(x=alt.value("width"), text="label:N"))


def _lost() -> Chart:
    """Rows: `name`, its `outcome`s in the order of `place`, and the `count` of each."""
    return (
        alt.Chart(ROWS)
        .mark_bar(cursor="pointer")
        .encode(
            y=alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=LABELS)),
            x=alt.X(
                "count:Q",
                title="canceled or delisted meetings",
                axis=WHOLE,
                scale=alt.Scale(nice=False),
            ),
            order=alt.Order("place:Q"),
            color=_legend("outcome:N", OUTCOMES, ["var(--outcome-1)", "var(--outcome-2)"]),
            tooltip=["name:N", "outcome:N", alt.Tooltip("count:Q", format=",d")],
        )
    )


def _hours() -> Chart:
    """Rows: `weekday`, `hour`, `bookings`."""
    hours = alt.Axis(labelAngle=0, values=list(range(0, 24, 3)))
    return (
        alt.Chart(ROWS)
        .mark_rect(color=ACCENT)
        .encode(
            x=alt.X("hour:O", title="hour on the visitor's clock", axis=hours),
            y=alt.Y("weekday:N", title=None, sort=list(WEEKDAYS)),
            opacity=alt.Opacity(
                "bookings:Q",
                scale=alt.Scale(domainMin=0, range=[0.04, 1]),
                legend=alt.Legend(
                    title="meetings",
                    orient="top",
                    format=",d",
                    tickMinStep=1,
                    tickCount=3,
                    symbolType="square",
                    symbolFillColor=ACCENT,
                    symbolStrokeColor="transparent",
                ),
            ),
            tooltip=["weekday:N", "hour:O", alt.Tooltip("bookings:Q", title="meetings")],
        )
        .properties(height=170)
    )


def _fairness() -> Chart:
    """Rows: `team`, `agent`, `distance` from the equal share, `bookings`."""
    even = alt.Chart(ROWS).mark_rule(color=INK).encode(x=alt.datum(0))
    distance = alt.X(
        "distance:Q",
        title="bookings more or fewer than an equal share",
        axis=alt.Axis(
            labelExpr="datum.value == 0 ? 'equal' : format(datum.value, '+.0%')", tickCount=5
        ),
        scale=alt.Scale(nice=False, padding=12),
    )
    points = alt.Chart(ROWS).mark_point(
        filled=True, size=90, color=ACCENT, opacity=0.8, cursor="pointer"
    )
    return alt.layer(
        even,
        points.encode(
            x=distance,
            y=alt.Y("team:N", title=None, sort=None, axis=alt.Axis(labelLimit=LABELS, grid=True)),
            tooltip=[
                *("team:N", "agent:N", "bookings:Q"),
                alt.Tooltip("distance:Q", format="+.0%"),
            ],
        ),
    )


def _columns(most: int) -> Any:
    """Of a legend: one where there is no room for more."""
    return alt.expr(f"containerSize()[0] < {most * 200} ? 1 : {most}")


def _legend(field: str, names: Sequence[str], colours: Sequence[str]) -> alt.Color:
    return alt.Color(
        field,
        title=None,
        scale=alt.Scale(domain=list(names), range=list(colours)),
        legend=alt.Legend(orient="top", columns=_columns(3), symbolOpacity=1),
    )


def _styled(chart: Chart) -> Chart:
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    ink = {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12}
    return (
        chart.properties(width="container", autosize=alt.AutoSizeParams(type="fit-x"))
        .configure(background="transparent", font="system-ui, sans-serif", aria=False)
        .configure_axis(titleFontWeight="normal", **ink, **lines)
        .configure_legend(titleFontWeight="normal", **ink)
        .configure_view(stroke=None)
    )
