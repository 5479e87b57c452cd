// The page of danger zones: the map, and the corners of a new zone as text. Each follows the other.
import { area, type Point, read, ringsOf, type Shape, Unreadable, write } from "./corners";
import { find } from "./dom";
import { ZoneMap } from "./map";
import { number, say } from "./texts";

interface Told {
  id: string;
  name: string;
  polygon: Shape;
}

const place = find("#map");
place.hidden = false;
const zones: Told[] = JSON.parse(find("#zones").textContent ?? "[]");
const text = find<HTMLTextAreaElement>("#polygon");
const words = find("[data-read]");
const drawButton = find<HTMLButtonElement>("[data-draw]");
const undo = find<HTMLButtonElement>("[data-undo]");
const map = new ZoneMap(find<HTMLCanvasElement>("canvas", place));
const all = (): Shape[] => zones.map((one) => one.polygon);

function list(chosen = ""): void {
  map.shapes = zones.map((one) => ({ shape: one.polygon, name: one.name, chosen: one.id === chosen }));
}

/** What is written becomes what is drawn, and the reverse. */
function follow(): void {
  let told = "";
  try {
    const shape = read(text.value);
    const ring = shape ? (ringsOf(shape)[0] ?? []).slice(0, -1) : [];
    map.draft = ring;
    if (ring.length) {
      const size = area(ring);
      told = `${say("corners", { count: ring.length })}, ${say("area", { x: number(size, size < 10 ? 2 : 0) })}`;
    }
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    told = say(error.why, { line: error.line });
    if (error.why !== "few") map.draft = [];
  }
  words.textContent = told;
  undo.hidden = map.draft.length === 0;
  map.draw();
}

function put(ring: Point[]): void {
  text.value = write(ring);
  follow();
  map.draft = ring; // also while they are too few for a zone
  undo.hidden = ring.length === 0;
  map.draw();
}

map.clicked = (at) => put([...map.draft, at]);
map.moved = (corner, to) => put(map.draft.map((one, at) => (at === corner ? to : one)));
text.addEventListener("input", follow);
text.addEventListener("change", () => map.draft.length > 2 && map.fit([{ type: "Polygon", coordinates: [map.draft] }]));
undo.addEventListener("click", () => put(map.draft.slice(0, -1)));
drawButton.addEventListener("click", () => {
  map.drawing = !map.drawing;
  drawButton.setAttribute("aria-pressed", String(map.drawing));
  place.classList.toggle("drawing", map.drawing);
});
find("[data-all]").addEventListener("click", () => map.fit(all()));
find("[data-in]").addEventListener("click", () => map.zoomBy(1));
find("[data-out]").addEventListener("click", () => map.zoomBy(-1));
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-show]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const zone = zones.find((one) => one.id === button.dataset.show);
    if (!zone) return;
    list(zone.id);
    map.fit([zone.polygon]);
    place.scrollIntoView({ block: "center" });
  });
}

list();
map.fit(all());
follow();
