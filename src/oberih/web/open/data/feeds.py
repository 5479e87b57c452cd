"""For search engines and feed readers: sitemaps, the newest records as Atom, robots.txt."""

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from oberih.catalogue.public import Change, PublicRecord
from oberih.web.open.addresses import House, page_of, persistent
from oberih.web.open.data.citing import credit
from oberih.web.open.data.links import FEED

__all__ = ["PART", "atom", "robots", "sitemap", "sitemap_index"]

PART = 50_000  # addresses in one sitemap: more are not allowed
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
PAGES = ("/", "/search", "/map", "/collections", "/statistics", "/thanks", "/about", "/guide", "/api")


def sitemap_index(parts: int, address: str) -> str:
    """Where the sitemaps are; the first is of the pages that are no records."""
    places = "".join(
        f"<sitemap><loc>{escape(f'{address}/sitemaps/{number}.xml')}</loc></sitemap>\n"
        for number in range(parts + 1)
    )
    return f'{XML}<sitemapindex xmlns="{SITEMAP}">\n{places}</sitemapindex>\n'


def sitemap(records: Iterable[Change] | None, address: str) -> str:
    """The pages of some records with the days of their last changes; None: the other pages."""
    if records is None:
        places = [f"<url><loc>{escape(address + one)}</loc></url>\n" for one in PAGES]
    else:
        places = [
            f"<url><loc>{escape(page_of(address, one.id))}</loc><lastmod>{one.day}</lastmod></url>\n"
            for one in records
        ]
    return f'{XML}<urlset xmlns="{SITEMAP}">\n{"".join(places)}</urlset>\n'


def robots(address: str) -> str:
    """Searches are without number, and lead to nothing that the sitemap does not."""
    return f"User-agent: *\nDisallow: /api/\nDisallow: /search?\n\nSitemap: {address}/sitemap.xml\n"


def atom(newest: Iterable[Change], house: House, language: str) -> str:
    """The records that changed last, in the reader's language if they speak it. Days have no hours."""
    address = house.address
    shown = [(one, one.record) for one in newest if one.record is not None]
    last = max((one.day for one, _ in shown), default="1970-01-01")
    own = quoteattr(f"{address}{FEED}")
    return (
        f'{XML}<feed xmlns="http://www.w3.org/2005/Atom">\n<id>{escape(address + FEED)}</id>\n'
        f"<title>{escape(house.archive)}</title>\n<updated>{last}T00:00:00Z</updated>\n"
        f'<link rel="self" type="application/atom+xml" href={own}/>\n'
        f"<link href={quoteattr(f'{address}/')}/>\n"
        f"<author><name>{escape(house.archive)}</name></author>\n"
        f"{''.join(entry(record, one.day, address, language) for one, record in shown)}</feed>\n"
    )


def entry(record: PublicRecord, day: str, address: str, language: str) -> str:
    tag = language if language in record.titles else next(iter(record.titles))
    words = record.summary.get(tag, "")
    summary = f"<summary>{escape(words)}</summary>\n" if words else ""
    told = " · ".join(filter(None, (credit(record), record.rights.uri if record.rights else "")))
    rights = f"<rights>{escape(told)}</rights>\n" if told else ""
    return (
        f'<entry xml:lang="{tag}">\n<id>{escape(persistent(address, record.id))}</id>\n'
        f"<title>{escape(record.title(tag))}</title>\n<updated>{day}T00:00:00Z</updated>\n"
        f'<link rel="alternate" type="text/html" href={quoteattr(page_of(address, record.id))}/>\n'
        f"{summary}{rights}<category term={quoteattr(record.kind)}/>\n</entry>\n"
    )
