// Draws what lies under the map of the archive: land and borders of Natural Earth (world-atlas) as one SVG, in
// Web Mercator with 65536 units round the Earth. Around Ukraine as fine as the source; further away coarser, and
// without small islands, so that it is light. Pages give it their colours: its paths have none.
import { readFileSync } from "node:fs";
import { merge, mesh } from "topojson-client";

const WORLD = 65536;
const NEAR = { west: 12, south: 41, east: 46, north: 58 };
const FINE = 0.01; // degrees that a line may be off
const COARSE = 0.12;
const LEAST = 0.8; // degrees across, of an island far away
// The source draws a border through the isthmus of Crimea. There is none: Crimea is Ukraine.
const CRIMEA = { west: 32.4, south: 44.2, east: 36.8, north: 46.4 };

const within = ([lon, lat], box) => lon > box.west && lon < box.east && lat > box.south && lat < box.north;

export function land() {
  const world = JSON.parse(readFileSync(new URL("node_modules/world-atlas/countries-50m.json", import.meta.url)));
  const { scale, translate } = world.transform;
  const arcs = world.arcs.map((arc) => {
    let [x, y] = [0, 0];
    const points = arc.map(([dx, dy]) => [
      (x += dx) * scale[0] + translate[0],
      (y += dy) * scale[1] + translate[1],
    ]);
    return simplified(points, points.some((one) => within(one, NEAR)) ? FINE : COARSE);
  });
  const topology = { ...world, arcs };
  delete topology.transform;
  const rings = merge(topology, world.objects.countries.geometries).coordinates.flat().filter(large);
  const borders = mesh(topology, world.objects.countries, (a, b) => a !== b).coordinates;
  const lines = borders.filter((line) => !line.every((one) => within(one, CRIMEA)));
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WORLD} ${WORLD}">` +
    `<path id="land" vector-effect="non-scaling-stroke" fill-rule="evenodd" d="${rings.map((one) => path(one, "z")).join("")}"/>` +
    `<path id="borders" vector-effect="non-scaling-stroke" d="${lines.map((one) => path(one, "")).join("")}"/></svg>`
  );
}

function large(ring) {
  if (ring.length < 4) return false;
  if (ring.some((one) => within(one, NEAR))) return true;
  const across = (at) => Math.max(...ring.map((one) => one[at])) - Math.min(...ring.map((one) => one[at]));
  return across(0) > LEAST || across(1) > LEAST;
}

/** Douglas and Peucker's line through the points that matter. */
function simplified(points, most) {
  if (points.length < 3) return points;
  const [first, last] = [points[0], points[points.length - 1]];
  let [far, at] = [0, 0];
  for (let i = 1; i < points.length - 1; i++) {
    const off = distance(points[i], first, last);
    if (off > far) [far, at] = [off, i];
  }
  if (far <= most) return [first, last];
  return [...simplified(points.slice(0, at + 1), most).slice(0, -1), ...simplified(points.slice(at), most)];
}

function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const long = dx * dx + dy * dy;
  const along = long ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / long)) : 0;
  return Math.hypot(x - ax - along * dx, y - ay - along * dy);
}

function path(points, end) {
  let [x, y] = project(points[0]);
  let told = `M${x} ${y}l`;
  const steps = [];
  for (const one of points.slice(1)) {
    const [px, py] = project(one);
    if (px === x && py === y) continue;
    steps.push(px - x, py - y);
    [x, y] = [px, py];
  }
  if (steps.length < 2) return "";
  for (const [at, step] of steps.entries()) told += at && step >= 0 ? ` ${step}` : `${step}`;
  return told + end;
}

function project([lon, lat]) {
  const sine = Math.sin((Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 180);
  const down = 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
  return [Math.round((lon / 360 + 0.5) * WORLD), Math.round(down * WORLD)];
}
