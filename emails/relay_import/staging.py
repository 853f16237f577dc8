"""Bulk SQL: rows go into a temporary table by COPY, and from there by a few statements."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

from django.db import connection

_FOLDER = Path(__file__).parent / "sql"

_TYPES: Mapping[type, str] = {
    bool: "boolean",
    date: "date",
    datetime: "timestamptz",
    int: "bigint",
    str: "text",
}


def statements(name: str, **tables: str) -> dict[str, str]:
    """Read the statements of a file in `sql/`, by the names in the comments before them."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (_FOLDER / f"{name}.sql").read_text().splitlines():
        if line.startswith("-- ") and " " not in (title := line[3:]) and title.islower():
            lines = found[title] = []
        elif not line.startswith("--"):
            lines.append(line)
    return {title: _filled("\n".join(sql), tables) for title, sql in found.items() if sql}


def _filled(sql: str, tables: Mapping[str, str]) -> str:
    for name, table in tables.items():
        sql = sql.replace(f"{{{name}}}", table)
    return sql


def stage(rows: Sequence[Any], kind: type[Any], present: Sequence[int]) -> None:
    """Fill the temporary tables `incoming`, of dataclasses, and `present`, of all ids.

    They last until the end of the transaction, or until they are filled again.
    """
    named = _columns(kind)
    columns = ", ".join(f"{name} {type_}" for name, type_ in named)
    names = [name for name, _ in named]
    with connection.cursor() as cursor:
        for sql in (
            "DROP TABLE IF EXISTS incoming",
            "DROP TABLE IF EXISTS present",
            f"CREATE TEMPORARY TABLE incoming ({columns}) ON COMMIT DROP",
            "CREATE TEMPORARY TABLE present (source_id bigint) ON COMMIT DROP",
        ):
            cursor.execute(sql)
        with cursor.copy(f"COPY incoming ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row([getattr(row, name) for name in names])
        with cursor.copy("COPY present (source_id) FROM STDIN") as copy:
            for key in present:
                copy.write_row((key,))
        # Without statistics a join of two such tables is planned as if they had ten rows.
        cursor.execute("ANALYZE incoming")
        cursor.execute("ANALYZE present")


def _columns(kind: type[Any]) -> list[tuple[str, str]]:
    """Return a dataclass's fields, and the type of the column for each."""
    hints = get_type_hints(kind)
    return [(field.name, _TYPES[_without_none(hints[field.name])]) for field in fields(kind)]


def _without_none(hint: Any) -> type:
    found: type = next((one for one in get_args(hint) if one is not type(None)), hint)
    return found


def run(sql: str, values: Mapping[str, Any] | None = None) -> int:
    """Run a statement; return how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values or {})
        return int(cursor.rowcount)


def keys_of(sql: str, values: Mapping[str, Any] | None = None) -> set[int]:
    """Run a statement that returns keys; return those, each once."""
    return {key for (key,) in rows_of(sql, values)}


def rows_of(sql: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Run a query; return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, values or {})
        return list(cursor.fetchall())
