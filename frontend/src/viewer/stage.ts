// What is drawn, when, and through which lens. Nothing is drawn while nothing moves.
import { PerspectiveCamera, Raycaster, Scene, Vector2, Vector3, type Object3D, WebGLRenderer } from "three";

const FORMAT = 4 / 3; // of the poster, for which the field of view is told
const ROOM = 3; // radii of the model around its middle, that are always drawn
const MARGIN = 1.2; // for the size of what stands at a point
const DENSEST = 2; // pixels of the canvas for one of the page, a side
const COARSEST = 0.5; // the same while something moves on a slow machine
const SLOW_MS = 40; // of a frame: while something moves, less is drawn
const REST_MS = 250; // after it moved, before all is drawn again: whoever turns on need not wait for it

/** Called before each frame. True: there will be a next one. */
export type Step = (now: number, passed: number) => boolean;

export class Stage {
  readonly renderer: WebGLRenderer;
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera();
  readonly steps: Step[] = [];
  readonly drawn: (() => void)[] = []; // called after each frame
  /** How frames are drawn: the comparison draws two. */
  paint = (): void => this.renderer.render(this.scene, this.camera);
  /** Whether less is to be drawn: frames have been slow, and something moves, or has just moved. */
  hurried = false;
  slow = false;
  frames = 0;
  private asked = 0;
  private last = 0;
  private usual = 16;
  private moving = false;
  private rest = 0;
  private dense = 0;
  private coarse = 1; // pixels of the canvas for one of the page while it is hurried
  private reach: number; // from the middle, of all that is drawn
  private readonly ray = new Raycaster();

  constructor(
    readonly canvas: HTMLCanvasElement,
    context: WebGL2RenderingContext,
    private readonly middle: Vector3,
    readonly radius: number,
    private readonly field: number,
  ) {
    this.reach = ROOM * radius;
    this.renderer = new WebGLRenderer({ canvas, context, alpha: true, antialias: true });
    this.renderer.setClearAlpha(0);
    this.renderer.info.autoReset = false;
    this.renderer.debug.checkShaderErrors = false; // to ask waits for the compiler
    const seen = new ResizeObserver(() => this.resize());
    seen.observe(canvas);
    this.resize();
  }

  /** Ask for a frame. */
  draw = (): void => {
    this.asked ||= requestAnimationFrame(this.frame);
  };

  /** Whether what is shown is all there is to show. */
  get resting(): boolean {
    return !this.asked && !this.moving && !this.hurried;
  }

  /** Pixels of the canvas for one unit, one unit away. */
  get scale(): number {
    return this.canvas.height / 2 / Math.tan((this.camera.fov * Math.PI) / 360);
  }

  /** Draw also what stands at these points, however far around the model. */
  takeIn(points: Vector3[]): void {
    this.reach = Math.max(ROOM * this.radius, ...points.map((one) => MARGIN * one.distanceTo(this.middle)));
    this.draw();
  }

  /** Something is going to move. */
  stir(): void {
    clearTimeout(this.rest);
    this.hurried = this.slow;
    this.draw();
  }

  /** The size of a pixel on something that is so far away. */
  pixelAt(distance: number): number {
    return (2 * distance * Math.tan((this.camera.fov * Math.PI) / 360)) / this.canvas.clientHeight;
  }

  /** Where a point stands in the picture, in its pixels; null: behind the camera. */
  pixel(point: Vector3): { x: number; y: number } | null {
    const at = point.clone().project(this.camera);
    if (at.z > 1 || at.z < -1) return null;
    return { x: ((at.x + 1) / 2) * this.canvas.clientWidth, y: ((1 - at.y) / 2) * this.canvas.clientHeight };
  }

  /** The nearest point of `of` behind a place of the window, if `there` agrees. */
  hit(clientX: number, clientY: number, of: Object3D, there: (point: Vector3) => boolean): Vector3 | null {
    const box = this.canvas.getBoundingClientRect();
    const at = new Vector2(((clientX - box.left) / box.width) * 2 - 1, 1 - ((clientY - box.top) / box.height) * 2);
    this.camera.updateMatrixWorld();
    this.ray.setFromCamera(at, this.camera);
    this.ray.params.Points.threshold = this.pixelAt(this.camera.position.distanceTo(this.middle)) * 4;
    return this.ray.intersectObject(of, true).find((one) => there(one.point))?.point ?? null;
  }

  /** Whether nothing of `of` stands between the camera and a point. */
  sees(point: Vector3, of: Object3D, there: (point: Vector3) => boolean): boolean {
    const away = point.clone().sub(this.camera.position);
    const distance = away.length();
    this.ray.set(this.camera.position, away.normalize());
    const first = this.ray.intersectObject(of, true).find((one) => there(one.point));
    return !first || first.distance > distance - 0.02 * this.radius;
  }

  close(): void {
    cancelAnimationFrame(this.asked);
    clearTimeout(this.rest);
    this.renderer.dispose();
  }

  private readonly frame = (now: number): void => {
    this.asked = 0;
    const passed = this.moving ? now - this.last : 16;
    this.last = now;
    if (this.moving) this.pace(passed);
    let more = false;
    for (const step of this.steps) more = step(now, Math.min(passed, 100)) || more;
    clearTimeout(this.rest);
    if (!more && this.hurried) this.rest = window.setTimeout(this.settle, REST_MS);
    this.moving = more;
    this.sharpen();
    this.clip();
    this.renderer.info.reset();
    this.paint();
    this.frames++;
    for (const one of this.drawn) one();
    if (more) this.draw();
  };

  private pace(passed: number): void {
    this.usual = 0.8 * this.usual + 0.2 * Math.min(passed, 500);
    if (this.usual <= SLOW_MS) return;
    if (this.slow) this.coarse = Math.max(COARSEST, 0.8 * this.coarse);
    this.slow = this.hurried = true;
  }

  private readonly settle = (): void => {
    this.hurried = false;
    this.draw();
  };

  /** As many pixels as the screen has; fewer while something moves slowly. */
  private sharpen(): void {
    const wanted = this.hurried ? this.coarse : Math.min(devicePixelRatio || 1, DENSEST);
    if (wanted === this.dense) return;
    this.dense = wanted;
    this.renderer.setPixelRatio(wanted);
  }

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    const wide = width / height;
    const half = Math.tan((this.field * Math.PI) / 360) * Math.max(1, FORMAT / wide);
    this.camera.aspect = wide;
    this.camera.fov = (Math.atan(half) * 360) / Math.PI;
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  /** The depths that are drawn: the model and what stands around it, and no more: the depth buffer has few steps. */
  private clip(): void {
    const { camera } = this;
    const away = camera.position.distanceTo(this.middle);
    camera.near = Math.max(away - this.reach, away / 300, this.radius / 2000);
    camera.far = away + Math.max(5 * this.radius, this.reach);
    camera.updateProjectionMatrix();
    camera.updateMatrixWorld();
  }
}
