"""Where lists of trackers come from: files, and the hosts of those who keep them."""

from pathlib import Path

import urllib3

from emails.mime.trackers import parse_list

MAX_BYTES = 32 << 20
"""The largest lists there are have 10 MB; a host that sends more without end is cut off."""

_TIMEOUT = urllib3.Timeout(connect=10, read=20)
# A redirect may lead away from https, so none is followed.
_RETRIES = urllib3.Retry(2, redirect=False)
_BLOCK = 1 << 16


class SourceUnusable(Exception):
    """A list can't be had, or is none; the text says which, and why."""


def fetch_list(source: str) -> frozenset[str]:
    """Get the domains of a list from a file or an https URL. Raises `SourceUnusable`."""
    if "://" not in source:
        data = _read(Path(source))
    elif source.startswith("https://"):
        data = _download(source)
    else:
        raise SourceUnusable(f"{source}: only files and https URLs are read")
    domains = parse_list(data.decode("utf-8", "replace").splitlines())
    if not domains:
        raise SourceUnusable(f"{source}: there is no domain in it")
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
                raise SourceUnusable(f"{url}: its host answers {answer.status}")
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
