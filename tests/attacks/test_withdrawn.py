"""Case 17: what was public and was taken back is nowhere. (It comes last: the town has less afterwards.)"""

import gzip

import pytest

from attacks.bisection import DATA, EVERYTHING
from attacks.town import Town

pytestmark = pytest.mark.xdist_group("attacks")
# Of the title: as it is written, in small letters, and as the key by which the index knows it.
WORDS = (b"Krapkovyna", b"krapkovyna", b"krapkovin")


def test_case_17_what_was_withdrawn_is_in_no_page_of_the_public_side(
    town: Town, public: dict[str, bytes]
) -> None:
    store = town.folder / "public" / "public.sqlite"
    assert [word for word in WORDS if word in store.read_bytes()] == list(WORDS)
    name = town.records["cloud"].removeprefix("ark:/")
    contribution = f"/contributions/{town.contributions['cloud']}"
    town.contributor.go(contribution)
    assert town.contributor.send(f"{contribution}/withdraw").status_code == 303
    gone = town.ask(f"/api/v1/records/{name}")
    assert gone.status_code == 410 and set(gone.json()) == {"id", "version", "month"}
    assert town.ask(f"/records/{name}").status_code == 410
    files = [one for one in public if one.startswith(f"/files/{name.replace('/', '-')}/")]
    assert len(files) > 5 and {town.ask(one).status_code for one in files} == {404}
    assert [path for path in (town.folder / "public").rglob("*.laz") if path.is_file()] == []
    assert town.ask("/api/v1/suggest?text=krapkovy").json() == []
    assert town.ask("/api/v1/records?text=krapkovyna").json()["count"] == 0
    for path in (f"/ark:/{name}", *(f"/data/{name}/{form}" for form in DATA)):
        assert town.ask(path).status_code == 410, path
    assert town.ask(f"/embed/{name}").status_code == town.ask(f"/records/{name}/print").status_code == 410
    everything = {path: town.ask(path).content for path in EVERYTHING}
    everything["dump"] = gzip.decompress(everything["/dump/records.jsonl.gz"])
    for path, told in everything.items():
        assert not any(word in told for word in WORDS) and name.encode() not in told, path
    harvested = town.ask("/oai?verb=ListRecords&metadataPrefix=oai_dc").content
    assert f'<header status="deleted"><identifier>ark:/{name}</identifier>'.encode() in harvested
    assert not any(word in harvested for word in WORDS)
    assert [word for word in WORDS if word in store.read_bytes()] == []  # in raw pages
