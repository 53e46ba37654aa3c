"""The raw tables that the models read, with what dlt adds to them and they read too."""

from collections.abc import Mapping
from typing import Final

from dlt.common.data_types import TDataType

from drift import tables

RAW_TABLES: Final[Mapping[str, Mapping[str, TDataType]]] = {
    table.name: {name: kind for name, (kind, _) in table.columns.items()}
    | ({"_dlt_load_id": "text"} if table.has_load_id else {})
    for table in tables.ALL
} | {"_dlt_loads": {"load_id": "text", "status": "bigint"}}
"""Each table's columns, by name, and dlt's type of each."""
