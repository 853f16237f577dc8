"""Data that comes in stays data: nothing in the tree turns bytes into objects or into code (P5).

Whoever can write to Redis, or to the database, must not thereby run code in a worker. Dramatiq and
Django both offer pickle; neither of them is to use it here.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from dramatiq.encoder import PickleEncoder

from relay.worker.encoder import Encoder

ROOT = Path(__file__).parents[3]
SOURCES = sorted(
    path for folder in ("bridge", "emails", "relay") for path in (ROOT / folder).rglob("*.py")
)
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle", "yaml"}
CALLS = {"eval", "exec", "__import__", "import_module", "import_string", "system", "popen"}
CLASSES = {"PickleEncoder", "PickleSerializer"}


def dangers(source: str) -> Iterator[str]:
    """Name what in a module makes objects or code of data."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from ({name.name.split(".")[0] for name in names} & MODULES)
            case ast.ImportFrom(module=module, names=names):
                yield from ({(module or "").split(".")[0]} & MODULES)
                yield from ({name.name for name in names} & CLASSES)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in CALLS:
                yield name
            case ast.keyword(arg="shell", value=ast.Constant(value=True)):
                yield "shell=True"
            case ast.Constant(value=str(text)):
                yield from (name for name in CLASSES if name in text)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_makes_objects_or_code_of_data(path: Path) -> None:
    assert list(dangers(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import os, marshal",
        "from pickle import loads",
        "from dramatiq.encoder import PickleEncoder",
        "ENCODER = 'dramatiq.encoder.PickleEncoder'",
        "eval(text)",
        "builtins.exec(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_what_would_do_so_is_noticed(source: str) -> None:
    assert list(dangers(source)) != []


def test_django_and_dramatiq_are_told_to_use_json() -> None:
    assert settings.SESSION_SERIALIZER == "django.contrib.sessions.serializers.JSONSerializer"
    assert settings.DRAMATIQ_ENCODER == "relay.worker.encoder.Encoder"
    assert not issubclass(Encoder, PickleEncoder)


def test_no_cache_outside_the_process_holds_pickled_objects() -> None:
    """Django's caches pickle; the one within the process is written by nobody else."""
    backends = [cache["BACKEND"] for cache in settings.CACHES.values()]

    assert backends == ["django.core.cache.backends.locmem.LocMemCache"]
