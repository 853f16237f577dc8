"""The log: one JSON object a line, and nothing of a mail in it."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory
from dramatiq import Message
from dramatiq.broker import MessageProxy

from emails.values.errors import Refused
from runtime.logging import JsonFormatter, TextFormatter, WithoutAdvice, logging_settings

MAIL = "Dear ann@owner.example, the secret is swordfish"


def a_record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": message, "args": args, "name": "test", "levelno": 20})
    vars(record).update(extra)
    return record


def logged(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return line


def test_a_line_is_one_json_object_with_the_extra_fields_beside_the_message() -> None:
    line = logged(a_record("cycle", cycle_num=3, success=True))

    assert line["message"] == "cycle"
    assert line["cycle_num"] == 3
    assert line["success"] is True
    assert line["timestamp"].endswith("+00:00")


@pytest.mark.slow
def test_djangos_own_lines_are_written_once_and_as_json_while_it_is_debugged() -> None:
    code = "import logging; logging.getLogger('django.request').warning('Not Found')"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=Path(__file__).parents[3],
        env=dict(os.environ) | {"DEBUG": "true"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert [json.loads(line)["message"] for line in done.stderr.splitlines()] == ["Not Found"]


@pytest.mark.parametrize("wrap", [lambda message: message, MessageProxy])
def test_a_failed_message_is_logged_by_its_id_and_not_with_its_arguments(
    wrap: Callable[[Any], object],
) -> None:
    """Dramatiq's worker logs `Failed to process message %s`, with the message: lesson 35."""
    message: Message[None] = Message(
        "inbound", "process", (MAIL,), {"notification": MAIL}, {}, "id-1", 0
    )

    text = json.dumps(logged(a_record("Failed to process message %s.", wrap(message))))

    assert "process[id-1]" in text
    assert "swordfish" not in text


def test_addresses_are_blanked_in_messages_and_in_fields() -> None:
    text = json.dumps(logged(a_record("to %s", "Ann <ann@owner.example>", who="b@c.example")))

    assert "ann@" not in text
    assert "b@c" not in text
    assert text.count("<address>") == 2


def test_the_schedulers_jobs_keep_their_names() -> None:
    record = a_record("%s", "* * * * * relay.operations.tasks:write_gauges@inbound")

    record.name = "periodiq"

    assert logged(record)["message"].endswith("relay.operations.tasks:write_gauges@inbound")


def test_nobody_is_asked_to_report_an_issue_to_the_scheduler() -> None:
    advice = a_record("Please file an issue at https://periodiq.example/ with full log.")
    error = a_record("Unhandled error:")
    for record in (advice, error):
        record.name = "periodiq"

    assert [WithoutAdvice().filter(one) for one in (advice, error)] == [False, True]


@pytest.mark.parametrize(
    "value",
    [
        "/admin/emails/profile/?q=ann%40owner.example",
        ["ann@owner.example"],
        ("ann@owner.example",),
        {"ann@owner.example"},
        {"ann@owner.example": {"to": "ann@owner.example"}},
        ValueError("ann@owner.example"),
        b"ann@owner.example",
        RequestFactory().get("/admin/emails/profile/", {"q": "ann@owner.example"}),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_no_field_shows_an_address_whatever_holds_it(
    formatter: logging.Formatter, value: object
) -> None:
    line = formatter.format(a_record("failed", field=value))

    assert "owner.example" not in line
    assert "field" in line


def test_fields_of_several_values_are_shown() -> None:
    line = logged(a_record("gauges", gauges={"depth": 3, "ages": [1.5, None]}, ids=("a", "b")))

    assert line["gauges"] == {"depth": 3, "ages": [1.5, None]}
    assert line["ids"] == ["a", "b"]


def test_an_exception_is_shown_by_type_and_frames_and_not_by_its_text() -> None:
    try:
        try:
            raise ValueError(MAIL)
        except ValueError as cause:
            raise Refused("foreign_bucket") from cause
    except Refused as error:
        record = a_record("failed")
        record.exc_info = (type(error), error, error.__traceback__)

    line = logged(record)

    assert line["error_type"] == "Refused"
    assert line["traceback"][0] == "Refused: foreign_bucket"
    assert "ValueError" in line["traceback"]
    assert any("test_logging.py" in frame for frame in line["traceback"])
    assert "swordfish" not in json.dumps(line)
    assert "swordfish" not in TextFormatter().format(record)


def test_a_cycle_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    record = a_record("failed")
    record.exc_info = (ValueError, first, None)

    assert logged(record)["traceback"] == ["ValueError", "ValueError"]


def test_arguments_that_do_not_fit_the_message_break_no_log_line() -> None:
    assert logged(a_record("%d of them", "none"))["message"] == "%d of them"


@pytest.mark.parametrize(
    ("verbosity", "ours", "libraries"),
    [
        (0, logging.ERROR, logging.ERROR),
        (1, logging.WARNING, logging.WARNING),
        (2, logging.INFO, logging.INFO),
        (3, logging.DEBUG, logging.INFO),
        (4, logging.DEBUG, logging.DEBUG),
    ],
)
def test_verbosity_sets_how_much_we_and_the_libraries_say(
    verbosity: int, ours: int, libraries: int
) -> None:
    settings = logging_settings("json", verbosity)

    packages = ("relay", "bridge", "emails", "runtime")
    assert {settings["loggers"][package]["level"] for package in packages} == {ours}
    assert settings["root"]["level"] == libraries
