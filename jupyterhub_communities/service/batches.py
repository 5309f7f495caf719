"""Batches: made for a list of names, printed as slips, taken along as a table."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ..application.batches import (
    SLIPS,
    DrawnBatch,
    check_batch,
    draw_batch,
    page_of_batch,
    release_batch,
    view_slips,
)
from ..application.invites import IssuedInvite
from ..application.issuing import NewInvite
from ..domain.paging import Page
from ..i18n.messages import offered
from ..i18n.negotiation import closest
from ..pages.language import current_messages, use_language
from ..pages.tables import csv_text
from .base import ServiceHandler
from .pages import ALWAYS, PageHandler, qr_picture

_ROWS = 500  # of a table that are read at once


async def drawn_for(
    handler: ServiceHandler, community: str, names: Sequence[str], wanted: NewInvite
) -> DrawnBatch:
    """The codes for a list, drawn where nobody waits for it. Raises the refusals of both verbs."""
    await handler.run(check_batch, handler.actor, community, wanted)
    return await handler.house.compute(draw_batch, handler.house.desk(), names)


class BatchPage(PageHandler):
    """Slips to print, one for each unclaimed code; and giving the rest away."""

    asks_again = ALWAYS

    async def get(self, community: str, batch: str) -> None:
        shown = await self.community(community)
        asked = self.get_query_argument("from", "")
        first = int(asked[:9]) if asked.isascii() and asked.isdecimal() else 1
        found = await self.run(view_slips, self.actor, community, batch, first=first)
        workshop = found.workshop
        links = [self.join_link(each.link) for each in found.shown]
        # Forty of them take a tenth of a second, in which others are answered.
        pictures = await self.house.compute(lambda: [qr_picture(link) for link in links])
        language = closest(workshop.language if workshop else shown.language, offered())
        with use_language(language or current_messages().tag):  # that of who gets the slip
            slips = self.settings["environment"].get_template("slip_list.html")
            drawn = slips.render(
                community=shown,
                workshop=workshop,
                join_address=self.join_address(),
                slips=[
                    (each.invite.label, each.code, picture)
                    for each, picture in zip(found.shown, pictures, strict=True)
                ],
            )
        self.draw(
            "slips.html",
            community=shown,
            workshop=workshop,
            batch=batch,
            of_a_page=SLIPS,
            slips=Markup(drawn),
            found=found,
        )

    async def post(self, community: str, batch: str) -> None:
        await self.run(release_batch, self.actor, community, batch)
        self.go(f"communities/{community}/batches/{batch}")


class BatchTable(PageHandler):
    """The unclaimed codes of a batch as CSV."""

    asks_again = ALWAYS

    async def get(self, community: str, batch: str) -> None:
        await self.community(community)
        place = (self.actor, community, batch)
        part = await self.run(page_of_batch, *place, Page(_ROWS))  # refuses before the first byte
        messages = current_messages()
        # TRANSLATORS: Headings of a table that a spreadsheet opens.
        header = (messages.gettext("Name"), messages.gettext("Code"), messages.gettext("Link"))
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="codes.csv"')
        self.write("\ufeff" + csv_text([header]))  # the mark tells spreadsheets that it is UTF-8
        while True:
            self.write(csv_text(self._row(issued) for issued in part.entries))
            await self.flush()
            if part.after is None:
                break
            part = await self.run(page_of_batch, *place, Page(_ROWS, part.after))
        self.finish()

    def _row(self, issued: IssuedInvite) -> tuple[str, str, str]:
        return (issued.invite.label or "", issued.code, self.join_link(issued.link))
