"""S3's REST protocol, with the bucket in the path, as boto3 uses it for a custom endpoint.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qs, quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tools.aws.faults import Dice
from tools.aws.web import AwsError, Headers, Request, Response

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_TIME = "%Y-%m-%dT%H:%M:%S.000Z"
_FIRST_BYTES = re.compile(rb"bytes=0-([0-9]+)")
_XML = ((b"content-type", b"application/xml"),)
_NO_BUCKET = AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
_NO_KEY = AwsError("NoSuchKey", "The specified key does not exist.", 404)


@dataclass(slots=True)
class Stored:
    """One object."""

    content: bytes
    metadata: Headers = ()
    etag: str = ""
    changed_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.etag = f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'

    @property
    def age_seconds(self) -> float:
        """How long ago it was written."""
        return (datetime.now(UTC) - self.changed_at).total_seconds()

    @property
    def headers(self) -> Headers:
        """The headers that S3 returns with it."""
        changed = format_datetime(self.changed_at, usegmt=True).encode()
        return ((b"etag", self.etag.encode()), (b"last-modified", changed), *self.metadata)


Objects = dict[str, Stored]


class S3:
    """All buckets."""

    throttled = AwsError("SlowDown", "Please reduce your request rate.", 503)

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self.buckets: dict[str, Objects] = {}
        self._operations: dict[str, Callable[[Request, str, str], Response]] = {
            "CreateBucket": self._create_bucket,
            "ListObjectsV2": self._list,
            "DeleteObjects": self._delete_batch,
            "PutObject": self._put,
            "CopyObject": self._copy,
            "GetObject": self._get,
            "HeadObject": self._head,
            "DeleteObject": self._delete,
        }

    def operation(self, request: Request) -> str:
        """Name the operation, by the request's method and path."""
        _, key = _split(request.path)
        if key and b"x-amz-copy-source" in request.headers:
            return "CopyObject"
        if key:
            return f"{request.method.title()}Object"
        by_method = {"PUT": "CreateBucket", "GET": "ListObjectsV2", "POST": "DeleteObjects"}
        return by_method.get(request.method, request.method)

    async def answer(self, request: Request) -> Response:
        """Carry out an operation."""
        operation = self._operations.get(self.operation(request))
        if operation is None:
            raise AwsError(
                "NotImplemented", f"{self.operation(request)} is not supported here", 501
            )
        return operation(request, *_split(request.path))

    def refusal(self, error: AwsError) -> Response:
        """Return an error as XML."""
        code, message = escape(error.code), escape(error.message)
        text = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Response(text.encode(), error.status, _XML)

    def _objects(self, bucket: str) -> Objects:
        if bucket not in self.buckets:
            raise _NO_BUCKET
        return self.buckets[bucket]

    def _stored(self, bucket: str, key: str) -> Stored:
        stored = self._objects(bucket).get(key)
        if stored and stored.age_seconds >= self._dice.faults.invisible_seconds:
            return stored
        raise _NO_KEY

    def _create_bucket(self, request: Request, bucket: str, key: str) -> Response:
        self.buckets.setdefault(bucket, {})
        return Response(headers=((b"location", f"/{bucket}".encode()),))

    def _put(self, request: Request, bucket: str, key: str) -> Response:
        content = request.body
        if b"x-amz-decoded-content-length" in request.headers:
            content = unchunked(content)
        stored = Stored(content, _metadata(request))
        self._objects(bucket)[key] = stored
        return Response(headers=stored.headers[:1])

    def _copy(self, request: Request, bucket: str, key: str) -> Response:
        source = unquote(request.headers[b"x-amz-copy-source"].decode())
        original = self._stored(*_split(source))
        stored = Stored(original.content, original.metadata)
        self._objects(bucket)[key] = stored
        changed = stored.changed_at.strftime(_TIME)
        return _xml(
            "CopyObjectResult",
            f"<ETag>{escape(stored.etag)}</ETag><LastModified>{changed}</LastModified>",
        )

    def _get(self, request: Request, bucket: str, key: str) -> Response:
        stored = self._stored(bucket, key)
        wanted = _FIRST_BYTES.fullmatch(request.headers.get(b"range", b""))
        if wanted is None:
            return Response(stored.content, headers=stored.headers)
        if not stored.content:
            raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
        part = stored.content[: int(wanted[1]) + 1]
        whole = f"bytes 0-{len(part) - 1}/{len(stored.content)}".encode()
        return Response(part, 206, (*stored.headers, (b"content-range", whole)))

    def _head(self, request: Request, bucket: str, key: str) -> Response:
        return self._get(request, bucket, key)

    def _delete(self, request: Request, bucket: str, key: str) -> Response:
        self._objects(bucket).pop(key, None)
        return Response(status=204)

    def _delete_batch(self, request: Request, bucket: str, key: str) -> Response:
        objects = self._objects(bucket)
        wanted = ElementTree.fromstring(request.body)
        keys = [found.text or "" for found in wanted.iterfind("{*}Object/{*}Key")]
        for name in keys:
            objects.pop(name, None)
        deleted = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in keys)
        is_quiet = wanted.findtext("{*}Quiet") == "true"
        return _xml("DeleteResult", "" if is_quiet else deleted)

    def _list(self, request: Request, bucket: str, key: str) -> Response:
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        prefix, limit = query.get("prefix", ""), int(query.get("max-keys", 1000))
        after = query.get("continuation-token", query.get("start-after", ""))
        objects = self._objects(bucket)
        keys = sorted(name for name in objects if name.startswith(prefix) and name > after)
        page = keys[:limit]
        parts = [f"<Name>{bucket}</Name><KeyCount>{len(page)}</KeyCount>"]
        parts += [f"<MaxKeys>{limit}</MaxKeys><EncodingType>url</EncodingType>"]
        parts += [f"<IsTruncated>{str(len(keys) > limit).lower()}</IsTruncated>"]
        if len(keys) > limit:
            parts.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
        parts += [_listed(name, objects[name]) for name in page]
        return _xml("ListBucketResult", "".join(parts))


def _metadata(request: Request) -> Headers:
    """Return what the writer says about the object, besides its content."""
    own = sorted(name for name in request.headers if name.startswith(b"x-amz-meta-"))
    return tuple((name, request.headers[name]) for name in own)


def unchunked(body: bytes) -> bytes:
    """Join the chunks of an `aws-chunked` body; its trailers are checksums, not content.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    """
    content, start = bytearray(), 0
    while True:
        end = body.index(b"\r\n", start)
        size = int(body[start:end].partition(b";")[0], 16)
        if size == 0:
            return bytes(content)
        content += body[end + 2 : end + 2 + size]
        start = end + 2 + size + 2


def _split(path: str) -> tuple[str, str]:
    bucket, _, key = path.removeprefix("/").partition("/")
    return bucket, key


def _listed(key: str, stored: Stored) -> str:
    changed = stored.changed_at.strftime(_TIME)
    return (
        f"<Contents><Key>{quote(key)}</Key><Size>{len(stored.content)}</Size>"
        f"<ETag>{escape(stored.etag)}</ETag><LastModified>{changed}</LastModified></Contents>"
    )


def _xml(name: str, content: str) -> Response:
    return Response(f'<{name} xmlns="{_NAMESPACE}">{content}</{name}>'.encode(), headers=_XML)
