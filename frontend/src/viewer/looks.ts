// How surfaces and points look: as photographed, as clay, as a net of triangles, or by how sure they are; under
// the light of the photographs or under a lamp that can be moved; whole, or cut by a plane.
import {
  BufferAttribute, BufferGeometry, ClampToEdgeWrapping, DoubleSide, Group, LinearFilter, LinearMipmapLinearFilter,
  Mesh, Points, RepeatWrapping, ShaderMaterial, Box3, Sphere, SRGBColorSpace, Texture, Vector3, Vector4,
} from "three"; // prettier-ignore
import type { Part } from "./glb";
import fragment from "./surface.frag?raw";
import vertex from "./surface.vert?raw";

export const LOOKS = ["texture", "clay", "wireframe", "confidence"] as const;
export type Look = (typeof LOOKS)[number];

/** A model that is ready to be drawn. */
export interface Drawable {
  group: Group;
  triangles: number;
  /** What it costs to draw: triangles or points. */
  cost: number;
  /** 0 to 1: how much of it has faded in. */
  fade: { value: number };
  close(): void;
}

const NOWHERE = new Vector4(0, 0, 0, 1);

export class Looks {
  look: Look = "texture";
  readonly shared = {
    look: { value: 0 },
    lamp: { value: new Vector3(0, 0, 1) },
    lit: { value: 0 },
    cut: { value: NOWHERE.clone() },
    scale: { value: 1 }, // pixels of the canvas for one unit, one unit away
  };
  private readonly materials = new Set<ShaderMaterial>();

  /** Which of the looks, from the next frame on. */
  choose(look: Look): void {
    this.look = look;
    this.shared.look.value = LOOKS.indexOf(look);
    for (const one of this.materials) one.wireframe = look === "wireframe";
  }

  /** Light from `turn` (radians from above, clockwise) and `rise` over the picture; null: as photographed. */
  light(lamp: { turn: number; rise: number } | null): void {
    this.shared.lit.value = lamp ? 1 : 0;
    if (!lamp) return;
    const level = Math.cos(lamp.rise);
    this.shared.lamp.value.set(Math.sin(lamp.turn) * level, Math.cos(lamp.turn) * level, Math.sin(lamp.rise));
  }

  /** Only what lies behind the plane `point . normal = offset` is shown; null: all. */
  cut(plane: { normal: Vector3; offset: number } | null): void {
    if (plane) this.shared.cut.value.set(plane.normal.x, plane.normal.y, plane.normal.z, plane.offset);
    else this.shared.cut.value.copy(NOWHERE);
  }

  /** Whether the cut leaves this point. */
  readonly leaves = (point: Vector3): boolean => {
    const { x, y, z, w } = this.shared.cut.value;
    return x * point.x + y * point.y + z * point.z <= w;
  };

  /** What the worker brought, as something to draw. */
  drawable(parts: Part[], textures: Map<ImageBitmap, Texture> = new Map()): Drawable {
    const group = new Group();
    const fade = { value: 1 };
    let triangles = 0;
    let cost = 0;
    for (const part of parts) {
      const geometry = geometryOf(part);
      const texture = part.texture && (textures.get(part.texture) ?? textureOf(part.texture, part.repeats));
      if (part.texture && texture) textures.set(part.texture, texture);
      const material = this.material(part, texture, fade);
      group.add(part.index ? new Mesh(geometry, material) : new Points(geometry, material));
      triangles += (part.index?.length ?? 0) / 3;
      cost += part.index ? part.index.length / 3 : part.positions.length / 3;
    }
    const close = (): void => {
      for (const one of group.children as Mesh<BufferGeometry, ShaderMaterial>[]) {
        one.geometry.dispose();
        one.material.dispose();
        this.materials.delete(one.material);
      }
      for (const [bitmap, texture] of textures) {
        texture.dispose();
        bitmap.close();
      }
    };
    return { group, triangles, cost, fade, close };
  }

  private material(part: Part, map: Texture | null, fade: { value: number }): ShaderMaterial {
    const made = new ShaderMaterial({
      vertexShader: vertex,
      fragmentShader: fragment,
      side: DoubleSide,
      defines: {
        ...(map && { PICTURE: 1 }), ...(part.colours && { COLOURED: 1 }), ...(part.sure && { SURE: 1 }),
        ...(part.normals && { SHAPED: 1 }), ...(!part.index && { POINTS: 1 }),
      },
      uniforms: { ...this.shared, fade, picture: { value: map }, apart: { value: apart(part) } },
      wireframe: this.look === "wireframe",
    }); // prettier-ignore
    this.materials.add(made);
    return made;
  }
}

/** How large points are to be, so that they touch where they lie unevenly on the sides of their box. */
function apart({ box, positions }: Part): number {
  const [x, y, z] = [box[3] - box[0], box[4] - box[1], box[5] - box[2]];
  return 2 * Math.sqrt((2 * (x * y + y * z + z * x)) / (positions.length / 3));
}

function geometryOf(part: Part): BufferGeometry {
  const made = new BufferGeometry();
  made.setAttribute("position", new BufferAttribute(part.positions, 3));
  if (part.normals) made.setAttribute("normal", new BufferAttribute(part.normals, 4, true));
  if (part.uv) made.setAttribute("uv", new BufferAttribute(part.uv, 2));
  if (part.colours) made.setAttribute("colour", new BufferAttribute(part.colours, 4, true));
  if (part.sure) made.setAttribute("sure", new BufferAttribute(part.sure, 1, part.sure instanceof Uint8Array));
  if (part.index) made.setIndex(new BufferAttribute(part.index, 1));
  made.boundingBox = new Box3(new Vector3(...part.box.slice(0, 3)), new Vector3(...part.box.slice(3)));
  made.boundingSphere = made.boundingBox.getBoundingSphere(new Sphere());
  return made;
}

function textureOf(bitmap: ImageBitmap, repeats: boolean): Texture {
  const made = new Texture(bitmap);
  made.flipY = false;
  made.colorSpace = SRGBColorSpace;
  made.wrapS = made.wrapT = repeats ? RepeatWrapping : ClampToEdgeWrapping;
  made.minFilter = LinearMipmapLinearFilter;
  made.magFilter = LinearFilter;
  made.anisotropy = 4;
  made.needsUpdate = true;
  return made;
}
