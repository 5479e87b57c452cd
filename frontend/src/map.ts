// A map on a canvas, without tiles and without any other server: coasts, a grid, a scale, and shapes.
import { feature } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { type Point, ringsOf, type Shape } from "./corners";
import { number, say } from "./texts";

const TILE = 256; // world width in pixels at zoom 0
const MOST = 19;

export interface Drawn {
  shape: Shape;
  name: string;
  chosen: boolean;
}

export class ZoneMap {
  shapes: Drawn[] = [];
  draft: Point[] = [];
  clicked: (at: Point) => void = () => {};
  moved: (corner: number, to: Point) => void = () => {};
  drawing = false;
  private middle: Point = [31, 48.5];
  private zoom = 4.4;
  private land: Point[][] = [];
  private readonly paper: CanvasRenderingContext2D;

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.paper = canvas.getContext("2d") as CanvasRenderingContext2D;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    canvas.addEventListener("pointerdown", (event) => this.drag(event));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.zoomBy(event.deltaY < 0 ? 0.5 : -0.5, [event.offsetX, event.offsetY]);
      },
      { passive: false },
    );
    void import("world-atlas/land-50m.json").then(({ default: told }) => {
      const world = told as unknown as Topology<{ land: GeometryCollection }>;
      for (const one of feature(world, world.objects.land).features) {
        if (one.geometry.type === "MultiPolygon") this.land.push(...(one.geometry.coordinates.flat() as Point[][]));
        if (one.geometry.type === "Polygon") this.land.push(...(one.geometry.coordinates as Point[][]));
      }
      this.draw();
    });
  }

  /** Show all of `shapes`, or the whole country round the middle if there are none. */
  fit(shapes: Shape[]): void {
    const points = shapes.flatMap((one) => ringsOf(one).flat());
    if (points.length) {
      const xs = points.map((one) => x(one[0]));
      const ys = points.map((one) => y(one[1]));
      const [left, right] = [Math.min(...xs), Math.max(...xs)];
      const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
      this.middle = [longitude((left + right) / 2), latitude((top + bottom) / 2)];
      const { clientWidth: width, clientHeight: height } = this.canvas;
      const room = Math.min(width / Math.max(right - left, 1e-9), height / Math.max(bottom - top, 1e-9)) * 0.7;
      this.zoom = Math.min(15, Math.log2(room / TILE));
    }
    this.draw();
  }

  zoomBy(steps: number, at?: Point): void {
    const kept = at && this.place(at);
    this.zoom = Math.min(MOST, Math.max(0, this.zoom + steps));
    if (at && kept) {
      const now = this.pixel(kept);
      this.panBy(now[0] - at[0], now[1] - at[1]);
    } else this.draw();
  }

  draw(): void {
    const { canvas, paper } = this;
    const dense = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (!width) return;
    canvas.width = width * dense;
    canvas.height = height * dense;
    paper.setTransform(dense, 0, 0, dense, 0, 0);
    const colours = getComputedStyle(canvas);
    const colour = (name: string): string => colours.getPropertyValue(`--${name}`);
    paper.fillStyle = colour("well");
    paper.fillRect(0, 0, width, height);
    this.trace(this.land);
    paper.fillStyle = colour("card");
    paper.fill("evenodd");
    paper.strokeStyle = colour("edge");
    paper.lineWidth = 1;
    paper.stroke();
    this.grid(width, height, colour("line"), colour("soft"));
    paper.font = "600 13px system-ui, sans-serif";
    for (const { shape, name, chosen } of this.shapes) {
      this.trace(ringsOf(shape));
      paper.fillStyle = colour("stop");
      paper.globalAlpha = chosen ? 0.4 : 0.2;
      paper.fill("evenodd");
      paper.globalAlpha = 1;
      paper.strokeStyle = colour("stop");
      paper.lineWidth = chosen ? 3 : 1.5;
      paper.stroke();
      const [left, top] = this.pixel(topOf(ringsOf(shape)[0] ?? []));
      const most = width - paper.measureText(name).width - 8;
      paper.fillText(name, Math.max(6, Math.min(left + 4, most)), Math.max(16, top - 6));
    }
    this.drawDraft(colour("accent"), colour("card"));
    this.scale(width, height, colour("ink"));
  }

  private drawDraft(line: string, paper: string): void {
    if (!this.draft.length) return;
    const canvas = this.paper;
    this.trace([this.draft]);
    canvas.strokeStyle = line;
    canvas.fillStyle = line;
    canvas.lineWidth = 2;
    canvas.globalAlpha = 0.15;
    canvas.fill();
    canvas.globalAlpha = 1;
    canvas.stroke();
    for (const one of this.draft) {
      const [left, top] = this.pixel(one);
      canvas.beginPath();
      canvas.arc(left, top, 6, 0, 7);
      canvas.fillStyle = paper;
      canvas.fill();
      canvas.stroke();
    }
  }

  private trace(rings: Point[][]): void {
    this.paper.beginPath();
    for (const ring of rings) {
      for (const [at, one] of ring.entries()) {
        const [left, top] = this.pixel(one);
        if (at === 0) this.paper.moveTo(left, top);
        else this.paper.lineTo(left, top);
      }
      this.paper.closePath();
    }
  }

  private grid(width: number, height: number, line: string, words: string): void {
    const { paper } = this;
    const degrees = (360 / (TILE * 2 ** this.zoom)) * 110;
    const step = STEPS.find((one) => one >= degrees) ?? 30;
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const [west, north] = this.place([0, 0]);
    const [east, south] = this.place([width, height]);
    paper.strokeStyle = line;
    paper.fillStyle = words;
    paper.lineWidth = 1;
    paper.font = "11px system-ui, sans-serif";
    for (let at = Math.ceil(west / step); at * step < east; at++) {
      const lon = at * step + 0; // never -0
      const [left] = this.pixel([lon, 0]);
      paper.fillRect(left, 0, 0.5, height);
      paper.fillText(`${number(lon, digits)}°`, left + 3, 12);
    }
    for (let at = Math.ceil(Math.max(-85, south) / step); at * step < Math.min(85, north); at++) {
      const lat = at * step + 0;
      const [, top] = this.pixel([0, lat]);
      paper.fillRect(0, top, width, 0.5);
      paper.fillText(`${number(lat, digits)}°`, 3, top - 3);
    }
  }

  private scale(width: number, height: number, ink: string): void {
    const metres = (40075016 * Math.cos((this.middle[1] * Math.PI) / 180)) / (TILE * 2 ** this.zoom);
    const most = metres * Math.min(160, width / 3);
    const power = 10 ** Math.floor(Math.log10(most));
    const long = [5, 2, 1].map((one) => one * power).find((one) => one <= most) ?? power;
    const words = long < 1000 ? say("m", { x: number(long) }) : say("km", { x: number(long / 1000) });
    this.paper.fillStyle = ink;
    this.paper.fillRect(width - 14 - long / metres, height - 14, long / metres, 3);
    this.paper.font = "12px system-ui, sans-serif";
    this.paper.fillText(words, width - 14 - long / metres, height - 19);
  }

  private drag(begun: PointerEvent): void {
    const start: Point = [begun.offsetX, begun.offsetY];
    const corner = this.draft.findIndex((one) => distance(this.pixel(one), start) < 14);
    let last = start;
    let far = 0;
    const stop = new AbortController();
    this.canvas.setPointerCapture(begun.pointerId);
    this.canvas.addEventListener(
      "pointermove",
      (event) => {
        const now: Point = [event.offsetX, event.offsetY];
        far = Math.max(far, distance(now, start));
        if (corner >= 0 && far > 3) this.moved(corner, this.place(now));
        else if (corner < 0) this.panBy(last[0] - now[0], last[1] - now[1]);
        last = now;
      },
      { signal: stop.signal },
    );
    const end = (): void => {
      stop.abort();
      if (far <= 3 && corner < 0 && this.drawing) this.clicked(this.place(start));
    };
    this.canvas.addEventListener("pointerup", end, { signal: stop.signal });
    this.canvas.addEventListener("pointercancel", () => stop.abort(), { signal: stop.signal });
  }

  private key(event: KeyboardEvent): void {
    const pan: Record<string, Point> = {
      ArrowLeft: [-60, 0], ArrowRight: [60, 0], ArrowUp: [0, -60], ArrowDown: [0, 60],
    };
    const by = pan[event.key];
    if (by) this.panBy(...by);
    else if (event.key === "+" || event.key === "=") this.zoomBy(0.5);
    else if (event.key === "-") this.zoomBy(-0.5);
    else if (event.key === "Enter" && this.drawing) this.clicked(this.middle);
    else return;
    event.preventDefault();
  }

  private panBy(right: number, down: number): void {
    const wide = TILE * 2 ** this.zoom;
    const high = Math.min(1, Math.max(0, y(this.middle[1]) + down / wide));
    this.middle = [longitude(x(this.middle[0]) + right / wide), latitude(high)];
    this.draw();
  }

  private pixel([lon, lat]: Point): Point {
    const wide = TILE * 2 ** this.zoom;
    return [
      (x(lon) - x(this.middle[0])) * wide + this.canvas.clientWidth / 2,
      (y(lat) - y(this.middle[1])) * wide + this.canvas.clientHeight / 2,
    ];
  }

  private place([left, top]: Point): Point {
    const wide = TILE * 2 ** this.zoom;
    return [
      longitude(x(this.middle[0]) + (left - this.canvas.clientWidth / 2) / wide),
      latitude(y(this.middle[1]) + (top - this.canvas.clientHeight / 2) / wide),
    ];
  }
}

const STEPS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30];

// Mercator, with the world as a square of side 1.
const x = (lon: number): number => lon / 360 + 0.5;
const y = (lat: number): number => {
  const sine = Math.sin((Math.max(-85.05, Math.min(85.05, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
};
const longitude = (at: number): number => (at - 0.5) * 360;
const latitude = (at: number): number => (Math.atan(Math.sinh(Math.PI * (1 - 2 * at))) * 180) / Math.PI;
const distance = (a: Point, b: Point): number => Math.hypot(a[0] - b[0], a[1] - b[1]);
const topOf = (ring: Point[]): Point => ring.reduce((high, one) => (one[1] > high[1] ? one : high), ring[0] ?? [0, 0]);
