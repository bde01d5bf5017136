"""The pages: static files of this package, which hold no data and no secret, and may therefore be read by anyone.

What they show they ask for with the asker's token, as any other client does.
"""

from __future__ import annotations

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).parent / "page"
_PAGES = {"/": "index.html", "/operator": "operator.html"}
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json"}


@router.get("/")
@router.get("/operator")
async def page(request: Request) -> Response:
    """One of the pages."""
    return _file(request, FOLDER / _PAGES[request.url.path.rstrip("/") or "/"])


@router.get("/page/{name}")
async def part(name: str, request: Request) -> Response:
    """A style, a script, an icon."""
    if name not in _names() or name.endswith(".html"):
        raise HTTPException(404, "Not Found")
    return _file(request, FOLDER / name)


@cache
def _names() -> frozenset[str]:
    return frozenset(file.name for file in FOLDER.iterdir() if file.is_file())


def _file(request: Request, file: Path) -> Response:
    tag = _tag(file)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0]
    return FileResponse(file, media_type=kind, headers=headers)


@cache
def _tag(file: Path) -> str:
    return f'"{hashlib.sha256(file.read_bytes()).hexdigest()[:32]}"'
