// 3D Tiles: of a very large model, what the camera sees, as finely as the screen shows it.
import { TilesRenderer } from "3d-tiles-renderer/three";
import { type Group, Loader, type Mesh, type Object3D } from "three";
import type { Drawable, Looks } from "./looks";
import type { Models } from "./models";
import type { Stage } from "./stage";

const ERROR_PX = 2; // that what is shown may be wrong by
const MEMORY = { phone: 150e6, desk: 600e6 }; // bytes of tiles that are kept

/** Makes tiles of what was fetched, in our worker and with our surfaces. */
class TileLoader extends Loader<{ scene: Group }, string> {
  constructor(private readonly made: (file: ArrayBuffer) => Promise<Group>) {
    super();
  }

  async parseAsync(file: ArrayBuffer): Promise<{ scene: Group }> {
    return { scene: await this.made(file) };
  }
}

export class Tiles {
  /** Called once something of them is shown. */
  began: () => void = () => {};
  shown = false;
  private readonly renderer: TilesRenderer;
  private readonly drawables = new Map<Object3D, Drawable>();

  constructor(
    address: string,
    private readonly stage: Stage,
    looks: Looks,
    models: Models,
    phone: boolean,
  ) {
    const tiles = new TilesRenderer(address);
    this.renderer = tiles;
    tiles.errorTarget = ERROR_PX;
    tiles.lruCache.maxBytesSize = MEMORY[phone ? "phone" : "desk"];
    tiles.lruCache.minBytesSize = 0.7 * tiles.lruCache.maxBytesSize;
    tiles.registerPlugin({ name: "oberih-tileset", fetchData: tileset });
    tiles.manager.addHandler(
      /\.glb$/,
      new TileLoader(async (file) => {
        const drawable = looks.drawable(await models.unpack(file));
        this.drawables.set(drawable.group, drawable);
        return drawable.group;
      }),
    );
    tiles.addEventListener("dispose-model", ({ scene }) => {
      this.drawables.get(scene)?.close();
      this.drawables.delete(scene);
    });
    tiles.addEventListener("needs-update", stage.draw);
    tiles.addEventListener("tile-visibility-change", stage.draw);
    tiles.addEventListener("load-model", stage.draw);
    tiles.group.rotation.x = -Math.PI / 2; // tiles are z-up
    tiles.setCamera(stage.camera);
  }

  get group(): Group {
    return this.renderer.group;
  }

  get triangles(): number {
    let sum = 0;
    for (const group of this.drawn) for (const one of group.children) sum += ((one as Mesh).geometry.index?.count ?? 0) / 3;
    return sum;
  }

  /** Choose tiles for what the camera sees. Before any is there, coarser levels stand for them. */
  update(): void {
    const { renderer, stage } = this;
    renderer.setResolution(stage.camera, stage.canvas.width, stage.canvas.height);
    stage.camera.updateMatrixWorld();
    renderer.update();
    if (this.shown || !this.drawn.length) return;
    this.shown = true;
    this.began();
  }

  close(): void {
    this.renderer.dispose();
  }

  private get drawn(): Object3D[] {
    return this.renderer.group.children.filter((one) => this.drawables.has(one));
  }
}

/** Our tilesets are 1.1, of which they use nothing but glTF contents: the library warns of what else there is. */
function tileset(address: string | URL): Promise<unknown> | null {
  if (!new URL(address, location.href).pathname.endsWith("/tileset.json")) return null;
  return fetch(address).then(async (answer) => {
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    const told: { asset: { version: string } } = await answer.json();
    return { ...told, asset: { ...told.asset, version: "1.0" } };
  });
}
