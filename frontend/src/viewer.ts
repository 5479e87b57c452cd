// <oberih-viewer src="/api/v1/records/NAAN/NAME">poster</oberih-viewer>: a record in 3D.
//
// Attributes
//   src       where the record is told, as GET /api/v1/records/{naan}/{name} tells it
//   files     where its files lie, if not below /files/
//   compare   the identifier (ark:/...) of another record, shown beside it under the same camera
//   eager     start at once, wherever it is on the page
// What other scripts may use
//   view            {eye, target} in millionths of the scene's unit; set it to jump there
//   goTo(view)      fly there (jump, if the visitor wants no motion)
//   pick(x, y)      the point of the model at clientX, clientY in millionths; null: there is none
//   annotations     those that are shown; set them to show others (PublicAnnotation, docs/data.md)
//   eyes            set it to mark where photos were taken, whatever the record says of that; []: no marks
//   state           {level, triangles, frames, resting}: what is drawn just now; null before the first picture
//   start()         start 3D; resolves when its first picture is there
// Events, all of which bubble
//   oberih-ready    the first 3D picture is there
//   oberih-level    a finer level is there; its role is the detail
//   oberih-view     the camera rests; its view is the detail
//   oberih-measure  what is measured changed: {kind, value, off, side, settled}. value: null for nothing, off: how
//                   far off clicking may be (95 %), side: the model's largest, all in the scene's unit; settled: no
//                   finer detail is on its way
// Children: [data-stage] with the poster, and in it [data-start], a button that is hidden until scripts run.
import { find, make } from "./dom";
import { Models } from "./viewer/models";
import { addressOf, type Annotation, filesOf, inLanguage, levelsOf, type PublicRecord, recordAt, type Triple, type View } from "./viewer/record";
import type { Show } from "./viewer/show";

const PHONE = "(pointer: coarse) and (max-width: 60rem)";
const PHONE_TEXELS = 4096; // of a picture's longer side, that a phone's memory bears
const SLOW_LINES = ["slow-2g", "2g"];

interface Line {
  saveData?: boolean;
  effectiveType?: string;
}

export class OberihViewer extends HTMLElement {
  static readonly observedAttributes = ["compare"];
  private show: Show | null = null;
  private begun: Promise<void> | null = null;
  private record: PublicRecord | null = null;
  private given: Annotation[] | null = null;

  connectedCallback(): void {
    const start = this.querySelector<HTMLButtonElement>("[data-start]");
    if (start) {
      start.hidden = false;
      start.addEventListener("click", () => void this.start().then(() => this.show?.canvas.focus()));
    }
    this.addEventListener("oberih-whole", () => void this.fill());
    document.addEventListener("fullscreenchange", () => this.filled(document.fullscreenElement === this));
    addEventListener("hashchange", () => this.show?.resume(location.hash));
    void this.startWhenSeen();
  }

  disconnectedCallback(): void {
    this.show?.close();
    this.show = this.begun = null;
  }

  attributeChangedCallback(): void {
    if (this.show) void this.compareIfAsked();
  }

  get view(): View {
    const view = this.show?.view ?? this.record?.scene?.view;
    if (!view) throw new Error("There is no view yet: wait for oberih-ready.");
    return view;
  }

  set view(view: View) {
    this.show?.goTo(view, false);
  }

  goTo(view: View): void {
    this.show?.goTo(view);
  }

  pick(clientX: number, clientY: number): Triple | null {
    return this.show?.pick(clientX, clientY) ?? null;
  }

  get annotations(): Annotation[] {
    return this.given ?? this.record?.annotations ?? [];
  }

  set annotations(all: Annotation[]) {
    this.given = all;
    this.show?.annotate(all);
  }

  set eyes(all: View[]) {
    void this.show?.mark(all);
  }

  get state(): { level: string; triangles: number; frames: number; resting: boolean } | null {
    if (!this.show) return null;
    const { levels, stage } = this.show;
    return { level: levels.finest, triangles: levels.triangles, frames: stage.frames, resting: stage.resting };
  }

