"""Static analysis: the metrics with their tags, and the log messages with their fields.

Reading the code instead of running it also finds what is emitted only on failures.
"""

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
_KINDS = {"incr", "gauge", "timing", "histogram"}
_OF_FAILURES = ("error_type", "at", "says")
"""The fields that `runtime.failures.fields_of` makes."""

_EMITS = re.compile(r"\b(logger|_log|metrics|Gauge)\b")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: name, markus method, and tag names."""

    name: str
    kind: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log message, and the possible field names in its call, its function and its module."""

    message: str
    in_call: frozenset[str]
    in_function: frozenset[str]
    in_module: frozenset[str]


@functools.cache
def modules() -> list[ast.Module]:
    """Parse all installed modules that emit something."""
    packages = ("bridge", "emails", "relay", "runtime")
    paths = [path for name in packages for path in sorted((ROOT / name).rglob("*.py"))]
    texts = {path: path.read_text() for path in paths}
    return [ast.parse(text, str(path)) for path, text in texts.items() if _EMITS.search(text)]


def metrics() -> Iterator[Metric]:
    """Yield all metrics. A gauge's name and tag are arguments of `Gauge`."""
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
    """Yield all messages logged by our own loggers."""
    for module in modules():
        logged = [
            (function, call, message)
            for function in _functions(module)
            for call in _calls(function)
            for message in _messages(call)
        ]
        if logged:
            in_module = frozenset(_keys(module))
        for function, call, message in logged:
            yield LogLine(message, frozenset(_keys(call)), frozenset(_keys(function)), in_module)


def _messages(call: ast.Call) -> list[str]:
    if _attribute_of(call, "logger") in _LEVELS:
        return _texts(call.args[1 if _attribute_of(call, "logger") == "log" else 0])
    # Our `_log` helpers take the message first.
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
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
            yield from _OF_FAILURES if inner.func.id == "fields_of" else ()


def _texts(node: ast.AST) -> list[str]:
    """Return a string literal's text; both texts of a conditional expression."""
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
    """Return a gauge's tag name: from a pair, or from the pair assigned to `tag`."""
    if len(call.args) < 3:
        return ()
    pairs = [call.args[2]] if isinstance(call.args[2], ast.Tuple) else _pairs_of_tag(module)
    return (_texts(pairs[0].elts[0])[0],)


def _pairs_of_tag(module: ast.Module) -> list[ast.Tuple]:
    """Return the pairs assigned to `tag`."""
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
