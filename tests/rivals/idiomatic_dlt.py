"""The pipeline as dlt's tutorials write it: dictionaries, an incremental cursor, merge on the key.

    python idiomatic_dlt.py http://localhost:8080 token meetings.duckdb

It halves windows at the cap, as no tutorial tells it to. It builds no models.
"""

import sys
import time
from collections.abc import Iterator
from typing import Any

import dlt
from dlt.sources.helpers import requests

LIMIT = 1000
DAY = 86_400_000  # milliseconds


@dlt.resource(primary_key="slug", write_disposition="merge")
def meetings(
    url: str,
    token: str,
    updated: dlt.sources.incremental[int] = dlt.sources.incremental("updatedAt"),  # noqa: B008
) -> Iterator[list[dict[str, Any]]]:
    now = int(time.time() * 1000)
    session = requests.Client().session
    session.headers["Authorization"] = f"Bearer {token}"
    windows = [(now - 30 * DAY, now + 366 * DAY)]
    while windows:
        first, last = windows.pop()
        window = {"min_start_time": first, "max_start_time": last, "limit": LIMIT}
        answer = session.get(f"{url}/users/meetings/org", params=window)
        records = answer.json()["data"]
        if len(records) < LIMIT:
            yield records
        elif first == last:
            raise SystemExit(f"Too many meetings start at {first}.")
        else:
            middle = (first + last) // 2
            windows += [(middle + 1, last), (first, middle)]


if __name__ == "__main__":
    url, token, database = sys.argv[1:]
    pipeline = dlt.pipeline(
        "idiomatic_dlt", destination=dlt.destinations.duckdb(database), dataset_name="drift"
    )
    pipeline.run(meetings(url, token))
