"""A small service that shows the sample pages, as the real one would: with its headers, files and pictures.

python page_server.py PORT
"""

import sys
from functools import cache

import cv2
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from oberih.web.pages import Pages, StaticPages
from web.page_samples import PAGES
from web.page_viewer import NO_MODEL

__all__ = ["make_app"]


def make_app() -> Starlette:
    pages = Pages()

    def page(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in PAGES:
            return Response(status_code=404)
        view, visitor, _ = PAGES[name]
        return pages.response(request, view, visitor=visitor, csrf="c5rf" if visitor else "")

    def refused(request: Request) -> Response:
        """What a route answers to the form of a review that somebody else has changed meanwhile."""
        view, visitor, _ = PAGES["review-refused"]
        return pages.response(request, view, visitor=visitor, csrf="c5rf", status=409)

    return Starlette(
        routes=[
            Route("/review/{name}", refused, methods=["POST"]),
            Mount("/static", StaticPages()),
            Route("/api/v1/records/none", lambda _: JSONResponse(NO_MODEL)),
            Route(
                "/pictures/{number:int}.jpg",
                lambda request: Response(photo(request.path_params["number"]), media_type="image/jpeg"),
            ),
            Route("/api/v1/map.geojson", lambda _: JSONResponse({"features": []})),
            Route("/{name}", page),
        ]
    )


@cache
def photo(number: int) -> bytes:
    """A church on a hill, in another light for each ``number``."""
    y = np.linspace(0, 1, 480, dtype=np.float32)[:, None, None]
    low = np.array([[150, 190, 235], [200, 205, 210], [120, 150, 230]][number % 3], np.float32)
    high = np.array([[220, 170, 110], [190, 150, 110], [150, 110, 90]][number % 3], np.float32)
    image = np.repeat(high * (1 - y) + low * y, 640, axis=1).astype(np.uint8)
    cv2.ellipse(image, (320 + 40 * (number % 3), 560), (560, 230), 0, 0, 360, (74, 118, 92), -1, cv2.LINE_AA)
    wall, roof = (92, 128, 158), (60, 74, 92)
    for left, top, width in ((220, 250, 90), (310, 190, 110), (420, 250, 80)):
        cv2.rectangle(image, (left, top), (left + width, 380), wall, -1)
        cv2.fillPoly(
            image,
            [np.array([[left - 12, top], [left + width // 2, top - 70], [left + width + 12, top]])],
            roof,
            cv2.LINE_AA,
        )
        cv2.circle(image, (left + width // 2, top - 84), 16, (90, 150, 190), -1, cv2.LINE_AA)
    return cv2.imencode(".jpg", image)[1].tobytes()


if __name__ == "__main__":
    uvicorn.run(make_app(), port=int(sys.argv[1]), log_level="warning")
