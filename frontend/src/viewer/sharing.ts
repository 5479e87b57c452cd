// The exact view in a link: after the #, which browsers keep to themselves.
import { make } from "../dom";
import { say } from "../texts";
import { button } from "./bar";
import { LOOKS, type Look } from "./looks";
import type { Triple, View } from "./record";
import type { Axis, Cut, Lamp } from "./seeing";

/** All that a link can say of what is shown. */
export interface State {
  view: View | null;
  look: Look;
  lamp: Lamp | null;
  cut: Cut | null;
  note: string;
}

export function written({ view, look, lamp, cut, note }: State): string {
  const said = new URLSearchParams();
  if (view) said.set("view", [...view.eye, ...view.target].join(","));
  if (look !== "texture") said.set("look", look);
  if (lamp) said.set("lamp", `${lamp.turn},${lamp.rise}`);
  if (cut) said.set("cut", `${cut.axis},${Math.round(cut.at * 1e6)},${cut.flipped ? 1 : 0}`);
  if (note) said.set("note", note);
  return said.toString().replaceAll("%2C", ",");
}

/** What a link says, as far as it makes sense; null: it says nothing of a view. */
export function read(fragment: string): State | null {
  const said = new URLSearchParams(fragment.replace(/^#/, ""));
  if (!said.has("view")) return null;
  const six = numbers(said.get("view"), 6);
  const lamp = numbers(said.get("lamp"), 2);
  const [axis, ...rest] = (said.get("cut") ?? "").split(",");
  const cut = numbers(rest.join(","), 2);
  return {
    view: six && { eye: six.slice(0, 3) as Triple, target: six.slice(3) as Triple },
    look: LOOKS.find((one) => one === said.get("look")) ?? "texture",
    lamp: lamp && { turn: within(lamp[0], 0, 359), rise: within(lamp[1], 2, 90) },
    cut: cut && axis && "xyz".includes(axis) && axis.length === 1 ? { axis: axis as Axis, at: (cut[0] ?? 0) / 1e6, flipped: cut[1] === 1 } : null,
    note: (said.get("note") ?? "").slice(0, 40),
  };
}

function numbers(text: string | null, count: number): number[] | null {
  if (!text) return null;
  const found = text.split(",").map(Number);
  return found.length === count && found.every((one) => Number.isFinite(one) && Math.abs(one) < 1e12) ? found : null;
}

function within(value: number | undefined, low: number, high: number): number {
  return Math.min(high, Math.max(low, value ?? low));
}

/** The panel that gives the link, and the line for other pages. */
export class Sharing {
  readonly panel = make("div", { class: "viewer-panel" });
  private readonly fields: Record<"link" | "embed", HTMLInputElement>;

  constructor(
    private readonly record: string,
    private readonly title: string,
    private readonly state: () => State,
  ) {
    const field = (name: "link" | "embed"): HTMLInputElement => {
      const input = make("input", { type: "text", readonly: "", id: `viewer-${name}` });
      input.addEventListener("focus", () => input.select());
      const copy = button(say("copy"), "share", async () => {
        await navigator.clipboard.writeText(input.value);
        copy.lastChild?.replaceWith(` ${say("copied")}`);
      });
      copy.hidden = !navigator.clipboard;
      this.panel.append(make("label", { for: input.id }, say(name)), make("div", { class: "viewer-copy" }, input, copy));
      return input;
    };
    this.fields = { link: field("link"), embed: field("embed") };
    this.panel.append(make("p", { class: "soft small" }, say("link is exact")));
  }

  /** Say where it is looked at from now. */
  fill(): void {
    const name = this.record.replace(/^ark:\//, "");
    const view = written(this.state());
    this.fields.link.value = `${location.origin}/records/${name}#${view}`;
    const title = this.title.replace(/[&"<>]/g, (one) => `&#${one.charCodeAt(0)};`);
    this.fields.embed.value = say("frame", { address: `${location.origin}/embed/${name}#${view}`, title });
  }
}
