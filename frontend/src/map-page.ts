// The map of the archive. The page holds a drawing already, with links to move it; this moves it under the
// finger, the mouse and the arrow keys, and asks for the cells that come into view.
import { find, svg } from "./dom";
import { number, say } from "./texts";

type Point = [number, number];

interface Feature {
  id: string;
  geometry: { coordinates: Point[][] };
  properties: { records: number; middle: Point };
}

const WORLD = 65536; // units of the land's file
const TILE = 256;
const [LEAST, MOST] = [2, 12];
const TONES = [1, 3, 10, 30, 100];
const WAIT = 180; // ms without a move until cells are asked for
const FINER = 0.5; // zoom by which cells are smaller than a map of tiles would have them
const FAR = 4; // pixels that a click may tremble

const atlas = find("#atlas");
const drawing = find<SVGSVGElement>("svg", atlas);
const world = find<SVGGElement>(".world", drawing);
const cells = find<SVGGElement>(".cells", drawing);
const towns = find<SVGGElement>(".towns", drawing);
const status = find("[data-found]");
const asked = new URLSearchParams();
if (atlas.dataset.query) asked.set("q", atlas.dataset.query);
if (atlas.dataset.kind) asked.set("kind", atlas.dataset.kind);
const places = [...towns.querySelectorAll<SVGGElement>("[data-lat]")];

let middle: Point = [x(Number(atlas.dataset.lon)), y(Number(atlas.dataset.lat))];
let zoom = Number(atlas.dataset.zoom);
let shown: Feature[] = [];
let timer = 0;
let asking: AbortController | null = null;

function draw(): void {
  const { clientWidth: width, clientHeight: height } = drawing;
  const scale = TILE * 2 ** zoom;
  const pixel = ([lon, lat]: Point): string =>
    `${((x(lon) - middle[0]) * scale + width / 2).toFixed(1)},${((y(lat) - middle[1]) * scale + height / 2).toFixed(1)}`;
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const [left, top] = [width / 2 - middle[0] * scale, height / 2 - middle[1] * scale];
  world.setAttribute("transform", `translate(${left} ${top}) scale(${scale / WORLD})`);
  const focused = document.activeElement?.getAttribute("data-cell");
  cells.replaceChildren(...shown.map((one) => cell(one, pixel)));
  if (focused) cells.querySelector<SVGAElement>(`[data-cell="${focused}"]`)?.focus();
  for (const one of places) {
    const at = pixel([Number(one.dataset.lon), Number(one.dataset.lat)]);
    one.setAttribute("transform", `translate(${at})`);
    if (Number(one.dataset.zoom) <= zoom + 0.5) one.removeAttribute("display");
    else one.setAttribute("display", "none");
  }
}

function cell(one: Feature, pixel: (at: Point) => string): SVGElement {
  const { records, middle: at } = one.properties;
  const words = say("one", { count: records });
  const link = svg("a", {
    href: `/search?${new URLSearchParams([...asked, ["cell", one.id]])}`,
    class: `cell tone${TONES.filter((least) => records >= least).length}`,
    "data-cell": one.id,
    "aria-label": words,
  });
  const title = svg("title");
  title.textContent = words;
  link.append(title, svg("polygon", { points: (one.geometry.coordinates[0] ?? []).map(pixel).join(" ") }));
  if (records > 1) {
    const [left = "0", top = "0"] = pixel(at).split(",");
    const text = svg("text", { x: left, y: top });
    text.textContent = number(records);
    link.append(text);
  }
  return link;
}

/** Ask for the cells in view, once the map stands still. */
function ask(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => void fetched(), WAIT);
}

