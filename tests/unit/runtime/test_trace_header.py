"""Which span a message continues, as a table of headers."""

import pytest

from runtime.trace_header import (
    Parent,
    parent_in,
    read_traceparent,
    trace_id_from,
    write_traceparent,
)

TRACE, SPAN = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"
SAMPLED, LEFT_OUT = Parent(TRACE, SPAN, True), Parent(TRACE, SPAN, False)


@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"{ROOT};Parent={SPAN};Sampled=1", SAMPLED),
        (f"Sampled=0; Parent={SPAN}; {ROOT};Lineage=a87bd80c:1", LEFT_OUT),
        (f"{ROOT};Parent={SPAN};Sampled=?", None),
        (f"{ROOT};Parent={SPAN}", None),
        (f"{ROOT};Sampled=1", None),
        (f"{ROOT};Parent={'0' * 16};Sampled=1", None),
        (f"Parent={SPAN};Sampled=1", None),
        ("x" * 500 + f";{ROOT};Parent={SPAN};Sampled=1", None),
        ("", None),
    ],
)
def test_what_x_ray_names(header: str, parent: Parent | None) -> None:
    assert parent_in(header) == parent


@pytest.mark.parametrize(
    ("text", "parent"),
    [
        (f"00-{TRACE}-{SPAN}-01", SAMPLED),
        (f"00-{TRACE}-{SPAN}-00", LEFT_OUT),
        (f"00-{TRACE}-{SPAN}-03", SAMPLED),  # also random
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"01-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01\n", None),
        (f"00-{TRACE}-{SPAN}", None),
        (7, None),
        (None, None),
    ],
)
def test_what_w3c_names(text: object, parent: Parent | None) -> None:
    assert read_traceparent(text) == parent


@pytest.mark.parametrize("parent", [SAMPLED, LEFT_OUT])
def test_what_was_written_is_read(parent: Parent) -> None:
    assert read_traceparent(write_traceparent(parent)) == parent


def test_a_message_without_a_trace_names_the_same_one_each_time() -> None:
    assert trace_id_from("22b80b92-fdea") == trace_id_from("22b80b92-fdea")
    assert trace_id_from("22b80b92-fdea") != trace_id_from("22b80b92-fdeb")
    assert read_traceparent(f"00-{trace_id_from('x')}-{SPAN}-01")
