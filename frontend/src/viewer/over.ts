// What lies over the picture: lines and figures of measures, and pins of annotations. All of it is HTML and SVG,
// moved with the model after each frame.
import type { Vector3 } from "three";
import { make, svg } from "../dom";
import type { Stage } from "./stage";

const HIDDEN_MS = 120; // at rest, before it is asked what hides a pin

interface Pin {
  at: Vector3;
  button: HTMLButtonElement;
}

export class Over {
  readonly element = make("div", { class: "viewer-over" });
  private readonly drawing = svg("svg", { "aria-hidden": "true" });
  private readonly label = make("div", { class: "viewer-figure", hidden: "", "aria-hidden": "true" });
  private readonly cross = make("div", { class: "viewer-cross", hidden: "", "aria-hidden": "true" });
  private pins: Pin[] = [];
  private points: Vector3[] = [];
  private closed = false;
  private timer = 0;

  constructor(
    private readonly stage: Stage,
    private readonly seen: (point: Vector3) => boolean,
  ) {
    this.element.append(this.drawing, this.label, this.cross);
    stage.drawn.push(() => this.place());
  }

  /** Show these points, joined; `closed`: the last with the first. `words` stand in their middle. */
  line(points: Vector3[], closed: boolean, words: string): void {
    this.points = points;
    this.closed = closed;
    this.label.textContent = words;
    this.place();
  }

  /** Whether the middle of the picture is marked: keys point there. */
  aim(on: boolean): void {
    this.cross.hidden = !on;
  }

  /** Pins with numbers. */
  pin(all: { at: Vector3; words: string; chosen: () => void }[]): HTMLButtonElement[] {
    for (const { button } of this.pins) button.remove();
    this.pins = all.map(({ at, words, chosen }, number) => {
      const button = make("button", { type: "button", class: "viewer-pin", "aria-label": words }, make("span", {}, `${number + 1}`));
      button.addEventListener("click", chosen);
      return { at, button };
    });
    this.element.append(...this.pins.map((one) => one.button));
    this.place();
    return this.pins.map((one) => one.button);
  }

  /** Which pins can be seen, by their numbers from 0. */
  get inView(): number[] {
    const { clientWidth: width, clientHeight: height } = this.stage.canvas;
    return [...this.pins.keys()].filter((number) => {
      const pin = this.pins[number];
      const found = pin && this.stage.pixel(pin.at);
      return found && found.x > 0 && found.y > 0 && found.x < width && found.y < height && this.seen(pin.at);
    });
  }

  private place(): void {
    for (const { at, button } of this.pins) {
      const found = this.stage.pixel(at);
      button.classList.toggle("away", !found);
      if (found) button.style.transform = `translate(${found.x.toFixed(1)}px, ${found.y.toFixed(1)}px)`;
    }
    if (this.pins.length) {
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.hide(), HIDDEN_MS);
    }
    this.trace();
  }

  private hide(): void {
    for (const { at, button } of this.pins) button.classList.toggle("behind", !this.seen(at));
  }

  private trace(): void {
    const places = this.points.map((one) => this.stage.pixel(one)).filter((one) => one !== null);
    this.drawing.replaceChildren();
    this.label.hidden = !places.length || !this.label.textContent;
    if (!places.length) return;
    const corners = places.map((one) => `${one.x.toFixed(1)},${one.y.toFixed(1)}`).join(" ");
    const kind = this.closed ? "polygon" : "polyline";
    for (const look of ["under", "upper"]) this.drawing.append(svg(kind, { points: corners, class: look }));
    for (const { x, y } of places) this.drawing.append(svg("circle", { cx: x, cy: y, r: 5 }));
    const x = places.reduce((sum, one) => sum + one.x, 0) / places.length;
    const y = Math.min(...places.map((one) => one.y));
    this.label.style.transform = `translate(${x.toFixed(1)}px, ${Math.max(8, y - 44).toFixed(1)}px) translateX(-50%)`;
  }
}
