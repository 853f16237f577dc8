"""botocore's list of all services' endpoints, cut down to the services that we call.

Every botocore session keeps the list for as long as it lives: seven megabytes, nearly all about
services that we never call. Here a process reads it once, for all its sessions.
"""

from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import JSONFileLoader, Loader

_LIST = "endpoints"

_OURS = frozenset({"email", "oidc", "portal.sso", "s3", "signin", "sns", "sqs", "sts"})
"""The services by their names in the list: those that we call, `email` being SES, and those that
botocore asks for credentials."""


class Descriptions(JSONFileLoader):
    """Loads the files of botocore, as its own loader of files does, but a shorter list."""

    def load_file(self, file_path: str) -> Any:
        """Return what a file contains; None if there is none. Its path is without `.json`."""
        if Path(file_path).name == _LIST:
            return _read_list(file_path)
        return super().load_file(file_path)


@cache
def _read_list(file_path: str) -> Any:
    read = JSONFileLoader().load_file(file_path)
    return read and read | {"partitions": [_cut_down(one) for one in read["partitions"]]}


def _cut_down(partition: dict[str, Any]) -> dict[str, Any]:
    services = partition["services"]
    return partition | {"services": {name: services[name] for name in _OURS & services.keys()}}


# Read at the import, and not for the first session: most modules are imported after this one, and
# take the memory that the whole list leaves free.
_read_list(str(Path(Loader.BUILTIN_DATA_PATH, _LIST)))