async function fetched(): Promise<void> {
  asking?.abort();
  asking = new AbortController();
  const half = [drawing.clientWidth / 2, drawing.clientHeight / 2].map((one) => one / (TILE * 2 ** zoom)) as Point;
  const given = new URLSearchParams({
    south: latitude(Math.min(1, middle[1] + half[1])).toFixed(4),
    north: latitude(Math.max(0, middle[1] - half[1])).toFixed(4),
    west: Math.max(-180, longitude(middle[0] - half[0])).toFixed(4),
    east: Math.min(180, longitude(middle[0] + half[0])).toFixed(4),
    zoom: String(Math.ceil(zoom + FINER)),
  });
  if (atlas.dataset.query) given.set("text", atlas.dataset.query);
  if (atlas.dataset.kind) given.set("filter", `kind:${atlas.dataset.kind}`);
  try {
    const answer = await fetch(`/api/v1/map.geojson?${given}`, { signal: asking.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    shown = ((await answer.json()) as { features: Feature[] }).features;
  } catch (error) {
    if ((error as Error).name !== "AbortError") status.textContent = say("away");
    return;
  }
  draw();
  const count = shown.reduce((sum, one) => sum + one.properties.records, 0);
  status.textContent = say("found", { count });
  const kept = new URLSearchParams(asked);
  kept.set("lat", latitude(middle[1]).toFixed(3));
  kept.set("lon", longitude(middle[0]).toFixed(3));
  kept.set("zoom", String(Math.round(zoom)));
  history.replaceState(null, "", `${location.pathname}?${kept}`);
}

function moveBy(right: number, down: number): void {
  const scale = TILE * 2 ** zoom;
  middle = [within(middle[0] + right / scale, 0, 1), within(middle[1] + down / scale, 0, 1)];
  draw();
  ask();
}

/** Come closer by `steps`; what lies under `at` stays there. */
function zoomBy(steps: number, at: Point = [drawing.clientWidth / 2, drawing.clientHeight / 2]): void {
  const before = TILE * 2 ** zoom;
  zoom = within(zoom + steps, LEAST, MOST);
  const after = TILE * 2 ** zoom;
  const [right, down] = [at[0] - drawing.clientWidth / 2, at[1] - drawing.clientHeight / 2];
  middle = [middle[0] + right / before - right / after, middle[1] + down / before - down / after];
  moveBy(0, 0);
}

const held = new Map<number, Point>();
let far = 0;

function spot(event: PointerEvent | WheelEvent): Point {
  const box = drawing.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

drawing.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  if (held.size === 0) far = 0;
  held.set(event.pointerId, spot(event));
});
drawing.addEventListener("pointermove", (event) => {
  const last = held.get(event.pointerId);
  if (!last) return;
  const now = spot(event);
  const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
  far += distance(last, now);
  if (far > FAR && !drawing.hasPointerCapture(event.pointerId)) drawing.setPointerCapture(event.pointerId);
  held.set(event.pointerId, now);
  if (other) {
    zoomBy(Math.log2(distance(now, other) / Math.max(1, distance(last, other))), [
      (now[0] + other[0]) / 2,
      (now[1] + other[1]) / 2,
    ]);
    moveBy((last[0] - now[0]) / 2, (last[1] - now[1]) / 2);
  } else moveBy(last[0] - now[0], last[1] - now[1]);
});
for (const name of ["pointerup", "pointercancel"] as const)
  drawing.addEventListener(name, (event) => held.delete(event.pointerId));
drawing.addEventListener("click", (event) => far > FAR && event.preventDefault(), true);
drawing.addEventListener("dragstart", (event) => event.preventDefault());
drawing.addEventListener("dblclick", (event) => {
  event.preventDefault();
  const box = drawing.getBoundingClientRect();
  zoomBy(1, [event.clientX - box.left, event.clientY - box.top]);
});
drawing.addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // a page that is scrolled stays scrolling
    event.preventDefault();
    zoomBy(-event.deltaY / 100, spot(event));
  },
  { passive: false },
);
drawing.addEventListener("keydown", (event) => {
  const step = 90;
  const moves: Record<string, () => void> = {
    ArrowLeft: () => moveBy(-step, 0), ArrowRight: () => moveBy(step, 0), ArrowUp: () => moveBy(0, -step),
    ArrowDown: () => moveBy(0, step), "+": () => zoomBy(1), "=": () => zoomBy(1), "-": () => zoomBy(-1),
  };
  const move = moves[event.key];
  if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  move();
});
const ways: Record<string, () => void> = {
  in: () => zoomBy(1), out: () => zoomBy(-1), west: () => moveBy(-160, 0), east: () => moveBy(160, 0),
  north: () => moveBy(0, -160), south: () => moveBy(0, 160),
};
for (const link of atlas.querySelectorAll<HTMLAnchorElement>("[data-way]"))
  link.addEventListener("click", (event) => {
    event.preventDefault();
    ways[link.dataset.way ?? ""]?.();
  });

// Mercator, with the world as a square of side 1.
function x(lon: number): number {
  return lon / 360 + 0.5;
}
function y(lat: number): number {
  const sine = Math.sin((Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
}
function longitude(at: number): number {
  return (at - 0.5) * 360;
}
function latitude(at: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * at))) * 180) / Math.PI;
}
function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

if (!new URLSearchParams(location.search).has("zoom") && drawing.clientWidth < 600) zoom -= 1;
atlas.classList.add("live");
drawing.setAttribute("tabindex", "0");
find("[data-keys]").hidden = false;
new ResizeObserver(() => {
  draw();
  ask();
}).observe(drawing);
