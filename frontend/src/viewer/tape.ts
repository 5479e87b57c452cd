// The panel of measuring: points are set by clicking, tapping, or with Enter in the middle of the picture.
import type { Vector3 } from "three";
import { make } from "../dom";
import { say } from "../texts";
import { button, choice } from "./bar";
import { inWords, type Measure, MEASURES, measured, TAKES, type Wrong } from "./measuring";
import type { Over } from "./over";

export class Tape {
  readonly panel = make("div", { class: "viewer-panel" });
  active = false;
  /** What is measured changed: in the scene's unit, with how far off clicking may be; null: nothing is. */
  measured: (kind: Measure, value: number | null, off: number) => void = () => {};
  private kind: Measure = "distance";
  private points: Vector3[] = [];
  private exact: number[] = []; // how far off each may be by clicking
  private readonly told = make("output", { class: "viewer-told" });

  constructor(
    private readonly over: Over,
    private readonly unit: "m" | "unit",
    private readonly wrong: Wrong | null,
  ) {
    const kinds = MEASURES.map((one): [string, string] => [one, say(one)]);
    const row = make("div", { class: "row" }, button(say("undo"), "undo", () => this.undo()), button(say("anew"), "close", () => this.clear()));
    this.panel.append(
      choice(say("what to measure"), "measure", kinds, this.kind, (value) => this.choose(value as Measure)),
      this.told,
      row,
    );
    this.show();
  }

  begin(): void {
    this.active = true;
    this.over.aim(true);
    this.show();
  }

  end(): void {
    this.active = false;
    this.over.aim(false);
    this.clear();
  }

  /** Take a point, which clicking may have put `off` beside its place. */
  add(point: Vector3, off: number): void {
    const [, most] = TAKES[this.kind];
    if (this.points.length >= most) this.points = this.exact = [];
    this.points = [...this.points, point];
    this.exact = [...this.exact, off];
    this.show();
  }

  /** Say that there is no point where somebody wanted one. */
  miss(): void {
    this.told.textContent = say("no surface");
  }

  private choose(kind: Measure): void {
    this.kind = kind;
    this.clear();
  }

  private undo(): void {
    this.points = this.points.slice(0, -1);
    this.exact = this.exact.slice(0, -1);
    this.show();
  }

  private clear(): void {
    this.points = this.exact = [];
    this.show();
  }

  private show(): void {
    const figure = measured(this.kind, this.points, this.wrong);
    this.measured(this.kind, figure && figure.value, Math.hypot(...this.exact));
    const left = Math.max(0, TAKES[this.kind][0] - this.points.length);
    const words = figure && inWords(this.kind, figure, this.unit);
    if (words) this.told.replaceChildren(make("strong", {}, words.value), " ", make("span", { class: "soft" }, words.error));
    else this.told.textContent = say("set points", { count: left });
    this.over.line(this.lines(), this.kind === "area" && this.points.length > 2, words ? words.value : "");
  }

  /** What is drawn: for a height, its plumb line too. */
  private lines(): Vector3[] {
    const [a, b] = this.points;
    if (this.kind !== "height" || !a || !b) return this.points;
    const corner = a.clone();
    corner.y = b.y;
    return [a, corner, b];
  }
}
