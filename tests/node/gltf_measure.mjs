// What glTF-Transform, a reader of its own, finds in each file's scene: {path: {triangles, points, low, high}},
// or {error}; and "sure", the confidence of the lowest and the highest vertex, if vertices have it. Paths come one to a line from standard input.
import { readFileSync } from "node:fs";
import { Logger, NodeIO, Verbosity } from "@gltf-transform/core";
import { ALL_EXTENSIONS } from "@gltf-transform/extensions";
import draco3d from "draco3dgltf";
import { MeshoptDecoder } from "meshoptimizer";

const io = new NodeIO()
  .setLogger(new Logger(Verbosity.SILENT))
  .registerExtensions(ALL_EXTENSIONS)
  .registerDependencies({
    "draco3d.decoder": await draco3d.createDecoderModule(),
    "meshopt.decoder": MeshoptDecoder,
  });

function shown(document) {
  const root = document.getRoot();
  const scene = root.getDefaultScene();
  if (scene) return scene.listChildren();
  const children = new Set(root.listNodes().flatMap((node) => node.listChildren()));
  return root.listNodes().filter((node) => !children.has(node));
}

function measured(document) {
  const found = { triangles: 0, points: 0, low: [Infinity, Infinity, Infinity], high: [-Infinity, -Infinity, -Infinity] };
  const visit = (node) => {
    const mesh = node.getMesh();
    if (mesh)
      for (const matrix of instances(node))
        for (const primitive of mesh.listPrimitives()) add(found, primitive, matrix);
    node.listChildren().forEach(visit);
  };
  const one = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  if (document.getRoot().listNodes().length) shown(document).forEach(visit);
  else for (const mesh of document.getRoot().listMeshes()) mesh.listPrimitives().forEach((p) => add(found, p, one));
  return found;
}

function times(a, b) {
  return b.map((_, i) => [0, 1, 2, 3].reduce((sum, k) => sum + a[(i % 4) + 4 * k] * b[4 * Math.floor(i / 4) + k], 0));
}

// EXT_mesh_gpu_instancing: a node's world matrix with each of its instances.
function instances(node) {
  const world = node.getWorldMatrix();
  const told = node.getExtension("EXT_mesh_gpu_instancing");
  if (!told) return [world];
  const row = (name, i, otherwise) => told.getAttribute(name)?.getElement(i, []) ?? otherwise;
  const count = told.listAttributes()[0].getCount();
  return Array.from({ length: count }, (_, i) => {
    const [x, y, z, w] = row("ROTATION", i, [0, 0, 0, 1]);
    const [a, b, c] = row("SCALE", i, [1, 1, 1]);
    return times(world, [
      a * (1 - 2 * (y * y + z * z)), a * 2 * (x * y + z * w), a * 2 * (x * z - y * w), 0,
      b * 2 * (x * y - z * w), b * (1 - 2 * (x * x + z * z)), b * 2 * (y * z + x * w), 0,
      c * 2 * (x * z + y * w), c * 2 * (y * z - x * w), c * (1 - 2 * (x * x + y * y)), 0,
      ...row("TRANSLATION", i, [0, 0, 0]), 1,
    ]);
  });
}

function add(found, primitive, m) {
  const positions = primitive.getAttribute("POSITION");
  const mode = primitive.getMode();
  if (!positions || (mode >= 1 && mode <= 3)) return;
  const indices = primitive.getIndices();
  let count = indices ? indices.getCount() : positions.getCount();
  if (mode === 0) found.points += count;
  else if (mode === 4) found.triangles += (count -= count % 3) / 3;
  else found.triangles += Math.max((count < 3 ? (count = 0) : count) - 2, 0);
  const v = [0, 0, 0];
  const sure = primitive.getAttribute("_CONFIDENCE");
  if (sure) found.sure ??= [null, null];
  for (let i = 0; i < count; i++) {
    const at = indices ? indices.getScalar(i) : i;
    positions.getElement(at, v);
    for (let axis = 0; axis < 3; axis++) {
      const x = m[axis] * v[0] + m[axis + 4] * v[1] + m[axis + 8] * v[2] + m[axis + 12];
      if (sure && axis === 1 && x < found.low[1]) found.sure[0] = sure.getScalar(at);
      if (sure && axis === 1 && x > found.high[1]) found.sure[1] = sure.getScalar(at);
      found.low[axis] = Math.min(found.low[axis], x);
      found.high[axis] = Math.max(found.high[axis], x);
    }
  }
}

const told = {};
for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  try {
    told[path] = measured(await io.read(path));
  } catch (error) {
    told[path] = { error: String(error).slice(0, 200) };
  }
}
console.log(JSON.stringify(told));
