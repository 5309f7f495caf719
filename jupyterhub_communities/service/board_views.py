"""Which of a board's people a page lists, as its address says it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from ..application.board import Board
from ..application.board_pages import LISTS, ROWS, BoardPage, BoardView, page_of_board
from ..domain.paging import Key
from .base import ServiceHandler

_LONGEST = 255  # characters that are looked for


def asked_view(handler: ServiceHandler) -> BoardView:
    """What cannot be read is as if it were not asked for: everybody, from the beginning."""
    only = handler.get_query_argument("only", "")
    return BoardView(
        only=only if only in LISTS else "",
        sought=handler.get_query_argument("q", "")[:_LONGEST],
        after=_key_of(handler.get_query_argument("after", "")),
    )


def drawn_values(board: Board | BoardPage, view: BoardView) -> dict[str, Any]:
    """What `board.html` draws, with where its links lead."""
    page = board if isinstance(board, BoardPage) else page_of_board(board, view)
    return {
        "board": page,
        "board_query": _query(view),
        "more_rows": ""
        if page.rows.after is None
        else _query(replace(view, after=page.rows.after)),
        "more_left": ""
        if page.left.after is None
        else _query(BoardView("left", view.sought if view.only == "left" else "", page.left.after)),
        "is_searched": page.people > ROWS or view != BoardView(),
    }


def _query(view: BoardView) -> str:
    after = "" if view.after is None else "~".join(view.after)
    asked = {"only": view.only, "q": view.sought, "after": after}
    return urlencode({name: value for name, value in asked.items() if value})


def _key_of(text: str) -> Key | None:
    joined_at, _, account_id = text.partition("~")
    try:
        is_readable = datetime.fromisoformat(joined_at).tzinfo is not None
    except ValueError:
        return None
    return (joined_at, account_id) if is_readable else None
