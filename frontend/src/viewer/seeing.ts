// The panel of looks: texture, clay, net or confidence; the lamp; the section.
import { Vector3 } from "three";
import { make } from "../dom";
import { number, say, size } from "../texts";
import { button, choice, pick, slider } from "./bar";
import { LOOKS, type Look, type Looks } from "./looks";
import { length } from "./measuring";
import type { Scene } from "./record";

const AXES = ["x", "y", "z"] as const;
export type Axis = (typeof AXES)[number];

export interface Lamp {
  turn: number; // degrees, clockwise from above
  rise: number; // degrees over the picture: 90 is straight from the eye
}

export interface Cut {
  axis: Axis;
  at: number; // of the scene's unit
  flipped: boolean;
}

const RAKING: Lamp = { turn: 300, rise: 15 };
const STEPS = 200;

/** What the colours of confidence mean, in words: the same steps as `sureness` in surface.frag. */
function legend(): HTMLElement {
  const row = (of: "sure" | "halfway" | "unsure"): HTMLElement => make("li", {}, make("span", { class: `swatch ${of}`, "aria-hidden": "true" }), make("span", {}, say(of)));
  return make("ul", { class: "viewer-scale plain small" }, row("sure"), row("halfway"), row("unsure"));
}

export class Seeing {
  readonly panel = make("div", { class: "viewer-panel" });
  lamp: Lamp | null = null;
  section: Cut | null = null;
  private readonly lampField: HTMLElement;
  private readonly cutField: HTMLElement;
  private looksField = make("fieldset");
  private readonly scale = legend();
  private readonly more = button("", "nearer", () => {
    this.more.hidden = true;
    this.rest();
  });
  private readonly turn;
  private readonly rise;
  private readonly at;

  constructor(
    private readonly looks: Looks,
    private readonly scene: Scene,
    private readonly changed: () => void,
    private readonly rest: () => void,
  ) {
    const degrees = (value: number): string => `${number(value)}°`;
    this.turn = slider(say("from where"), "turn", { min: 0, max: 359, step: 1, value: RAKING.turn }, degrees, (turn) => this.light({ ...(this.lamp ?? RAKING), turn }));
    this.rise = slider(say("how steep"), "rise", { min: 2, max: 90, step: 1, value: RAKING.rise }, degrees, (rise) => this.light({ ...(this.lamp ?? RAKING), rise }));
    this.at = slider(say("where"), "cut", { min: 0, max: STEPS, step: 1, value: STEPS / 2 }, (value) => this.said(value), (value) => this.moved(value));
    this.lampField = make("div", { hidden: "" }, this.turn.field, this.rise.field);
    const flip = button(say("other side"), "undo", () => this.section && this.cut({ ...this.section, flipped: !this.section.flipped }));
    this.cutField = make("div", { hidden: "" }, this.at.field, flip);
    const lights: [string, string][] = [["photos", say("photos")], ["lamp", say("lamp")]];
    const cuts: [string, string][] = [["", say("whole")], ...AXES.map((axis): [string, string] => [axis, say(`cut ${axis}`)])];
    this.panel.append(
      this.more,
      this.looksField,
      choice(say("light"), "light", lights, "photos", (value) => this.light(value === "lamp" ? (this.lamp ?? RAKING) : null)),
      this.lampField,
      choice(say("section"), "section", cuts, "", (value) => this.cut(value ? { axis: value as Axis, at: this.middle(value as Axis), flipped: false } : null)),
      this.cutField,
    );
  }

  /** Offer the looks, confidence only if the model carries it; and finer detail of so many bytes, if there is. */
  offer(sure: boolean, finer: number): void {
    this.more.hidden = !finer;
    this.more.lastChild?.replaceWith(` ${say("all detail", { size: size(finer) })}`);
    const offered = LOOKS.filter((one) => one !== "confidence" || sure);
    const field = choice(say("surface"), "look", offered.map((one) => [one, say(one)]), this.looks.look, (value) => this.look(value as Look));
    if (sure) field.append(this.scale);
    this.scale.hidden = this.looks.look !== "confidence";
    this.looksField.replaceWith(field);
    this.looksField = field;
  }

  look(look: Look): void {
    this.looks.choose(look);
    pick(this.looksField, look);
    this.scale.hidden = look !== "confidence";
    this.changed();
  }

  light(lamp: Lamp | null): void {
    this.lamp = lamp;
    this.looks.light(lamp && { turn: (lamp.turn * Math.PI) / 180, rise: (lamp.rise * Math.PI) / 180 });
    this.lampField.hidden = !lamp;
    if (lamp) {
      this.turn.set(lamp.turn);
      this.rise.set(lamp.rise);
    }
    pick(this.choice("light"), lamp ? "lamp" : "photos");
    this.changed();
  }

  cut(cut: Cut | null): void {
    this.section = cut;
    this.cutField.hidden = !cut;
    if (!cut) this.looks.cut(null);
    else {
      const sign = cut.flipped ? -1 : 1;
      const normal = new Vector3(cut.axis === "x" ? sign : 0, cut.axis === "y" ? sign : 0, cut.axis === "z" ? sign : 0);
      this.looks.cut({ normal, offset: sign * cut.at });
      const { low, wide } = this.range(cut.axis);
      this.at.set(Math.round(((cut.at - low) / wide) * STEPS));
    }
    pick(this.choice("section"), cut?.axis ?? "");
    this.changed();
  }

  private choice(name: string): HTMLElement {
    return this.panel.querySelector<HTMLElement>(`[data-choice=${name}]`) ?? this.panel;
  }

  private moved(value: number): void {
    if (!this.section) return;
    const { low, wide } = this.range(this.section.axis);
    this.cut({ ...this.section, at: low + (wide * value) / STEPS });
  }

  private said(value: number): string {
    const { wide } = this.range(this.section?.axis ?? "y");
    return length((wide * value) / STEPS, this.scene.unit);
  }

  private middle(axis: Axis): number {
    const { low, wide } = this.range(axis);
    return low + wide / 2;
  }

  /** Where the model begins along an axis, and how long it is: it stands on 0, in the middle. */
  private range(axis: Axis): { low: number; wide: number } {
    const wide = (this.scene.size[AXES.indexOf(axis)] ?? 0) / 1e6;
    return { low: axis === "y" ? 0 : -wide / 2, wide };
  }
}
