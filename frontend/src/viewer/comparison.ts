// Before and after: two records under one camera, with a line between them that can be moved.
import { Group, Scene } from "three";
import { make } from "../dom";
import { say } from "../texts";
import { ground } from "./ground";
import { Levels } from "./levels";
import type { Looks } from "./looks";
import type { Models } from "./models";
import { pointOf } from "./notes";
import { inLanguage, type PublicRecord, recordAt } from "./record";
import type { Stage } from "./stage";

const HANDLE_PX = 44;

export class Comparison {
  readonly element = make("div", { class: "viewer-compare" });
  private at = 0.5; // of the picture's width
  private readonly line = make("div", { class: "viewer-line", "aria-hidden": "true" });
  private readonly paint: () => void;

  private constructor(
    private readonly stage: Stage,
    private readonly scene: Scene,
    private readonly levels: Levels,
    names: [string, string],
  ) {
    const input = make("input", { type: "range", min: "0", max: "100", step: "1", value: "50", "aria-label": say("boundary") });
    input.addEventListener("input", () => this.move(input.valueAsNumber / 100));
    const name = (words: string, side: string): HTMLElement => make("p", { class: `viewer-side ${side}` }, words);
    this.element.append(name(names[0], "before"), name(names[1], "after"), this.line, input);
    this.paint = stage.paint;
    stage.paint = () => this.both();
    this.move(0.5);
  }

  /** Load the record at `address` and show it to the left of `record`. */
  static async begin(stage: Stage, looks: Looks, models: Models, record: PublicRecord, address: string, phone: boolean): Promise<Comparison> {
    const other = await recordAt(address);
    if (!other.scene || !record.scene) throw new Error("There is nothing to compare.");
    const levels = new Levels(stage, looks, models, other, phone);
    const scene = new Scene();
    // In their true sizes if these are known and about the same; else each as large as the other.
    const known = other.scene.unit === "m" && record.scene.unit === "m";
    const ratio = Math.max(...record.scene.size) / Math.max(...other.scene.size);
    const frame = new Group().add(levels.group);
    frame.scale.setScalar(known && Math.abs(Math.log2(ratio)) < 1 ? 1 : ratio);
    scene.add(frame);
    await levels.begin();
    if (levels.rough instanceof Group) frame.add(ground(stage.renderer, levels.rough, pointOf(other.scene.size)));
    return new Comparison(stage, scene, levels, [inLanguage(other.titles).text, inLanguage(record.titles).text]);
  }

  close(): void {
    this.stage.paint = this.paint;
    this.stage.renderer.setScissorTest(false);
    this.element.remove();
    this.levels.close();
    this.stage.draw();
  }

  private move(share: number): void {
    // A slider's handle does not reach the ends with its middle; at the ends all of one is shown.
    const width = this.stage.canvas.clientWidth;
    this.at = share <= 0 ? 0 : share >= 1 ? 1 : (HANDLE_PX / 2 + share * (width - HANDLE_PX)) / width;
    this.line.style.left = `${100 * this.at}%`;
    this.stage.draw();
  }

  private both(): void {
    const { renderer, camera, scene, canvas } = this.stage;
    const { clientWidth: width, clientHeight: height } = canvas;
    const at = Math.round(width * this.at);
    renderer.setScissorTest(true);
    renderer.setScissor(0, 0, at, height);
    renderer.render(this.scene, camera);
    renderer.setScissor(at, 0, width - at, height);
    renderer.render(scene, camera);
    renderer.setScissorTest(false);
  }
}
