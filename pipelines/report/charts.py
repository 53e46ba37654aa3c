"""The charts of the report, as Vega-Lite specifications that Altair checks; their rows come later.

The page gives each its rows, of the same names, whenever the filter changes. Colours are variables
of the page's style, so that one drawing is right in the dark, in the light and on paper.
"""

from functools import cache
from typing import Any, Final

import altair as alt
import vl_convert

from report.numbers import STATES

Chart = Any  # so most of Altair's methods are typed

ROWS: Final = alt.NamedData("rows")
INK, ACCENT = "currentColor", "var(--accent)"
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that loads nothing."""
    version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)


def specifications() -> dict[str, Any]:
    """One for each chart, by the name of its place in the page."""
    charts = {
        "weeks": _weeks(),
        "agents": _ranking(),
        "sources": _ranking(),
        "types": _ranking(),
        "hours": _hours(),
        "lead": _ranking(),
    }
    return {name: _styled(chart).to_dict() for name, chart in charts.items()}


def _weeks() -> Chart:
    """Rows: `week`, `state`, `place` of the state in the stack, `bookings`, `complete`, `shade`."""
    return (
        alt.Chart(ROWS)
        .mark_bar()
        .encode(
            x=alt.X("week:O", title="week from", axis=alt.Axis(labelAngle=-45, labelOverlap=True)),
            y=alt.Y("bookings:Q", title="bookings"),
            order=alt.Order("place:Q"),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(
                    domain=[state.replace("_", " ") for state in STATES],
                    range=[f"var(--{state.replace('_', '-')})" for state in STATES],
                ),
                legend=alt.Legend(orient="top", columns=3),
            ),
            opacity=alt.Opacity("shade:Q", scale=None, legend=None),
            tooltip=["week:O", "state:N", "bookings:Q", "complete:N"],
        )
        .properties(height=240)
    )


def _ranking() -> Chart:
    """Rows in their order: `name`, `bookings`, `due`, `label` beside the bar, and `room` for the
    label."""
    names = alt.Y("name:N", title=None, sort=None, axis=alt.Axis(labelLimit=150))
    base = alt.Chart(ROWS).encode(y=names)
    bars = base.mark_bar(color=ACCENT).encode(
        x=alt.X("bookings:Q", title="bookings"),
        tooltip=["name:N", "bookings:Q", "due:Q", "label:N"],
    )
    labels = base.mark_text(align="left", dx=4, color=INK).encode(x="bookings:Q", text="label:N")
    room = base.mark_point(opacity=0, tooltip=None).encode(x="room:Q")
    return alt.layer(bars, labels, room)


def _hours() -> Chart:
    """Rows: `weekday`, `hour`, `bookings`, `cancel rate`."""
    return (
        alt.Chart(ROWS)
        .mark_rect(color=ACCENT)
        .encode(
            x=alt.X("hour:O", title="hour on the visitor's clock", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("weekday:N", title=None, sort=list(WEEKDAYS)),
            fillOpacity=alt.Opacity(
                "bookings:Q",
                scale=alt.Scale(domainMin=0, range=[0.04, 1]),
                legend=alt.Legend(title="bookings", orient="top"),
            ),
            tooltip=["weekday:N", "hour:O", "bookings:Q", "cancel rate:N"],
        )
        .properties(height=170)
    )


def _styled(chart: Chart) -> Chart:
    lines = {"domainColor": "var(--line)", "tickColor": "var(--line)", "gridColor": "var(--line)"}
    return (
        chart.properties(width="container", autosize=alt.AutoSizeParams(type="fit-x"))
        .configure(background="transparent", font="system-ui, sans-serif", aria=False)
        .configure_axis(labelColor=INK, titleColor=INK, titleFontWeight="normal", **lines)
        .configure_legend(labelColor=INK, titleColor=INK, titleFontWeight="normal")
        .configure_view(stroke=None)
    )
