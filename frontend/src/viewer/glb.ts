// Reads the binary glTF files that Oberih writes for the public (src/oberih/formats/gltf/document.py): one
// buffer, one mesh, float positions, and Draco where it could be used. Runs in the worker. A general reader
// would be four times as large, and would ask the pages' policy for blob: addresses.
import type { Draco } from "three/examples/jsm/libs/draco/gltf/draco_wasm_wrapper.js";

/** A part of a model, ready to be drawn. */
export interface Part {
  positions: Float32Array;
  normals: Int16Array | null; // four for each vertex, -32767..32767; the fourth is nothing
  uv: Float32Array | null;
  colours: Uint16Array | null; // four for each vertex, linear
  sure: Uint8Array | Float32Array | null; // confidence, 0..255 or 0..1
  index: Uint32Array | Uint16Array | null; // null: points
  box: [number, number, number, number, number, number];
  texture: ImageBitmap | null;
  repeats: boolean;
}

interface Accessor {
  bufferView?: number;
  componentType: number;
  count: number;
  type: "SCALAR" | "VEC2" | "VEC3" | "VEC4";
  min?: number[];
  max?: number[];
}

interface Primitive {
  attributes: Record<string, number>;
  indices?: number;
  mode?: number;
  material?: number;
  extensions?: { KHR_draco_mesh_compression?: { bufferView: number; attributes: Record<string, number> } };
}

interface Document {
  meshes: { primitives: Primitive[] }[];
  materials?: { pbrMetallicRoughness?: { baseColorTexture?: { index: number } } }[];
  textures?: { source?: number; sampler?: number; extensions?: { EXT_texture_webp?: { source: number } } }[];
  samplers?: { wrapS?: number }[];
  images?: { bufferView: number; mimeType: string }[];
  accessors?: Accessor[];
  bufferViews?: { byteOffset?: number; byteLength: number }[];
}

const MAGIC = 0x46546c67;
const WIDTH = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4 };
const FLOAT = 5126;
const UINT = 5125;
const USHORT = 5123;
const UBYTE = 5121;
const REPEAT = 10497;

type Numbers = Float32Array | Uint8Array | Uint16Array | Uint32Array;

/** The parts of a file. `texels`: of a picture's longer side, at most. `draco`: asked for once it is needed. */
export async function partsOf(file: ArrayBuffer, texels: number, draco: () => Promise<Draco>): Promise<Part[]> {
  const { document, binary } = opened(file);
  const pictures = new Map<number, Promise<ImageBitmap>>();
  const bytes = (view: number): Uint8Array<ArrayBuffer> => {
    const told = need(document.bufferViews?.[view], "a view");
    return new Uint8Array(binary.buffer, binary.byteOffset + (told.byteOffset ?? 0), told.byteLength);
  };
  const picture = (number: number): Promise<ImageBitmap> => {
    const image = need(document.images?.[number], "a picture");
    const known = pictures.get(number) ?? bitmap(new Blob([bytes(image.bufferView)], { type: image.mimeType }), texels);
    pictures.set(number, known);
    return known;
  };
  const primitives = document.meshes.flatMap((mesh) => mesh.primitives);
  return Promise.all(
    primitives.map(async (one): Promise<Part> => {
      const told = one.material === undefined ? undefined : document.materials?.[one.material];
      const texture = document.textures?.[told?.pbrMetallicRoughness?.baseColorTexture?.index ?? -1];
      const source = texture?.extensions?.EXT_texture_webp?.source ?? texture?.source;
      const shown = source === undefined ? null : picture(source); // decoded while Draco works
      const accessor = (name: string): Accessor | undefined => document.accessors?.[one.attributes[name] ?? -1];
      const read = one.extensions?.KHR_draco_mesh_compression
        ? unpacked(await draco(), bytes, one, accessor)
        : plain(bytes, one, accessor, document.accessors ?? []);
      const place = need(accessor("POSITION"), "a place");
      const found = await shown;
      return {
        positions: read.numbers("POSITION") as Float32Array,
        normals: packedNormals(read.numbers("NORMAL")),
        uv: read.numbers("TEXCOORD_0") as Float32Array | null,
        colours: read.numbers("COLOR_0") as Uint16Array | null,
        sure: read.numbers("_CONFIDENCE") as Uint8Array | Float32Array | null,
        index: one.mode === 0 ? null : read.index(),
        box: [...need(place.min, "a box"), ...need(place.max, "a box")] as Part["box"],
        texture: found,
        repeats: (document.samplers?.[texture?.sampler ?? -1]?.wrapS ?? REPEAT) === REPEAT,
      };
    }),
  );
}

