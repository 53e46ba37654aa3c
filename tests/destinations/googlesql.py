"""Google's own SQL engine, as the package `zetasql` brings it: what BigQuery makes of a query.

It analyzes and executes the language that BigQuery speaks. It is not BigQuery: it knows no jobs,
no partitions and no rights, and it accepts a few functions that BigQuery lacks.
"""

import ctypes
import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import wasmtime
from zetasql.core import wasm_client
from zetasql.wasi import get_wasm_path
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service
from zetasql.wasi._pb2.zetasql.proto import options_pb2 as proto_options
from zetasql.wasi._pb2.zetasql.public import options_pb2 as options
from zetasql.wasi._pb2.zetasql.public import type_pb2 as types
from zetasql.wasi._pb2.zetasql.resolved_ast import resolved_node_kind_pb2 as kinds

BEYOND_BIGQUERY: Final = (
    "AGGREGATE_FILTERING",
    "LATERAL_COLUMN_REFERENCES",
    "LATERAL_JOIN",
    "LIMIT_ALL",
    "MAP_TYPE",
    "MULTILEVEL_AGGREGATION",
    "ROW_TYPE",
)
"""Features of the language that BigQuery does not have."""

STATEMENTS: Final = (
    "CREATE_TABLE_AS_SELECT",
    "CREATE_TABLE",
    "DELETE",
    "INSERT",
    "QUERY",
    "UPDATE",
)

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FIELDS: Final = {"INT64": "int64_value", "STRING": "string_value", "DOUBLE": "double_value",
                 "BOOL": "bool_value"}  # fmt: skip

Columns = Sequence[tuple[str, str]]
"""Names and GoogleSQL types."""


class _Cached(wasmtime.Config):
    """Compiled code is kept on disk: compiling takes half a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = True


class _Client(wasm_client.WasmClient):  # type: ignore[misc]  # the package has no types
    """Copies between Python's memory and the module's in one piece, not byte by byte."""

    def write_bytes(self, at: int, data: bytes) -> None:
        ctypes.memmove(self._start + at, data, len(data))

    def read_bytes(self, at: int, length: int) -> bytes:
        return ctypes.string_at(self._start + at, length)

    @property
    def _start(self) -> int:
        return ctypes.addressof(self.memory.data_ptr().contents)


@dataclass
class GoogleSQL:
    """The engine, and the tables that its queries may read."""

    tables: dict[str, Columns] = field(default_factory=dict)
    rows: dict[str, Sequence[Sequence[Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wasm_client.Config = _Cached
        self._client = _Client(get_wasm_path())
        answer = self._client.call_grpc_func(
            "ZetaSqlLocalService_GetLanguageOptions",
            service.LanguageOptionsRequest(maximum_features=True),
            proto_options.LanguageOptionsProto,
        )
        answer.product_mode = options.PRODUCT_EXTERNAL
        beyond = {options.LanguageFeature.Value(f"FEATURE_{name}") for name in BEYOND_BIGQUERY}
        kept = [feature for feature in answer.enabled_language_features if feature not in beyond]
        del answer.enabled_language_features[:]
        answer.enabled_language_features.extend(kept)
        answer.supported_statement_kinds.extend(
            kinds.ResolvedNodeKind.Value(f"RESOLVED_{kind}_STMT") for kind in STATEMENTS
        )
        self._language = answer

    def table(self, name: str, columns: Columns, rows: Sequence[Sequence[Any]] = ()) -> None:
        """Adds a table."""
        self.tables[name], self.rows[name] = columns, rows

    def analyze(self, sql: str) -> Columns:
        """The columns of a query; none of another statement.

        Raises, in the engine's own words, for one that it does not understand.
        """
        request = service.AnalyzeRequest(sql_statement=sql)
        self._fill(request, self.tables)
        answer = self._client.call_grpc_func(
            "ZetaSqlLocalService_Analyze", request, service.AnalyzeResponse
        )
        columns = answer.resolved_statement.resolved_query_stmt_node.output_column_list
        return [
            (column.name, types.TypeKind.Name(column.column.type.type_kind).removeprefix("TYPE_"))
            for column in columns
        ]

    def query(self, sql: str, reading: Iterable[str]) -> list[tuple[Any, ...]]:
        """The rows of a query over the tables that it reads."""
        request = service.EvaluateQueryRequest(sql=sql)
        read = {name: self.tables[name] for name in reading}
        self._fill(request, read)
        for name, columns in read.items():
            data = request.table_content[name].table_data
            data.SetInParent()  # a table without rows is not one without contents
            for row in self.rows[name]:
                cells = data.row.add().cell
                for (_, kind), value in zip(columns, row, strict=True):
                    _write(cells.add(), kind, value)
        answer = self._client.call_grpc_func(
            "ZetaSqlLocalService_EvaluateQuery", request, service.EvaluateQueryResponse
        )
        return [tuple(map(_read, row.cell)) for row in answer.content.table_data.row]

    def _fill(self, request: Any, tables: Mapping[str, Columns]) -> None:
        request.options.language_options.CopyFrom(self._language)
        request.options.default_timezone = "UTC"
        catalog = request.simple_catalog
        catalog.name = "warehouse"
        catalog.builtin_function_options.language_options.CopyFrom(self._language)
        for name, columns in tables.items():
            table = catalog.table.add(name=name)
            for column, kind in columns:
                type_kind = types.TypeKind.Value(f"TYPE_{kind}")
                table.column.add(name=column).type.type_kind = type_kind


def _write(cell: Any, kind: str, value: Any) -> None:
    if value is None:
        return
    match kind:
        case "TIMESTAMP":
            cell.timestamp_value.FromDatetime(value.astimezone(dt.UTC).replace(tzinfo=None))
        case "DATE":
            cell.date_value = (value - EPOCH.date()).days
        case "DATETIME":
            seconds = (value.year << 26 | value.month << 22 | value.day << 17 | value.hour << 12
                       | value.minute << 6 | value.second)  # fmt: skip
            cell.datetime_value.bit_field_datetime_seconds = seconds
            cell.datetime_value.nanos = value.microsecond * 1000
        case _:
            setattr(cell, FIELDS[kind], value)


def _read(cell: Any) -> Any:
    kind = cell.WhichOneof("value")
    value: Any = getattr(cell, kind) if kind else None
    match kind:
        case "timestamp_value":
            return EPOCH + dt.timedelta(microseconds=value.ToMicroseconds())
        case "date_value":
            return EPOCH.date() + dt.timedelta(days=value)
        case "datetime_value":
            packed = value.bit_field_datetime_seconds
            parts = (packed >> 26, packed >> 22 & 15, packed >> 17 & 31, packed >> 12 & 31,
                     packed >> 6 & 63, packed & 63)  # fmt: skip
            return dt.datetime(*parts, value.nanos // 1000)
        case _:
            return value
