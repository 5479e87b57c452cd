// Lengths and areas between points of a model, and how far they can be wrong. Everything is in the scene's unit.
import { Vector3 } from "three";
import { number, say } from "../texts";

export const MEASURES = ["distance", "height", "area"] as const;
export type Measure = (typeof MEASURES)[number];

/** By how much each place on the model may be wrong, and each length by the scale as a share of it (95 %). */
export interface Wrong {
  place: number;
  scale: number;
}

/** A figure, and its error (95 %). */
export interface Figure {
  value: number;
  error: number | null;
}

/** Points that a measure takes: at least, and at most. */
export const TAKES: Record<Measure, [number, number]> = { distance: [2, 2], height: [2, 2], area: [3, 60] };

/** What `points` measure; null: there are too few. `wrong`: null if nobody knows it. */
export function measured(kind: Measure, points: Vector3[], wrong: Wrong | null): Figure | null {
  if (points.length < TAKES[kind][0]) return null;
  const [a, b] = points as [Vector3, Vector3];
  if (kind === "area") return areaOf(points, wrong);
  const value = kind === "distance" ? a.distanceTo(b) : Math.abs(a.y - b.y);
  return { value, error: wrong && Math.hypot(wrong.place * Math.SQRT2, wrong.scale * value) };
}

/** Of a polygon that need not be flat: half the length of the sum of its cross products (Newell). */
function areaOf(points: Vector3[], wrong: Wrong | null): Figure {
  const first = points[0] as Vector3;
  const sum = new Vector3();
  let squares = 0; // each point moves the area by half the way between its neighbours
  for (const [at, point] of points.entries()) {
    const next = points[(at + 1) % points.length] as Vector3;
    const before = points.at(at - 1) as Vector3;
    sum.add(point.clone().sub(first).cross(next.clone().sub(first)));
    squares += next.distanceToSquared(before);
  }
  const value = sum.length() / 2;
  return { value, error: wrong && Math.hypot((wrong.place / 2) * Math.sqrt(squares), 2 * wrong.scale * value) };
}

/** A length as people say it, with no more digits than an error of it leaves. */
export function length(value: number, unit: "m" | "unit", error: number | null = null): string {
  if (unit === "unit") return say("sides", { x: number(value, 3) });
  if (value < 0.01) return say("mm", { x: number(value * 1e3, digits(1, error, 1e3)) });
  if (value < 1) return say("cm", { x: number(value * 1e2, digits(1, error, 1e2)) });
  return say("m", { x: number(value, digits(value < 100 ? 3 : 2, error)) });
}

function area(value: number, unit: "m" | "unit", error: number | null = null): string {
  if (unit === "unit") return say("sides2", { x: number(value, 3) });
  if (value < 0.1) return say("cm2", { x: number(value * 1e4, digits(1, error, 1e4)) });
  return say("m2", { x: number(value, digits(3, error)) });
}

/** Digits after the point: at most `most`; the last one is where the error begins. */
function digits(most: number, error: number | null, times = 1): number {
  return error ? Math.max(0, Math.min(most, -Math.floor(Math.log10(error * times)))) : most;
}

/** A figure in words, with its error or why there is none. */
export function inWords(kind: Measure, figure: Figure, unit: "m" | "unit"): { value: string; error: string } {
  const said = kind === "area" ? area : length;
  const value = said(figure.value, unit, figure.error);
  if (unit === "unit") return { value, error: say("scale unknown") };
  return { value, error: figure.error === null ? say("error unknown") : say("error", { x: said(figure.error, unit) }) };
}
