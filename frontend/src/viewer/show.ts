// Everything of a viewer that needs 3D, put together. It is loaded once somebody looks.
import { Group, type InstancedMesh, Vector3 } from "three";
import { make } from "../dom";
import { say } from "../texts";
import { linkToRoom } from "./ar";
import { Bar, type Tool } from "./bar";
import type { Comparison } from "./comparison";
import { ground } from "./ground";
import { Levels } from "./levels";
import { Looks } from "./looks";
import type { Wrong } from "./measuring";
import type { Models } from "./models";
import { steering } from "./moving";
import { Notes, pointOf } from "./notes";
import { Orbit } from "./orbit";
import { Over } from "./over";
import { type Annotation, inLanguage, MILLIONTHS, type PublicRecord, type Scene, type Triple, type View } from "./record";
import { Seeing } from "./seeing";
import { read, Sharing, type State } from "./sharing";
import { description, whence } from "./spoken";
import { Stage } from "./stage";
import { Tape } from "./tape";

const DETAIL = 60e6; // bytes of a level that is loaded for measuring
const CLICK_PX = matchMedia("(pointer: coarse)").matches ? 6 : 2; // 95 % of clicks are no farther off
const SPOKEN_MS = 900; // at rest, before it is said from where one looks

export class Show {
  readonly canvas: HTMLCanvasElement;
  readonly bar = new Bar();
  readonly stage: Stage;
  readonly levels: Levels;
  private readonly orbit: Orbit;
  private readonly looks = new Looks();
  private readonly over: Over;
  private readonly notes: Notes;
  private readonly seeing: Seeing;
  private readonly tape: Tape;
  private readonly sharing: Sharing;
  private readonly said = make("p", { class: "unseen", role: "status" });
  private readonly progress = make("progress", { class: "viewer-progress", max: "1", hidden: "", "aria-label": say("sharpening") });
  private readonly title: string;
  private notesTool: Tool | null = null;
  private comparison: Comparison | null = null;
  private eyes: InstancedMesh | null = null;
  private spoken = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly record: PublicRecord,
    private readonly scene: Scene,
    canvas: HTMLCanvasElement,
    context: WebGL2RenderingContext,
    private readonly models: Models,
    private readonly phone: boolean,
  ) {
    this.canvas = canvas;
    this.title = inLanguage(record.titles).text;
    const size = pointOf(scene.size);
    const middle = new Vector3(0, size.y / 2, 0);
    this.stage = new Stage(canvas, context, middle, size.length() / 2, scene.field_deg);
    this.levels = new Levels(this.stage, this.looks, this.models, record, this.phone);
    this.stage.scene.add(this.levels.group);
    this.orbit = new Orbit(this.stage, pointOf(scene.view.eye), pointOf(scene.view.target));
    this.over = new Over(this.stage, (point) => this.stage.sees(point, this.levels.rough, this.looks.leaves));
    this.notes = new Notes(this.over, (view) => this.goTo(view), record.annotations, record.tours);
    this.seeing = new Seeing(this.looks, scene, this.stage.draw, () => this.levels.rest(Infinity));
    this.tape = new Tape(this.over, scene.unit, wrongOf(record));
    this.tape.measured = (kind, value, off) => {
      const { finer } = this.levels;
      const detail = { kind, value, off, side: record.side ?? Math.max(...pointOf(scene.size).toArray()), settled: !finer || finer.bytes > DETAIL };
      element.dispatchEvent(new CustomEvent("oberih-measure", { bubbles: true, detail }));
    };
    this.sharing = new Sharing(record.id, this.title, () => this.state);
    this.stage.steps.push(() => {
      this.looks.shared.scale.value = this.stage.scale;
      return false;
    });
    this.describe();
    this.offer();
    this.listen();
  }

  /** Load the first level and show it; resolves when it is drawn. */
  async begin(): Promise<void> {
    const drawn = new Promise<void>((done) => {
      this.levels.came = () => {
        this.levels.came = () => this.sharpened();
        this.stage.drawn.push(once(this.stage.drawn, done));
        this.stage.draw();
      };
    });
    this.resume(location.hash);
    await this.levels.begin();
    await drawn;
    this.stand();
    this.sharpened();
  }

  get view(): View {
    return { eye: whole(this.orbit.eye), target: whole(this.orbit.target) };
  }

  get state(): State {
    const { lamp, section } = this.seeing;
    return { view: this.view, look: this.looks.look, lamp, cut: section, note: this.notes.open };
  }

  goTo(view: View, flying = true): void {
    this.orbit.go(pointOf(view.eye), pointOf(view.target), flying);
  }

  pick(clientX: number, clientY: number): Triple | null {
    const found = this.stage.hit(clientX, clientY, this.levels.solid, this.looks.leaves);
    return found && whole(found);
  }

  annotate(all: Annotation[]): void {
    this.notes.set(all);
  }

  /** Two pictures under one camera: this record's, and that of another. */
  async compare(address: string): Promise<void> {
    const { Comparison } = await import("./comparison");
    this.alone();
    this.comparison = await Comparison.begin(this.stage, this.looks, this.models, this.record, address, this.phone);
    this.over.element.before(this.comparison.element);
    this.bar.press("compare", true);
    this.stage.draw();
  }

  /** This record alone again. */
  alone(): void {
    this.comparison?.close();
    this.comparison = null;
    this.bar.press("compare", false);
  }

  close(): void {
    clearTimeout(this.spoken);
    this.alone();
    for (const one of [this.canvas, this.over.element, this.bar.row, this.bar.sheet]) one.remove();
    this.levels.close();
    this.models.close();
    this.stage.close();
  }

  /** Whether the viewer fills the window: then all of the wheel and the fingers is its own. */
  fills(whole: boolean): void {
    this.bar.press("whole window", whole);
    this.orbit.whole = whole;
    this.canvas.classList.toggle("whole", whole);
  }

  /** Show what a link says. */
  resume(fragment: string): void {
    const state = read(fragment);
    if (!state) return;
    if (state.view) this.goTo(state.view, false);
    this.seeing.look(state.look === "confidence" && !this.levels.sure ? "texture" : state.look);
    this.seeing.light(state.lamp);
    this.seeing.cut(state.cut);
    if (state.note) this.notes.choose(state.note, false);
    else this.notes.list();
  }

  private describe(): void {
    const { canvas } = this;
    const told = make("p", { class: "unseen", id: "viewer-description" }, description(this.title, this.scene));
    canvas.setAttribute("aria-label", say("model of", { title: this.title }));
    canvas.setAttribute("aria-describedby", told.id);
    this.over.element.append(told, this.said, this.progress);
    canvas.after(this.over.element);
  }

  private offer(): void {
    const { bar, element } = this;
    bar.add({ name: "move", sign: "move", panel: steering(this.orbit) });
    bar.add({ name: "look", sign: "look", panel: this.seeing.panel });
    bar.add({
      name: "measure", sign: "measure", panel: this.tape.panel, closed: () => this.tape.end(),
      opened: () => { this.tape.begin(); void this.levels.rest(DETAIL); },
    }); // prettier-ignore
    if (this.notes.count) {
      this.notesTool = { name: "notes", sign: "notes", panel: this.notes.panel };
      bar.add(this.notesTool);
      this.notes.shown = () => this.notesTool && bar.show(this.notesTool);
    }
    const other = this.record.relations.find((one) => one.kind === "replaces" || one.kind === "is version of");
    if (other && !element.hasAttribute("compare")) {
      bar.add({ name: "compare", sign: "compare", run: () => element.setAttribute("compare", this.comparison ? "" : other.id) });
    }
    if (this.scene.eyes.length) {
      bar.add({ name: "eyes", sign: "eyes", more: say("eyes are"), run: () => void this.mark(this.eyes ? [] : this.scene.eyes) });
      bar.press("eyes", false);
    }
    if (this.record.id) {
      bar.add({ name: "share", sign: "share", panel: this.sharing.panel, opened: () => this.sharing.fill() });
      const room = linkToRoom(this.record, this.title);
      if (room) bar.put(room);
    }
    bar.add({ name: "whole window", sign: "whole", run: () => element.dispatchEvent(new Event("oberih-whole")) });
    element.append(bar.row, bar.sheet);
  }

  /** Where photos were taken: marked, with all of them in the picture; or, if there are none, not any more. */
  async mark(eyes: View[]): Promise<void> {
    const { marks } = await import("./eyes");
    this.eyes?.removeFromParent();
    this.eyes?.geometry.dispose();
    this.eyes?.dispose();
    this.eyes = null;
    if (eyes.length) {
      this.eyes = marks(eyes);
      this.stage.scene.add(this.eyes);
      this.orbit.takeIn(eyes.map(({ eye }) => pointOf(eye)));
    }
    this.stage.takeIn(eyes.map(({ eye }) => pointOf(eye)));
    this.bar.press("eyes", Boolean(this.eyes));
  }

  private listen(): void {
    this.orbit.tapped = (x, y) => this.tapped(x, y);
    this.orbit.rested = () => {
      this.element.dispatchEvent(new CustomEvent("oberih-view", { bubbles: true, detail: this.view }));
      clearTimeout(this.spoken);
      this.spoken = window.setTimeout(() => this.speak(), SPOKEN_MS);
    };
    this.canvas.addEventListener("dblclick", (event) => {
      const found = this.stage.hit(event.clientX, event.clientY, this.levels.solid, this.looks.leaves);
      if (found && !this.tape.active) this.orbit.focus(found);
    });
    this.canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.tape.active) this.bar.close();
      if (event.key !== "Enter" || !this.tape.active) return;
      const box = this.canvas.getBoundingClientRect();
      this.tapped(box.left + box.width / 2, box.top + box.height / 2);
      event.preventDefault();
    });
    this.levels.coming = (_, share) => {
      this.progress.hidden = !this.levels.finest;
      this.progress.value = share;
    };
  }

  private tapped(x: number, y: number): void {
    if (!this.tape.active) return;
    const found = this.stage.hit(x, y, this.levels.solid, this.looks.leaves);
    if (found) this.tape.add(found, this.stage.pixelAt(found.distanceTo(this.stage.camera.position)) * CLICK_PX);
    else this.tape.miss();
  }

  /** The ground under the first level, as soon as it is there. */
  private stand(): void {
    const { solid } = this.levels;
    if (!(solid instanceof Group) || !solid.children.length) return;
    this.stage.scene.add(ground(this.stage.renderer, solid, pointOf(this.scene.size)));
    this.stage.draw();
  }

  private sharpened(): void {
    this.progress.hidden = true;
    this.seeing.offer(this.levels.sure, this.levels.finer?.bytes ?? 0);
    this.element.dispatchEvent(new CustomEvent("oberih-level", { bubbles: true, detail: this.levels.finest }));
  }

  private speak(): void {
    const [eye, home] = [this.orbit.eye.sub(this.orbit.target), pointOf(this.scene.view.eye).sub(pointOf(this.scene.view.target))];
    const turn = Math.atan2(eye.x, eye.z) - Math.atan2(home.x, home.z);
    this.said.textContent = whence(turn, Math.asin(eye.y / eye.length()), this.notes.inView);
  }
}

/** How wrong places and lengths may be, in metres; that of the scale is in the one figure, if it is not told apart. */
function wrongOf({ scene, quality }: PublicRecord): Wrong | null {
  const place = quality.place_error_um ?? quality.error_um;
  if (scene?.unit !== "m" || place === null) return null;
  return { place: place / MILLIONTHS, scale: (quality.scale_error_ppm ?? 0) / MILLIONTHS };
}

function whole(point: Vector3): Triple {
  return point.clone().multiplyScalar(MILLIONTHS).round().toArray() as Triple;
}

function once(list: (() => void)[], done: () => void): () => void {
  const one = (): void => {
    list.splice(list.indexOf(one), 1);
    done();
  };
  return one;
}
