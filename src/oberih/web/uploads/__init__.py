"""Uploads from phones on bad lines: contributions (JSON) whose files come by tus 1.0, a piece at a time.

    POST   /contributions                        {files: [{name, size, type?, last_modified?}], note?, ...}
    GET    /contributions                        those that are under way
    GET    /contributions/ID                     what has arrived of one
    POST   /contributions/ID                     {files: [...]}: further files
    DELETE /contributions/ID                     end it, forget all of it
    POST   /contributions/ID/complete            {without_missing?}: the receipt
    POST   /contributions/ID/files               tus creation (with upload)
    HEAD, PATCH, DELETE /contributions/ID/files/ID      tus

tus is our own, a few hundred lines over `oberih.work.arrivals`. tuspyserver 4.4.3 was tried first: it never
syncs data before it acknowledges, and a kill in the middle of a PATCH left 400,000 bytes that HEAD did not
count, so that the resumed file of 1,000,000 bytes held 1,400,000 and was acknowledged as whole. It also wrote
what came without credentials, stopped the whole process for 30 s when two PATCHes met, and let a GET delete.
"""

from oberih.web.uploads.answers import spoken
from oberih.web.uploads.routes import uploads_router

__all__ = ["spoken", "uploads_router"]
