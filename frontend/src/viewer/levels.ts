// A model's levels of detail: the smallest first, finer ones over it as they come. While the camera moves and
// frames are slow, a coarser one is drawn; at rest always the finest.
import { Group, type Object3D } from "three";
import type { Drawable, Looks } from "./looks";
import type { Models } from "./models";
import { type File, filesOf, levelsOf, type PublicRecord } from "./record";
import type { Stage } from "./stage";
import type { Tiles } from "./tiles";

const FADE_MS = 350;
const NET = 600_000; // triangles of which a net is drawn, at most
/** What is loaded without being asked for; more comes when somebody wants it. */
const UNASKED = { phone: 12e6, desk: 60e6 };

export type Role = "small" | "medium" | "full" | "tiles";

interface Level {
  role: Role;
  drawable: Drawable;
}

export class Levels {
  readonly group = new Group();
  /** The finest that is shown; "" before the first. */
  finest: Role | "" = "";
  /** Called when a finer one is shown, and while one comes: its share that is there. */
  came: () => void = () => {};
  coming: (role: Role, share: number) => void = () => {};
  private readonly levels: Level[] = [];
  private readonly calm = matchMedia("(prefers-reduced-motion: reduce)");
  private tiles: Tiles | null = null;
  private fading = 0; // when it began
  private loading: Promise<void> | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly looks: Looks,
    private readonly models: Models,
    private readonly record: PublicRecord,
    private readonly phone: boolean,
  ) {
    stage.steps.push((now) => this.step(now));
  }

  /** Triangles of what was drawn last. */
  get triangles(): number {
    return this.tiles && this.tiled ? this.tiles.triangles : (this.drawn()?.drawable.triangles ?? 0);
  }

  /** The next finer file that has not been loaded; undefined: all is there. */
  get finer(): File | undefined {
    if (this.tiles) return undefined;
    const files = levelsOf(this.record);
    return files[files.findIndex((one) => one.role === this.finest) + 1];
  }

  /** What a ray is tried on: the finest at hand. */
  get solid(): Object3D {
    return (this.tiles?.shown && this.tiles.group) || this.levels.at(-1)?.drawable.group || this.group;
  }

  /** Something coarse: what hides what is asked of it often. */
  get rough(): Object3D {
    return this.levels[0]?.drawable.group ?? this.solid;
  }

  /** Whether vertices say how sure they are. */
  get sure(): boolean {
    return this.levels.some(({ drawable }) => drawable.group.children.some((one) => "geometry" in one && "sure" in (one.geometry as { attributes: object }).attributes));
  }

  /** Load and show the first level; finer ones follow by themselves, as far as this device bears them. */
  async begin(): Promise<void> {
    const most = UNASKED[this.phone ? "phone" : "desk"];
    const [first] = levelsOf(this.record);
    const [tileset] = filesOf(this.record, "tiles");
    if (first) await this.load(first);
    else if (tileset) await this.loadTiles(tileset);
    void this.sharpen(most, tileset);
  }

  /** Load what is not there yet, up to `most` bytes of a level. */
  async rest(most: number): Promise<void> {
    await this.loading;
    await this.sharpen(most, undefined);
  }

  close(): void {
    for (const { drawable } of this.levels) drawable.close();
    this.tiles?.close();
  }

  private sharpen(most: number, tileset: File | undefined): Promise<void> {
    this.loading = (async () => {
      for (let next = this.finer; next && next.bytes <= most; next = this.finer) {
        if (tileset && next.role === "full") break; // the tiles are finer, and come in parts
        await this.load(next);
      }
      if (tileset && !this.tiles) await this.loadTiles(tileset);
    })();
    return this.loading;
  }

  private async load(file: File): Promise<void> {
    const role = file.role as Role;
    const parts = await this.models.load(file.address, (share) => this.coming(role, share));
    this.show(role, this.looks.drawable(parts));
  }

  private async loadTiles(file: File): Promise<void> {
    const { Tiles } = await import("./tiles");
    this.tiles = new Tiles(file.address, this.stage, this.looks, this.models, this.phone);
    this.group.add(this.tiles.group);
    this.tiles.began = () => {
      this.finest = "tiles";
      this.came();
      this.stage.draw();
    };
    this.stage.draw();
  }

  private show(role: Role, drawable: Drawable): void {
    const first = !this.levels.length;
    drawable.fade.value = first || this.calm.matches ? 1 : 0;
    this.levels.push({ role, drawable });
    this.group.add(drawable.group);
    for (const part of drawable.group.children) part.frustumCulled = false;
    this.finest = role;
    this.fading = 0;
    this.stage.draw();
    this.came();
  }

  /** Whether less is drawn, so that what moves moves smoothly. */
  private get light(): boolean {
    return this.stage.hurried && this.levels.length > 0;
  }

  /** Whether tiles are drawn now, and not a level. */
  private get tiled(): boolean {
    return Boolean(this.tiles?.shown) && !this.light;
  }

  /** The level that is drawn now, if no tiles are. */
  private drawn(): Level | undefined {
    const most = this.light ? 0 : this.looks.look === "wireframe" ? NET : Infinity;
    return this.levels.findLast(({ drawable }) => drawable.cost <= most) ?? this.levels[0];
  }

  private step(now: number): boolean {
    const shown = this.drawn();
    const last = this.levels.at(-1);
    if (this.tiles && !this.light) this.tiles.update();
    if (this.tiles) this.tiles.group.visible = this.tiled;
    for (const one of this.levels) one.drawable.group.visible = one === shown && !this.tiled;
    if (!last || last.drawable.fade.value === 1) return false;
    this.fading ||= now;
    last.drawable.fade.value = Math.min(1, (now - this.fading) / FADE_MS);
    const before = this.levels.at(-2);
    if (before && shown === last) before.drawable.group.visible = last.drawable.fade.value < 1;
    return true;
  }
}
