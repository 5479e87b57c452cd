// The soft shadow on which a model stands. It is drawn once, from below, as in the poster (products/light.py).
import {
  CustomBlending, DoubleSide, HalfFloatType, LinearFilter, MaxEquation, Mesh, NoBlending, type Object3D, OrthographicCamera, PlaneGeometry, Scene, ShaderMaterial,
  Vector2, type Vector3, type WebGLRenderer, WebGLRenderTarget,
} from "three"; // prettier-ignore

const TEXELS = 256;
const ROOM = 2; // of the model's larger side
const BLURS = [2, 5, 9]; // texels; each across and along
const STRENGTH = 0.42;

const HEIGHTS = /* glsl */ `
varying float high;
uniform float tall;
void main() { vec4 world = modelMatrix * vec4(position, 1.0); high = world.y / tall; gl_Position = projectionMatrix * viewMatrix * world; }`;
const DARK = /* glsl */ `
varying float high;
void main() { float near = 1.0 - clamp(high, 0.0, 1.0); gl_FragColor = vec4(0.5 + 0.5 * near * near); }`;
const FLAT = /* glsl */ `
varying vec2 at;
void main() { at = uv; gl_Position = vec4(position.xy, 0.0, 1.0); }`;
const BLUR = /* glsl */ `
varying vec2 at;
uniform sampler2D picture;
uniform vec2 way;
void main() {
  float sum = 0.0, all = 0.0;
  for (int i = -6; i <= 6; i++) { float w = exp(-float(i * i) / 14.0); sum += w * texture2D(picture, at + way * float(i)).r; all += w; }
  gl_FragColor = vec4(sum / all);
}`;
const LIES = /* glsl */ `
varying vec2 at;
void main() { at = vec2(uv.x, 1.0 - uv.y); gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`;
const SHADE = /* glsl */ `
varying vec2 at;
uniform sampler2D picture;
uniform float strength;
void main() { gl_FragColor = vec4(0.0, 0.0, 0.0, strength * texture2D(picture, at).r); }`;

/** The ground under `model`, which is as large as `size`, and stands in the middle at the height 0. */
export function ground(renderer: WebGLRenderer, model: Object3D, size: Vector3): Mesh {
  const side = ROOM * Math.max(size.x, size.z, 0.4 * size.y);
  const options = { type: HalfFloatType, minFilter: LinearFilter, depthBuffer: false } as const;
  const targets = [new WebGLRenderTarget(TEXELS, TEXELS, options), new WebGLRenderTarget(TEXELS, TEXELS, options)] as const;
  const below = new OrthographicCamera(-side / 2, side / 2, side / 2, -side / 2, 0, 2 * size.y + 2);
  below.position.set(0, -1, 0);
  below.up.set(0, 0, 1);
  below.lookAt(0, 0, 0);
  const scene = new Scene();
  const parent = model.parent;
  scene.add(model);
  scene.overrideMaterial = new ShaderMaterial({
    vertexShader: HEIGHTS, fragmentShader: DARK, uniforms: { tall: { value: size.y || 1 } }, side: DoubleSide,
    blending: CustomBlending, blendEquation: MaxEquation, // what is nearest to the ground counts
  }); // prettier-ignore
  renderer.setRenderTarget(targets[0]);
  renderer.clear();
  renderer.render(scene, below);
  if (parent) parent.add(model);
  const blur = new ShaderMaterial({
    vertexShader: FLAT, fragmentShader: BLUR, blending: NoBlending, depthTest: false,
    uniforms: { picture: { value: null }, way: { value: new Vector2() } },
  }); // prettier-ignore
  const quad = new Scene().add(new Mesh(new PlaneGeometry(2, 2), blur));
  const uniforms = blur.uniforms as { picture: { value: unknown }; way: { value: Vector2 } };
  for (const radius of BLURS) {
    for (const [from, to, x, y] of [[0, 1, 1, 0], [1, 0, 0, 1]] as const) {
      uniforms.picture.value = targets[from].texture;
      uniforms.way.value.set((x * radius) / 3 / TEXELS, (y * radius) / 3 / TEXELS);
      renderer.setRenderTarget(targets[to]);
      renderer.render(quad, below);
    }
  }
  renderer.setRenderTarget(null);
  scene.overrideMaterial.dispose();
  blur.dispose();
  targets[1].dispose();
  const shade = new ShaderMaterial({
    vertexShader: LIES, fragmentShader: SHADE, transparent: true, depthWrite: false,
    uniforms: { picture: { value: targets[0].texture }, strength: { value: STRENGTH } },
  }); // prettier-ignore
  const made = new Mesh(new PlaneGeometry(side, side), shade);
  made.rotation.x = -Math.PI / 2;
  made.position.y = -0.001 * side;
  made.renderOrder = -1;
  return made;
}
