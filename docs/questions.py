"""A marimo notebook: five questions over the published file, in docs/bi.md."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(app_title="Bookings")


@app.cell
def asking():
    import os
    from pathlib import Path

    import duckdb
    import marimo as mo

    project = mo.notebook_dir().parent
    published = Path(os.environ.get("PUBLISHED", project / "warehouse.duckdb"))

    def answer(name):
        """A question of sql/questions and its answer; printed where this runs as a script."""
        question, sql = (project / f"sql/questions/{name}.sql").read_text("utf-8").split("\n", 1)
        # A connection for each question: whatever was published last answers it.
        with duckdb.connect(str(published), read_only=True) as connection:
            found = connection.sql(sql)
            if mo.app_meta().mode == "script":
                print(question.removeprefix("-- "), found, sep="\n")
            rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        return mo.vstack([mo.md(f"## {question.removeprefix('-- ')}"), mo.ui.table(rows)])

    return (answer,)


@app.cell
def trust(answer):
    answer("can_the_numbers_be_trusted")
    return


@app.cell
def sources(answer):
    answer("how_do_the_bookings_of_each_source_develop")
    return


@app.cell
def teams(answer):
    answer("how_evenly_are_bookings_spread_inside_each_team")
    return


@app.cell
def conversations(answer):
    answer("how_fast_do_conversations_lead_to_a_booking")
    return


@app.cell
def cancellations(answer):
    answer("how_long_before_the_start_are_meetings_canceled")
    return


if __name__ == "__main__":
    app.run()
