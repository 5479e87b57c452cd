// Where there is no WebGL: pictures from all around, turned by dragging, by keys or with a slider.
import { make } from "../dom";
import { number, say } from "../texts";
import { slider } from "./bar";
import { filesOf, type PublicRecord } from "./record";

const DRAG_PX = 18; // for a picture

export class Turntable {
  readonly stage = make("div", { class: "viewer-table" });
  readonly controls: HTMLElement;
  private at = 0;
  private readonly image = make("img", { class: "viewer-turned", draggable: "false" });
  private readonly pictures: HTMLImageElement[];
  private readonly slider;

  constructor(record: PublicRecord, private readonly title: string) {
    this.pictures = filesOf(record, "turntable").map((one) => make("img", { src: one.address, alt: "" }));
    this.stage.append(this.image);
    const count = this.pictures.length;
    const told = (value: number): string => say("picture of", { number: value + 1, all: count });
    this.slider = slider(say("turn"), "picture", { min: 0, max: Math.max(0, count - 1), step: 1, value: 0 }, told, (value) => this.show(value));
    this.controls = make("div", { class: "viewer-panel" }, make("p", { class: "soft small" }, say("no 3D")), this.slider.field);
    this.stage.addEventListener("pointerdown", (event) => this.drag(event));
    this.show(0);
  }

  private show(at: number): void {
    const count = this.pictures.length;
    this.at = ((at % count) + count) % count;
    this.image.src = this.pictures[this.at]?.src ?? "";
    this.image.alt = say("turned picture", { title: this.title, number: number(this.at + 1), all: number(count) });
    this.slider?.set(this.at);
  }

  private drag(begun: PointerEvent): void {
    const from = this.at;
    const stop = new AbortController();
    this.stage.setPointerCapture(begun.pointerId);
    this.stage.addEventListener("pointermove", (event) => this.show(from - Math.round((event.clientX - begun.clientX) / DRAG_PX)), { signal: stop.signal });
    for (const name of ["pointerup", "pointercancel"] as const) this.stage.addEventListener(name, () => stop.abort(), { signal: stop.signal });
  }
}
