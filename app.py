"""linattn, the app: `streamlit run app.py`.

The script that runs for every visitor is pages/main.py. It does not stand here because a server takes a folder `pages`
beside its script for an app of the old kind: until the first visitor has run the new kind's navigation, a link to a
page would start that page alone. As a server application we can also warm up before anybody comes.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))  # so that scripts in pages/ find linattn_core and pages


@asynccontextmanager
async def lifespan(_: Any) -> AsyncIterator[None]:
    """Import what pages need and compute the worked example, once, before the first visitor."""
    from pages.shared import boot

    boot.once()
    yield


from pages.shared import long_links  # noqa: E402 - found through the path above

long_links.let_in()
app = st.App(HERE / "pages" / "main.py", lifespan=lifespan, middleware=[Middleware(long_links.LongLinks)])
