"""Storages by URL, and where the options of an object store come from.

A lake, the tables of other lakes and the engine's data files share one connection pool a bucket.
"""

from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType

from headwater.base.errors import Invalid
from headwater.lake.storage import Storage, open_storage

S3_SCHEMES = ("s3", "s3a")

_FROM_ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "AWS_ACCESS_KEY_ID": "access_key_id",
        "AWS_SECRET_ACCESS_KEY": "secret_access_key",
        "AWS_SESSION_TOKEN": "session_token",
        "AWS_DEFAULT_REGION": "region",
        "AWS_REGION": "region",
        "AWS_ENDPOINT_URL": "endpoint",
        "AWS_ENDPOINT_URL_S3": "endpoint",
        "AWS_ALLOW_HTTP": "allow_http",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "virtual_hosted_style_request",
        "AWS_ROLE_ARN": "role_arn",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "web_identity_token_file",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "container_credentials_relative_uri",
    }
)
"""Later ones win: a region or endpoint for S3 alone over the general one."""

_SAME: Mapping[str, str] = MappingProxyType({"endpoint_url": "endpoint"})
_CREDENTIALS = frozenset({"access_key_id", "secret_access_key", "session_token"})


def storage_options(given: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the options of S3: those given win over the environment's ``AWS_`` variables.

    Names are spelled in one way (``AWS_Region`` is ``region``, ``endpoint_url`` is ``endpoint``),
    so that the same option is never there twice. Keys that are given are never completed with a
    token of the environment, which belongs to other keys. An endpoint that begins with ``http://``
    is consent to use it.

    Args:
        given: From the profile.
        environment: Environment variables.
    """
    mine = {_plain(name): value for name, value in given.items()}
    theirs = {
        option: environment[name]
        for name, option in _FROM_ENVIRONMENT.items()
        if environment.get(name)
    }
    if mine.keys() & _CREDENTIALS:
        theirs = {name: value for name, value in theirs.items() if name not in _CREDENTIALS}
    options = {**theirs, **mine}
    if options.get("endpoint", "").startswith("http://"):
        options.setdefault("allow_http", "true")
    return options


class Storages:
    """Opens storages, one a bucket, and keeps them. Safe to share between threads."""

    def __init__(self, options: Mapping[str, str]) -> None:
        """Open nothing yet.

        Args:
            options: Of every object store.
        """
        self._options = options
        self._lock = Lock()
        self._buckets: dict[str, Storage] = {}

    def at(self, root: str) -> Storage:
        """Return the storage rooted at a folder or URL.

        Raises:
            Invalid: ``storage-unsupported``; ``table-path-invalid``.
        """
        if "://" not in root:
            return open_storage(root)
        bucket, path = split_url(root)
        with self._lock:
            if bucket not in self._buckets:
                self._buckets[bucket] = open_storage(bucket, self._options)
            storage = self._buckets[bucket]
        return storage.within(path) if path else storage


def split_url(url: str) -> tuple[str, str]:
    """Cut ``s3://bucket/a/b`` into ``s3://bucket`` and ``a/b``.

    Raises:
        Invalid: ``storage-unsupported``, when there is no bucket.
    """
    scheme, _, rest = url.partition("://")
    bucket, _, path = rest.partition("/")
    if not bucket:
        raise Invalid(
            "storage-unsupported",
            f"`{url}` names no bucket",
            fix="write it as s3://bucket/prefix",
        )
    return f"{scheme}://{bucket}", path.strip("/")


def _plain(name: str) -> str:
    plain = name.lower().removeprefix("aws_")
    return _SAME.get(plain, plain)
