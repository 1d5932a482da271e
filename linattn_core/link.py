"""Share links: a text packed into one short URL token that tells when it was cut off or altered.

2-AAAAxxxxxxxxxxxxxxxx...
| |                        version, so that a token of a later format is told as such
  base64url of  length (2 bytes) | CRC-32 (4 bytes) | DEFLATE with a preset dictionary
"""

from __future__ import annotations

import base64
import zlib

from linattn_core.errors import SpecError

MAX_TOKEN = 20_000  # characters; browsers take 32,000
MAX_TEXT = 512 * 1024  # bytes after decompression, so that no small token becomes a large text
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_HEADER = 6


def too_long(characters: int) -> str:
    """Say that a link has too many."""
    return f"The share link has {characters:,} characters; at most {MAX_TOKEN:,} are read, so check it."


def pack(text: str, version: int, dictionary: bytes) -> str:
    """Return the token of a text. Raises ``SpecError`` where it would be longer than a link may be."""
    deflate = zlib.compressobj(level=9, wbits=-15, zdict=dictionary)
    body = deflate.compress(text.encode()) + deflate.flush()
    data = len(body).to_bytes(2) + zlib.crc32(body).to_bytes(4) + body if len(body) < 2**16 else b""
    token = f"{version}-{_encode(data)}"
    if not data or len(token) > MAX_TOKEN:
        raise SpecError(f"The share link would exceed {MAX_TOKEN:,} characters; save the lab as a file instead.")
    return token


def unpack(token: str, version: int, dictionary: bytes) -> str:
    """Return the text of a token of this ``version`` or an earlier one.

    Raises ``SpecError``: too long, later version, cut off, altered, too large.
    """
    if not isinstance(token, str):
        raise SpecError(f"The share link is {token!r:.40}; it must be text.")
    token = token.strip()
    if len(token) > MAX_TOKEN:
        raise SpecError(too_long(len(token)))
    number, dash, code = token.partition("-")
    if not dash or not number.isascii() or not number.isdigit():
        raise SpecError("The share link does not begin with a version number and a dash; copy it again, whole.")
    if not (len(number) < 9 and 1 <= int(number) <= version and number == str(int(number))):
        raise SpecError(
            f"The share link is of version {number[:9]}, this program reads version {version}; "
            + ("update the program." if int(number[:9]) > version else "ask for a new link.")
        )
    return _inflate(_body(code), dictionary)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _body(code: str) -> bytes:
    """Return the compressed bytes behind a token's code, checked against its length and checksum."""
    strange = next((character for character in code if character not in _ALPHABET), None)
    if strange is not None:
        raise SpecError(f"The share link was altered: it holds the character {strange!r}; copy it again, whole.")
    cut = SpecError("The share link was cut off; copy it again, whole.")
    if len(code) % 4 == 1:
        raise cut
    data = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
    body = data[_HEADER:]
    if len(data) < _HEADER or len(body) < int.from_bytes(data[:2]):
        raise cut
    if len(body) > int.from_bytes(data[:2]) or zlib.crc32(body) != int.from_bytes(data[2:_HEADER]):
        raise SpecError("The share link was altered: its checksum does not fit; copy it again, whole.")
    if _encode(data) != code:  # the last character has spare bits
        raise SpecError("The share link was altered: its last character does not fit; copy it again, whole.")
    return body


def _inflate(body: bytes, dictionary: bytes) -> str:
    inflate = zlib.decompressobj(wbits=-15, zdict=dictionary)
    try:
        data = inflate.decompress(body, MAX_TEXT)
        if inflate.unconsumed_tail:
            raise SpecError(f"The share link unpacks to more than {MAX_TEXT // 1024} KiB; no lab is that large.")
        if not inflate.eof or inflate.unused_data:
            raise SpecError("The share link does not end where it should; copy it again, whole.")
        return data.decode()
    except (zlib.error, UnicodeDecodeError) as problem:
        raise SpecError("The share link does not unpack; it was not made by this program.") from problem
