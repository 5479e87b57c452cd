"""schema.org for search engines, as a page carries it."""

from oberih.archive.metadata import as_script
from oberih.catalogue.public import PublicRecord
from oberih.web.open.addresses import House
from oberih.web.open.data.mapping import as_schema_org

__all__ = ["json_ld"]


def json_ld(record: PublicRecord, house: House) -> str:
    """What stands in ``<script type="application/ld+json">``: nothing in it can end the script."""
    return as_script(as_schema_org(record, house))
