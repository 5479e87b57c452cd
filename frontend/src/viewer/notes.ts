// What is said of places of the model: pins, their list, and tours from one to the next.
import { Vector3 } from "three";
import { make } from "../dom";
import { say } from "../texts";
import { button } from "./bar";
import type { Over } from "./over";
import { type Annotation, inLanguage, MILLIONTHS, type Texts, type Tour, type View } from "./record";

export class Notes {
  readonly panel = make("div", { class: "viewer-panel viewer-notes" });
  /** The annotation that stands open; "" if none does. */
  open = "";
  /** Called when the panel has to be seen. */
  shown: () => void = () => {};
  private tour: { tour: Tour; at: number } | null = null;
  private pins: HTMLButtonElement[] = [];

  constructor(
    private readonly over: Over,
    private readonly go: (view: View) => void,
    private all: Annotation[],
    private readonly tours: Tour[],
  ) {
    this.set(all);
  }

  get count(): number {
    return this.all.length + this.tours.length;
  }

  /** Titles of those whose places can be seen. */
  get inView(): string[] {
    return this.over.inView.map((at) => inLanguage(this.all[at]?.titles ?? {}).text);
  }

  /** Other annotations than before. */
  set(all: Annotation[]): void {
    this.all = all;
    this.pins = this.over.pin(
      all.map((one, number) => ({
        at: pointOf(one.at),
        words: say("note", { number: number + 1, title: inLanguage(one.titles).text }),
        chosen: () => this.choose(one.id),
      })),
    );
    this.list();
  }

  /** Open an annotation, and look at it. */
  choose(id: string, flying = true): void {
    const at = this.all.findIndex((one) => one.id === id);
    const one = this.all[at];
    if (!one) return;
    this.tour = null;
    this.mark(id);
    this.fill(one.titles, one.texts, say("note", { number: at + 1, title: "" }).replace(/[:\s]+$/, ""), at, this.all.length, (to) => this.choose(this.all[to]?.id ?? ""));
    if (flying && one.view) this.go(one.view);
  }

  private begin(tour: Tour): void {
    this.tour = { tour, at: 0 };
    this.stop(0);
  }

  private stop(at: number): void {
    const stop = this.tour?.tour.stops[at];
    if (!this.tour || !stop) return;
    this.tour.at = at;
    const { tour } = this.tour;
    const note = this.all.find((one) => one.id === stop.annotation);
    this.mark(note?.id ?? "");
    const texts = Object.keys(stop.texts).length ? stop.texts : (note?.texts ?? {});
    this.fill(note?.titles ?? tour.titles, texts, say("stop", { number: at + 1, all: tour.stops.length }), at, tour.stops.length, (to) => this.stop(to));
    this.go(stop.view);
  }

  /** The list of all. */
  list(): void {
    this.mark("");
    this.tour = null;
    const row = (titles: Texts, sign: string, chosen: () => void): HTMLElement => {
      const { text, lang } = inLanguage(titles);
      const made = make("button", { type: "button", class: "viewer-entry" }, make("span", { class: "viewer-number", "aria-hidden": "true" }, sign), make("span", { lang }, text));
      made.addEventListener("click", chosen);
      return make("li", {}, made);
    };
    const parts: HTMLElement[] = [];
    if (this.tours.length) {
      parts.push(make("h2", {}, say("tours")), make("ul", { class: "plain" }, ...this.tours.map((one) => row(one.titles, "▸", () => this.begin(one)))));
    }
    if (this.all.length) {
      parts.push(make("h2", {}, say("places")), make("ol", { class: "plain" }, ...this.all.map((one, at) => row(one.titles, `${at + 1}`, () => this.choose(one.id)))));
    }
    this.panel.replaceChildren(...parts);
  }

  private fill(titles: Texts, texts: Texts, where: string, at: number, count: number, to: (at: number) => void): void {
    const title = inLanguage(titles);
    const said = inLanguage(texts);
    const words = said.text.split("\n").filter((line) => line.trim()).map((line) => make("p", {}, line)); // prettier-ignore
    const heading = make("h2", { lang: title.lang, tabindex: "-1" }, title.text);
    const back = button(say("earlier"), "left", () => to(at - 1), true);
    const on = button(say("later"), "right", () => to(at + 1), true);
    back.disabled = at === 0;
    on.disabled = at === count - 1;
    const end = button(say("all notes"), "close", () => this.list());
    this.panel.replaceChildren(
      make("p", { class: "soft small", "aria-live": "polite" }, where), heading, make("div", { class: "viewer-text", lang: said.lang }, ...words), make("div", { class: "row" }, back, on, end),
    ); // prettier-ignore
    this.shown(); // before: what is hidden cannot be focused
    heading.focus({ preventScroll: true });
  }

  private mark(id: string): void {
    this.open = id;
    for (const [at, pin] of this.pins.entries()) {
      if (this.all[at]?.id === id) pin.setAttribute("aria-current", "true");
      else pin.removeAttribute("aria-current");
    }
  }
}

export function pointOf([x, y, z]: readonly [number, number, number]): Vector3 {
  return new Vector3(x, y, z).divideScalar(MILLIONTHS);
}
