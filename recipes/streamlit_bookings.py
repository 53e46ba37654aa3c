"""A page of the published tables in Streamlit: queries, tables and charts in one plain file.

    pip install streamlit 'duckdb>=1.5,<2'
    PUBLISHED=/path/to/drift-bookings/warehouse.duckdb streamlit run recipes/streamlit_bookings.py

It needs nothing else of the project, and shows what was published last, whenever it is looked at.
"""

import os
from pathlib import Path

import duckdb
import streamlit as st

PUBLISHED = os.environ.get("PUBLISHED", str(Path(__file__).parents[1] / "warehouse.duckdb"))

QUERIES = {
    "Without an agent": """
        select strftime(slot_start_at at time zone time_zone, '%Y-%m-%d %H:%M') as starts,
            meeting_id, meeting_source, meeting_type
        from bookings.meetings cross join bookings.data_health
        where agent_id is null and meeting_state = 'upcoming'
        order by slot_start_at
    """,
    "Conflicts ahead": """
        select strftime(slot_start_at at time zone time_zone, '%Y-%m-%d %H:%M') as starts,
            agent_name, overlap_minutes, meeting_id, other_meeting_id
        from bookings.agent_conflicts cross join bookings.data_health
        order by slot_start_at
    """,
    "Agents": """
        select agent_name, team_name, bookings_last_28_days, due_meetings, cancel_rate
        from bookings.bookings_by_agent
        order by cancel_rate desc nulls last
    """,
}


def ask(sql: str) -> duckdb.DuckDBPyRelation:
    """A connection for each question: whatever was published last answers it."""
    return duckdb.connect(PUBLISHED, read_only=True).sql(sql)


st.set_page_config("Bookings", layout="wide")
st.title("Bookings")
health = ask("select newest_sync_at::varchar, meetings from bookings.data_health").fetchall()
st.caption("As of {}, {:,} meetings".format(*health[0]))

left, right = st.columns(2)
left.subheader("Cancel rate of each source")
sources = ask("select meeting_source, cancel_rate from bookings.bookings_by_source").df()
left.bar_chart(sources, x="meeting_source", y="cancel_rate", horizontal=True)
right.subheader("Bookings of each whole week")
weeks = "select week_start_on, bookings from bookings.weekly_bookings where is_complete"
right.line_chart(ask(weeks).df(), x="week_start_on", y="bookings")

for title, query in QUERIES.items():
    st.subheader(title)
    st.dataframe(ask(query).df(), hide_index=True)
