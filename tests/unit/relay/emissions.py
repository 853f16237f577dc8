"""Finds in the code what is emitted: metrics with their tags, log messages with their fields.

The code is read, not run: so nothing is missed that happens only when something breaks.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_KINDS = {"incr", "gauge", "timing"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: its name, markus's kind of it, and the names of its tags."""

    name: str
    kind: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log message, and where its fields come from: its call, its function, its whole module."""

    message: str
    in_call: frozenset[str]
    in_function: frozenset[str]
    in_module: frozenset[str]


def modules() -> Iterator[ast.Module]:
    """Read all modules that are installed."""
    for package in ("bridge", "emails", "relay", "runtime"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ast.parse(path.read_text(), str(path))


def metrics() -> Iterator[Metric]:
    """Find the metrics. Gauges are named where `Gauge` is made, and tagged there."""
    for module in modules():
        prefix = _prefix(module)
        for call in _calls(module):
            if _attribute_of(call, "metrics") in _KINDS and _texts(call.args[0]):
                (name,) = _texts(call.args[0])
                kind = _attribute_of(call, "metrics")
                yield Metric(f"{prefix}{name}", kind, _tags(call))
            elif isinstance(call.func, ast.Name) and call.func.id == "Gauge":
                (name,) = _texts(call.args[0])
                yield Metric(name, "gauge", _gauge_tags(call, module))


def log_lines() -> Iterator[LogLine]:
    """Find the log messages that our own loggers are given."""
    for module in modules():
        in_module = frozenset(_keys(module))
        for function in _functions(module):
            in_function = frozenset(_keys(function))
            for call in _calls(function):
                for message in _messages(call):
                    yield LogLine(message, frozenset(_keys(call)), in_function, in_module)


def _messages(call: ast.Call) -> list[str]:
    if _attribute_of(call, "logger") in _LEVELS:
        return _texts(call.args[1 if _attribute_of(call, "logger") == "log" else 0])
    # Our own helpers of this name take the message first.
    if isinstance(call.func, ast.Name) and call.func.id == "_log":
        return _texts(call.args[0])
    return []


def _functions(module: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))


def _keys(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Dict):
            yield from (text for key in inner.keys if key for text in _texts(key))
        elif isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Subscript):
            yield from _texts(inner.targets[0].slice)


def _texts(node: ast.AST) -> list[str]:
    """Give the text that a node is; both, for a choice between two."""
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _attribute_of(call: ast.Call, name: str) -> str:
    function = call.func
    if not (isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)):
        return ""
    return function.attr if function.value.id == name else ""


def _prefix(module: ast.Module) -> str:
    for call in _calls(module):
        if _attribute_of(call, "markus") == "get_metrics" and call.args:
            return f"{_texts(call.args[0])[0]}."
    return ""


def _tags(call: ast.Call) -> tuple[str, ...]:
    given = [keyword.value for keyword in call.keywords if keyword.arg == "tags"]
    texts = [
        _texts(part.values[0])[0] if isinstance(part, ast.JoinedStr) else _texts(part)[0]
        for tags in given
        if isinstance(tags, ast.List)
        for part in tags.elts
    ]
    return tuple(text.partition(":")[0] for text in texts)


def _gauge_tags(call: ast.Call, module: ast.Module) -> tuple[str, ...]:
    """Give the tag of a gauge: a pair, or a variable that such a pair was assigned to."""
    if len(call.args) < 3:
        return ()
    pairs = [call.args[2]] if isinstance(call.args[2], ast.Tuple) else _pairs_of_tag(module)
    return (_texts(pairs[0].elts[0])[0],)


def _pairs_of_tag(module: ast.Module) -> list[ast.Tuple]:
    """Find what is assigned to `tag`."""
    found = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Assign):
            continue
        (target,) = node.targets
        if (
            isinstance(target, ast.Name)
            and target.id == "tag"
            and isinstance(node.value, ast.Tuple)
        ):
            found.append(node.value)
    return found
