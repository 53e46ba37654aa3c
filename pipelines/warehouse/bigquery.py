"""BigQuery's tables by its own API: what that tells costs nothing, and each query is billed."""

from collections.abc import Mapping
from typing import Any

from dlt.destinations.sql_client import SqlClientBase


def table_at(client: SqlClientBase[Any], dataset: str, name: str) -> Any:
    """A table or view with its columns (`schema`) and its number of rows; None if there is none."""
    from google.api_core.exceptions import NotFound  # noqa: PLC0415 - there for BigQuery alone

    with client.with_alternative_dataset_name(dataset):
        path = client.make_qualified_table_name(name, quote=False)
    try:
        return client.native_connection.get_table(path)
    except NotFound:
        return None


def describe(
    client: SqlClientBase[Any], table: Any, text: str | None, columns: Mapping[str, str]
) -> bool:
    """Writes what a table and its columns hold; whether anything was to be written."""
    from google.cloud.bigquery import SchemaField  # noqa: PLC0415

    fields = [
        SchemaField.from_api_repr(field.to_api_repr() | {"description": columns[field.name]})
        if field.name in columns
        else field
        for field in table.schema
    ]
    if (text, fields) == (table.description, table.schema):
        return False
    table.description, table.schema = text, fields
    client.native_connection.update_table(table, ["description", "schema"])
    return True
