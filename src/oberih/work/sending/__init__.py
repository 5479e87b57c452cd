"""Recordings of a partner on their way to a service, over lines that break: the other side of `web.uploads`.

A `Parcel` becomes one contribution. Its key is made of what its files hold, so that it arrives once, however
often it is sent; its receipt is compared with the files before it counts.
"""

from oberih.work.sending.delivery import Delivered, deliver
from oberih.work.sending.line import Line, open_line, read_token
from oberih.work.sending.parcels import Parcel, parcel_of, parcels_of_sheet

__all__ = [
    "Delivered",
    "Line",
    "Parcel",
    "deliver",
    "open_line",
    "parcel_of",
    "parcels_of_sheet",
    "read_token",
]