  start(): Promise<void> {
    this.begun ??= this.begin();
    return this.begun;
  }

  private get stage(): HTMLElement {
    return find("[data-stage]", this);
  }

  /** Once the poster is there and in sight, unless somebody pays dearly for what is loaded. */
  private async startWhenSeen(): Promise<void> {
    const { connection } = navigator as { connection?: Line };
    if (connection?.saveData || SLOW_LINES.includes(connection?.effectiveType ?? "")) return;
    const now = this.hasAttribute("eager") || location.hash.startsWith("#view=");
    await Promise.all([this.posed(), now || this.seen()]);
    return this.start();
  }

  /** When the poster is there. */
  private async posed(): Promise<void> {
    const poster = this.querySelector("img");
    if (!poster || poster.complete) return;
    await new Promise((done) => {
      for (const name of ["load", "error"]) poster.addEventListener(name, done);
    });
  }

  /** When it is in sight. */
  private seen(): Promise<void> {
    return new Promise((done) => {
      const watching = new IntersectionObserver((found) => {
        if (!found.some((one) => one.isIntersecting)) return;
        watching.disconnect();
        done();
      });
      watching.observe(this);
    });
  }

  private async begin(): Promise<void> {
    this.querySelector("[data-start]")?.remove();
    this.classList.add("starting");
    try {
      const told = recordAt(this.getAttribute("src") ?? "", this.getAttribute("files") ?? undefined);
      const phone = matchMedia(PHONE).matches;
      const models = new Models();
      const code = "WebGL2RenderingContext" in window && import("./viewer/show"); // comes while there is a context made
      const canvas = make("canvas", { class: "viewer-canvas", tabindex: "0", role: "application" });
      const context = canvas.getContext("webgl2", { alpha: true, antialias: true, powerPreference: "high-performance" });
      this.record = await told;
      const { scene } = this.record;
      if (!context || !code || !scene) {
        models.close();
        return await this.turn(this.record);
      }
      models.texels = Math.min(phone ? PHONE_TEXELS : Infinity, context.getParameter(context.MAX_TEXTURE_SIZE));
      const [first] = levelsOf(this.record);
      if (first) models.prepare(first.address); // while the code comes
      const { Show } = await code;
      this.stage.append(canvas);
      canvas.addEventListener("webglcontextlost", () => this.record && void this.turn(this.record));
      this.show = new Show(this, this.record, scene, canvas, context, models, phone);
      if (this.given) this.show.annotate(this.given);
      await this.show.begin();
      this.classList.add("started");
      this.dispatchEvent(new CustomEvent("oberih-ready", { bubbles: true }));
      await this.compareIfAsked();
    } catch (error) {
      console.warn("The model cannot be shown in 3D:", error);
      if (this.record) await this.turn(this.record);
    } finally {
      this.classList.remove("starting");
    }
  }

  /** Pictures from all around, where there is no 3D, or none any more; the poster if there are none. */
  private async turn(record: PublicRecord): Promise<void> {
    this.show?.close();
    this.show = null;
    this.classList.remove("started");
    if (!filesOf(record, "turntable").length) return;
    const { Turntable } = await import("./viewer/turntable");
    const table = new Turntable(record, inLanguage(record.titles).text);
    this.stage.replaceChildren(table.stage);
    this.append(table.controls);
    this.classList.add("turning");
  }

  private async compareIfAsked(): Promise<void> {
    const other = this.getAttribute("compare");
    if (!other) return this.show?.alone();
    try {
      await this.show?.compare(addressOf(other));
    } catch (error) {
      console.warn(`${other} cannot be shown beside it:`, error);
    }
  }

  /** Over the whole window and back. Phones of Apple give no element the whole screen: there it covers the page. */
  private async fill(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else if (this.requestFullscreen) await this.requestFullscreen();
    else this.filled(!this.classList.contains("whole"));
  }

  private filled(whole: boolean): void {
    this.classList.toggle("whole", whole);
    this.show?.fills(whole);
  }
}

customElements.define("oberih-viewer", OberihViewer);
