"""What the bytes of a file say as text, and what artifacts keep of it.

Apart from reading and from artifacts, which import far more than an answer given again may cost.
"""

import hashlib


def decoded(content: bytes) -> str:
    """Return the text of a file: UTF-8, a byte order mark or not, lines that end as on Unix.

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def artifact_text(text: str) -> str:
    """Return a text as dbt's artifacts have it: without blank ends."""
    return text.strip()


def artifact_checksum(text: str) -> str:
    """Return dbt's checksum of a text: SHA-256 of it without blank ends, in hexadecimal."""
    return hashlib.sha256(artifact_text(text).encode()).hexdigest()
