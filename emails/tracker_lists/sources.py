"""Fetches tracker lists from files and https URLs."""

from pathlib import Path

import urllib3

from emails.mime.trackers import parse_list

MAX_BYTES = 32 << 20
"""The largest lists have 10 MB. Stops a host that sends data without end."""

_TIMEOUT = urllib3.Timeout(connect=10, read=20)
# A redirect could leave https, so we follow none.
_RETRIES = urllib3.Retry(2, redirect=False)
_BLOCK = 1 << 16


class SourceUnusable(Exception):
    """A list can't be fetched or isn't one. The text names the source and the reason."""


def fetch_list(source: str) -> frozenset[str]:
    """Return the domains of a list, from a file or an https URL. Raises `SourceUnusable`."""
    if "://" not in source:
        data = _read(Path(source))
    elif source.startswith("https://"):
        data = _download(source)
    else:
        raise SourceUnusable(f"{source}: must be a file or an https URL")
    domains = parse_list(data.decode("utf-8", "replace").splitlines())
    if not domains:
        raise SourceUnusable(f"{source}: it contains no domains")
    return domains


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceUnusable(f"{file}: {error.strerror}") from error


def _download(url: str) -> bytes:
    try:
        with urllib3.PoolManager() as pool:
            answer = pool.request(
                "GET", url, timeout=_TIMEOUT, retries=_RETRIES, preload_content=False
            )
            if answer.status != 200:
                raise SourceUnusable(f"{url}: HTTP status {answer.status}")
            return _body(url, answer)
    except urllib3.exceptions.HTTPError as error:
        raise SourceUnusable(f"{url}: {type(error).__name__}") from error


def _body(url: str, answer: urllib3.BaseHTTPResponse) -> bytes:
    data = bytearray()
    for block in answer.stream(_BLOCK, decode_content=True):
        data += block
        if len(data) > MAX_BYTES:
            raise SourceUnusable(f"{url}: it is larger than {MAX_BYTES >> 20} MB")
    return bytes(data)
