"""What links only name: builds too large for an address, kept by the server under the digest of their content.

A refresh loses the session but not the address. So the address of such a lab carries everything but its data, with
their digest, and the server keeps the data of the labs it has shown lately. A digest cannot be guessed, so nobody sees
data whose link they were not given. When a server has forgotten them, the saved lab file brings them back.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import streamlit as st

from linattn_core.lab_builds import Build

KEPT_BYTES = 64 * 2**20  # together, least recently shown out first


class BuildStore:
    """Builds by digest, of at most `kept_bytes` together; the one put last stays, however large."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._builds: OrderedDict[str, tuple[Build, int]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, digest: str, build: Build, size: int) -> None:
        """Keep `build`, of about `size` bytes, as the one shown last."""
        with self._lock:
            self._builds[digest] = (build, size)
            self._builds.move_to_end(digest)
            while len(self._builds) > 1 and sum(size for _, size in self._builds.values()) > self._kept_bytes:
                self._builds.popitem(last=False)

    def find(self, digest: str) -> Build | None:
        """The build of this digest, None if it was never put or is forgotten."""
        with self._lock:
            if digest not in self._builds:
                return None
            self._builds.move_to_end(digest)
            return self._builds[digest][0]


@st.cache_resource(show_spinner=False)
def store() -> BuildStore:
    """The one store of this server."""
    return BuildStore()
