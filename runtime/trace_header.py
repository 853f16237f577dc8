"""How a message says which trace it belongs to: X-Ray's header, as SNS and SQS pass it on, W3C's
`traceparent`, or else its own id. Pure.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
https://www.w3.org/TR/trace-context/#traceparent-header
"""

import hashlib
import re
from dataclasses import dataclass

_ROOT = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?:;|$)")
_PARENT = re.compile(r"(?:^|;)\s*Parent=([0-9a-f]{16})(?:;|$)")
_SAMPLED = re.compile(r"(?:^|;)\s*Sampled=([01])(?:;|$)")
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]([0-9a-f])")
_MOST_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Parent:
    """The span that another one continues; the ids are hexadecimal, as W3C has them."""

    trace_id: str
    span_id: str
    is_sampled: bool


def trace_id_of(header: str) -> str:
    """Return the trace's id in W3C's form, 32 hexadecimal digits; empty if there is none."""
    found = _ROOT.search(header[:_MOST_CHARACTERS])
    return f"{found[1]}{found[2]}" if found else ""


def trace_id_from(message_id: str) -> str:
    """Name the trace of a message that came with none: by its id, each time the same.

    So its redeliveries, its copies and its release months later are one trace, though nobody keeps
    the trace's id.
    """
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]


def parent_in(header: str) -> Parent | None:
    """Return X-Ray's parent; None if the header names none, or leaves open whether to sample."""
    header = header[:_MOST_CHARACTERS]
    parent, sampled = _PARENT.search(header), _SAMPLED.search(header)
    trace_id = trace_id_of(header)
    if not (trace_id and parent and sampled):
        return None
    return _real(Parent(trace_id, parent[1], sampled[1] == "1"))


def read_traceparent(text: object) -> Parent | None:
    """Read W3C's header; None for anything else."""
    found = _TRACEPARENT.fullmatch(text) if isinstance(text, str) else None
    return _real(Parent(found[1], found[2], int(found[3], 16) % 2 == 1)) if found else None


def write_traceparent(parent: Parent) -> str:
    """Write W3C's header."""
    return f"00-{parent.trace_id}-{parent.span_id}-{int(parent.is_sampled):02}"


def _real(parent: Parent) -> Parent | None:
    """W3C: ids of zeros alone are invalid."""
    return parent if parent.trace_id.strip("0") and parent.span_id.strip("0") else None
