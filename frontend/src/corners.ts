// The corners of a zone as a person writes them: "latitude, longitude" on each line, or GeoJSON.

export type Point = [number, number]; // longitude, latitude: as GeoJSON has it
export interface Polygon {
  type: "Polygon";
  coordinates: Point[][];
}
export interface MultiPolygon {
  type: "MultiPolygon";
  coordinates: Point[][][];
}
export type Shape = Polygon | MultiPolygon;

export class Unreadable extends Error {
  constructor(readonly why: "unreadable" | "geojson" | "few", readonly line = 0) {
    super(why);
  }
}

/** Raises `Unreadable`. Nothing written: null. */
export function read(text: string): Shape | null {
  if (!text.trim()) return null;
  return text.trim().startsWith("{") ? fromJson(text) : fromLines(text);
}

function fromLines(text: string): Polygon {
  const ring: Point[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (!line.trim()) continue;
    const [latitude, longitude, more] = line.trim().split(/[,;\s]+/).filter(Boolean).map(Number);
    const good =
      latitude !== undefined && longitude !== undefined && more === undefined &&
      Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
    if (!good) throw new Unreadable("unreadable", at + 1);
    ring.push([longitude, latitude]);
  }
  if (ring.length < 3) throw new Unreadable("few");
  return { type: "Polygon", coordinates: [[...ring, ring[0] as Point]] };
}

function fromJson(text: string): Shape {
  let told: { type?: string; geometry?: unknown; features?: unknown[]; coordinates?: unknown };
  try {
    told = JSON.parse(text);
  } catch {
    throw new Unreadable("geojson");
  }
  if (told?.type === "FeatureCollection" && told.features?.length === 1) told = told.features[0] as typeof told;
  if (told?.type === "Feature") told = told.geometry as typeof told;
  const known = told?.type === "Polygon" || told?.type === "MultiPolygon";
  if (!known || !Array.isArray(told.coordinates) || told.coordinates.length === 0) throw new Unreadable("geojson");
  const shape = told as Shape;
  for (const ring of ringsOf(shape)) {
    if (!Array.isArray(ring) || ring.length < 4 || !ring.every(isPoint)) throw new Unreadable("geojson");
  }
  return shape;
}

function isPoint(one: unknown): one is Point {
  return Array.isArray(one) && Math.abs(Number(one[0])) <= 180 && Math.abs(Number(one[1])) <= 90;
}

export function ringsOf(shape: Shape): Point[][] {
  return shape.type === "Polygon" ? shape.coordinates : shape.coordinates.flat();
}

export function write(ring: Point[]): string {
  return ring.map(([longitude, latitude]) => `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`).join("\n");
}

/** Square kilometres inside the outer ring, on a sphere. */
export function area(ring: Point[]): number {
  const radius = 6371.0088;
  const rad = Math.PI / 180;
  let sum = 0;
  for (const [at, [lon, lat]] of ring.entries()) {
    const [next, high] = ring[(at + 1) % ring.length] as Point;
    sum += (next - lon) * rad * (2 + Math.sin(lat * rad) + Math.sin(high * rad));
  }
  return Math.abs((sum * radius * radius) / 2);
}
