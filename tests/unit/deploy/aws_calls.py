"""Static analysis: the IAM actions of the AWS calls in the source code."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.session import get_session

from tests.unit.deploy.examples import ROOT

QUEUE = ROOT / "bridge" / "sqs.py"
_PREFIXES = {"sqs": "sqs", "sns": "sns", "s3": "s3", "sesv2": "ses"}
"""boto3 service → IAM prefix."""

_ACTIONS_OF_OTHERS = {
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:PutObject",
}
"""Operations that need another's permission; copying also needs the one to read the source.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""


@cache
def _actions() -> dict[str, str]:
    """Map boto3's client methods to IAM actions. Batch calls need the action of the single call."""
    session = get_session()
    named = {
        xform_name(operation): f"{prefix}:{operation.removesuffix('Batch')}"
        for service, prefix in _PREFIXES.items()
        for operation in session.get_service_model(service).operation_names
    }
    return {method: _ACTIONS_OF_OTHERS.get(action, action) for method, action in named.items()}


def _calls(tree: ast.AST) -> Iterator[ast.Attribute]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func


def direct(tree: ast.AST) -> set[str]:
    """Return the actions of boto3 methods called directly."""
    return {_actions()[call.attr] for call in _calls(tree) if call.attr in _actions()}


@cache
def _queue_methods() -> dict[str, set[str]]:
    """Map the methods of the bridge's `SqsQueue` to their actions."""
    tree = ast.parse(QUEUE.read_text())
    (queue,) = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "SqsQueue"]
    return {node.name: direct(node) for node in queue.body if isinstance(node, ast.FunctionDef)}


def _through_queue(tree: ast.AST) -> set[str]:
    used = {call.attr for call in _calls(tree) if "queue" in ast.unparse(call.value).lower()}
    return set().union(*(_queue_methods()[name] for name in used & _queue_methods().keys()))


def actions_of(paths: Iterable[Path]) -> set[str]:
    """Return the actions that modules need, directly or through `SqsQueue`."""
    trees = [ast.parse(path.read_text()) for path in paths]
    return set().union(*(direct(tree) | _through_queue(tree) for tree in trees))
