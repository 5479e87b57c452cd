// Where the photos were taken: a small pyramid for each, whose point is the lens and whose base looks ahead.
import { BufferAttribute, BufferGeometry, DoubleSide, InstancedMesh, Matrix4, MeshBasicMaterial, Vector3 } from "three";
import { pointOf } from "./notes";
import type { View } from "./record";

const SIZE = 0.05; // of the distance from which photos look
const UP = new Vector3(0, 1, 0);
// Point, then the corners of the base; and each side's faces, with how light it is.
const CORNERS = [[0, 0, 0], [-0.67, 0.5, -1], [0.67, 0.5, -1], [0.67, -0.5, -1], [-0.67, -0.5, -1]] as const; // prettier-ignore
const SIDES = [[1, 0, 1, 2], [0.72, 0, 2, 3], [0.5, 0, 3, 4], [0.72, 0, 4, 1], [0.32, 1, 2, 3], [0.32, 1, 3, 4]] as const; // prettier-ignore
const COLOUR = [0.93, 0.36, 0.07] as const; // linear; nothing that stands in the open has it

export function marks(eyes: View[]): InstancedMesh {
  const material = new MeshBasicMaterial({ vertexColors: true, side: DoubleSide });
  const made = new InstancedMesh(pyramid(), material, eyes.length);
  const away = eyes.map(({ eye, target }) => pointOf(eye).distanceTo(pointOf(target))).sort((a, b) => a - b);
  const size = SIZE * (away[Math.floor(away.length / 2)] ?? 1);
  for (const [number, { eye, target }] of eyes.entries()) {
    const place = pointOf(eye);
    const turned = new Matrix4().lookAt(place, pointOf(target), UP);
    made.setMatrixAt(number, turned.scale(new Vector3(size, size, size)).setPosition(place));
  }
  made.frustumCulled = false;
  return made;
}

function pyramid(): BufferGeometry {
  const made = new BufferGeometry();
  const places = SIDES.flatMap(([, ...corners]) => corners.flatMap((one) => [...(CORNERS[one] ?? [])]));
  const colours = SIDES.flatMap(([light]) => [0, 1, 2].flatMap(() => COLOUR.map((one) => one * light)));
  made.setAttribute("position", new BufferAttribute(new Float32Array(places), 3));
  made.setAttribute("color", new BufferAttribute(new Float32Array(colours), 3));
  return made;
}