function opened(file: ArrayBuffer): { document: Document; binary: Uint8Array<ArrayBuffer> } {
  const head = new DataView(file);
  if (head.getUint32(0, true) !== MAGIC) throw new Error("not a binary glTF file");
  const length = head.getUint32(12, true);
  const document: Document = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 20, length)));
  return { document, binary: new Uint8Array(file, 20 + length + 8) };
}

interface Read {
  numbers(name: string): Numbers | null;
  index(): Uint32Array | Uint16Array;
}

function plain(
  bytes: (view: number) => Uint8Array<ArrayBuffer>,
  one: Primitive,
  accessor: (name: string) => Accessor | undefined,
  accessors: Accessor[],
): Read {
  const values = (told: Accessor): Numbers => {
    const raw = bytes(need(told.bufferView, "numbers")).slice();
    const count = told.count * WIDTH[told.type];
    if (told.componentType === FLOAT) return new Float32Array(raw.buffer, 0, count);
    if (told.componentType === USHORT) return new Uint16Array(raw.buffer, 0, count);
    if (told.componentType === UINT) return new Uint32Array(raw.buffer, 0, count);
    throw new Error(`numbers of kind ${told.componentType}`);
  };
  return {
    numbers: (name) => {
      const told = accessor(name);
      return told ? values(told) : null;
    },
    index: () => values(need(accessors[one.indices ?? -1], "corners")) as Uint32Array | Uint16Array,
  };
}

function unpacked(
  draco: Draco,
  bytes: (view: number) => Uint8Array<ArrayBuffer>,
  one: Primitive,
  accessor: (name: string) => Accessor | undefined,
): Read {
  const told = need(one.extensions?.KHR_draco_mesh_compression, "triangles");
  const data = bytes(told.bufferView);
  const [buffer, decoder, mesh] = [new draco.DecoderBuffer(), new draco.Decoder(), new draco.Mesh()];
  buffer.Init(new Int8Array(data.buffer, data.byteOffset, data.byteLength), data.byteLength);
  const status = decoder.DecodeBufferToMesh(buffer, mesh);
  if (!status.ok()) throw new Error(status.error_msg());
  const taken = <N extends Numbers>(kind: { new (buffer: ArrayBuffer): N }, length: number, fill: (bytes: number, at: number) => void): N => {
    const at = draco._malloc(length);
    fill(length, at);
    const copy = draco.HEAPU8.slice(at, at + length).buffer as ArrayBuffer;
    draco._free(at);
    return new kind(copy);
  };
  const found = new Map<string, Numbers>();
  for (const [name, id] of Object.entries(told.attributes)) {
    const attribute = decoder.GetAttributeByUniqueId(mesh, id);
    const count = mesh.num_points() * attribute.num_components();
    const filled = (kind: number) => (size: number, at: number): void => {
      decoder.GetAttributeDataArrayForAllPoints(mesh, attribute, kind, size, at);
    }; // prettier-ignore
    switch (accessor(name)?.componentType) {
      case UBYTE:
        found.set(name, taken(Uint8Array, count, filled(draco.DT_UINT8)));
        break;
      case USHORT:
        found.set(name, taken(Uint16Array, count * 2, filled(draco.DT_UINT16)));
        break;
      default:
        found.set(name, taken(Float32Array, count * 4, filled(draco.DT_FLOAT32)));
    }
  }
  const index = taken(Uint32Array, mesh.num_faces() * 12, (size, at) => {
    decoder.GetTrianglesUInt32Array(mesh, size, at);
  });
  for (const done of [mesh, decoder, buffer]) draco.destroy(done);
  return { numbers: (name) => found.get(name) ?? null, index: () => index };
}

/** In half the memory; four, since rows must begin at multiples of four bytes. */
function packedNormals(normals: Numbers | null): Int16Array | null {
  if (!normals) return null;
  const made = new Int16Array((normals.length / 3) * 4);
  for (let from = 0, to = 0; from < normals.length; from += 3, to += 4) {
    for (let axis = 0; axis < 3; axis++) made[to + axis] = (normals[from + axis] ?? 0) * 32767;
  }
  return made;
}

async function bitmap(file: Blob, texels: number): Promise<ImageBitmap> {
  const as = { imageOrientation: "none", premultiplyAlpha: "none", colorSpaceConversion: "none" } as const;
  const whole = await createImageBitmap(file, as);
  const share = texels / Math.max(whole.width, whole.height);
  if (share >= 1) return whole;
  const size = { resizeWidth: Math.round(whole.width * share), resizeHeight: Math.round(whole.height * share) };
  const small = await createImageBitmap(whole, { ...as, ...size, resizeQuality: "high" });
  whole.close();
  return small;
}

function need<T>(one: T | undefined | null, what: string): T {
  if (one === undefined || one === null) throw new Error(`the model lacks ${what}`);
  return one;
}
