"""How things come in from others and go out to them: bags, RO-Crates, sheets of old scans, other archives."""

from oberih.archive.exchange.incoming import Adopted, adopt, deposit_bag, deposit_sheet
from oberih.archive.exchange.outgoing import as_bag, as_crate

__all__ = ["Adopted", "adopt", "as_bag", "as_crate", "deposit_bag", "deposit_sheet"]
