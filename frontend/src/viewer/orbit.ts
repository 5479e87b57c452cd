// Moves the camera round a point: by mouse, touch, keys and buttons, or in a flight to a view.
import { Vector3 } from "three";
import type { Stage } from "./stage";

const ACROSS = Math.PI; // radians for a way across the whole picture
const KEY_TURN = Math.PI / 18;
const KEY_PAN = 0.08; // of what is seen
const ZOOM = 1.25; // for a key
const FLIGHT_MS = 900;
const LOWEST = -0.35; // radians below the level
const HIGHEST = Math.PI / 2 - 0.001;
const EDGE = 0.1; // of the picture, that is left free around what is taken in
const TAP_PX = 6;
const FOLLOWS_MS = 70; // in which most of a way is made

export type Direction = "left" | "right" | "up" | "down" | "nearer" | "farther";

/** Where the camera stands: `turn` from z towards x and `rise` above the level, in radians, about `target`. */
interface Stand {
  target: Vector3;
  turn: number;
  rise: number;
  distance: number;
}

export class Orbit {
  /** Called when somebody pressed and did not drag. */
  tapped: (clientX: number, clientY: number) => void = () => {};
  /** Called once the camera rests. */
  rested: () => void = () => {};
  /** Whether the wheel and all fingers are ours: the viewer fills the window. */
  whole = false;
  private now: Stand;
  private goal: Stand;
  private flight: { from: Stand; began: number } | null = null;
  private readonly calm = matchMedia("(prefers-reduced-motion: reduce)");
  private readonly pointers = new Map<number, { x: number; y: number }>();
  private far = 0; // how far pointers have been dragged
  private still = true;

  constructor(
    private readonly stage: Stage,
    eye: Vector3,
    target: Vector3,
    private readonly home = { eye: eye.clone(), target: target.clone() },
  ) {
    this.now = standOf(eye, target);
    this.goal = copied(this.now);
    this.place();
    stage.steps.push((now, passed) => this.step(now, passed));
    const { canvas } = stage;
    const area = canvas.parentElement ?? canvas; // pins lie over the canvas: one can drag from them too
    area.addEventListener("pointerdown", (event) => this.down(event));
    area.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"] as const) area.addEventListener(name, (event) => this.up(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  get eye(): Vector3 {
    return eyeOf(this.goal);
  }

  get target(): Vector3 {
    return this.goal.target.clone();
  }

  /** Look from `eye` at `target`; at once, or in a flight. */
  go(eye: Vector3, target: Vector3, flying = true): void {
    const to = standOf(eye, target);
    to.turn += Math.round((this.now.turn - to.turn) / (2 * Math.PI)) * 2 * Math.PI; // the short way round
    this.goal = to;
    this.flight = null;
    if (flying && !this.calm.matches) this.flight = { from: copied(this.now), began: performance.now() };
    else {
      this.now = copied(to);
      this.place();
    }
    this.start();
  }

  goHome(flying = true): void {
    this.go(this.home.eye, this.home.target, flying);
  }

  /** Look at a point from where the camera stands, and nearer. */
  focus(point: Vector3): void {
    const away = this.eye.sub(point);
    this.go(point.clone().add(away.multiplyScalar(0.6)), point);
  }

  /** Look from so far that all of these points are seen, too. */
  takeIn(points: Vector3[]): void {
    const { fov, aspect } = this.stage.camera;
    const high = Math.tan((fov * Math.PI) / 360) * (1 - EDGE);
    const { target, turn } = this.goal;
    const back = this.eye.sub(target).normalize();
    const across = new Vector3(Math.cos(turn), 0, -Math.sin(turn));
    const upwards = back.clone().cross(across);
    const needed = points.map((point) => {
      const away = point.clone().sub(target);
      return away.dot(back) + Math.max(Math.abs(away.dot(across)) / (high * aspect), Math.abs(away.dot(upwards)) / high);
    });
    const distance = Math.min(12 * this.stage.radius, Math.max(this.goal.distance, ...needed));
    this.go(back.multiplyScalar(distance).add(target), target.clone());
  }

  turnBy(turn: number, rise: number): void {
    this.change((goal) => {
      goal.turn += turn;
      goal.rise += rise;
    });
  }

  /** `factor` times as far. */
  zoomBy(factor: number): void {
    this.change((goal) => {
      goal.distance *= factor;
    });
  }

  /** Move sideways and upwards, in pixels of the picture. */
  panBy(right: number, up: number): void {
    this.change((goal) => {
      const size = this.stage.pixelAt(goal.distance);
      const across = new Vector3(Math.cos(goal.turn), 0, -Math.sin(goal.turn));
      const upwards = eyeOf(goal).sub(goal.target).cross(across).normalize();
      goal.target.addScaledVector(across, right * size).addScaledVector(upwards, up * size);
      const most = 1.5 * this.stage.radius;
      goal.target.clamp(new Vector3(-most, -most, -most), new Vector3(most, 2 * most, most));
    });
  }

  /** What a button or a key does. */
  nudge(way: Direction, panning = false): void {
    const { clientHeight: high } = this.stage.canvas;
    const [x, y] = { left: [-1, 0], right: [1, 0], up: [0, 1], down: [0, -1], nearer: [0, 0], farther: [0, 0] }[way] as [number, number];
    if (way === "nearer") this.zoomBy(1 / ZOOM);
    else if (way === "farther") this.zoomBy(ZOOM);
    else if (panning) this.panBy(x * KEY_PAN * high, y * KEY_PAN * high);
    else this.turnBy(x * KEY_TURN, y * KEY_TURN);
  }

  private change(by: (goal: Stand) => void): void {
    this.flight = null;
    by(this.goal);
    const { radius } = this.stage;
    this.goal.rise = Math.min(HIGHEST, Math.max(LOWEST, this.goal.rise));
    this.goal.distance = Math.min(12 * radius, Math.max(0.02 * radius, this.goal.distance));
    this.start();
  }

  private start(): void {
    this.still = false;
    this.stage.stir();
  }

  private step(now: number, passed: number): boolean {
    if (this.still) return false;
    if (this.flight) {
      const share = Math.min(1, Math.max(0, (now - this.flight.began) / FLIGHT_MS));
      mix(this.now, this.flight.from, this.goal, share * share * (3 - 2 * share));
      if (share === 1) this.flight = null;
    } else mix(this.now, this.now, this.goal, this.calm.matches ? 1 : 1 - Math.exp(-passed / FOLLOWS_MS));
    if (!this.flight && close(this.now, this.goal) && !this.pointers.size) {
      this.now = copied(this.goal);
      this.still = true;
    }
    this.place();
    if (this.still) setTimeout(() => this.still && this.rested());
    return !this.still;
  }

  private place(): void {
    this.stage.camera.position.copy(eyeOf(this.now));
    this.stage.camera.lookAt(this.now.target);
  }

  private down(event: PointerEvent): void {
    if (event.target instanceof HTMLInputElement) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 1) this.far = 0;
    if (event.target !== this.stage.canvas) return;
    this.stage.canvas.setPointerCapture(event.pointerId);
    this.stage.canvas.focus({ preventScroll: true });
  }

  private move(event: PointerEvent): void {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const before = spread([...this.pointers.values()]);
    const [x, y] = [event.clientX - last.x, event.clientY - last.y];
    this.far += Math.hypot(x, y);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.far < TAP_PX) return;
    this.stage.canvas.setPointerCapture(event.pointerId); // from a pin: it is no click any more
    if (this.pointers.size === 1) {
      if (event.shiftKey || event.ctrlKey || event.buttons > 1) this.panBy(-x, y);
      else {
        const turn = ACROSS / this.stage.canvas.clientWidth;
        this.turnBy(-x * turn, y * turn);
      }
      return;
    }
    const after = spread([...this.pointers.values()]);
    this.panBy(before.x - after.x, after.y - before.y);
    if (before.size && after.size) this.zoomBy(before.size / after.size);
  }

  private up(event: PointerEvent): void {
    const was = this.pointers.delete(event.pointerId);
    this.start();
    if (event.target !== this.stage.canvas) return;
    if (was && event.type === "pointerup" && this.far < TAP_PX && event.button === 0 && !this.pointers.size) {
      this.tapped(event.clientX, event.clientY);
    }
  }

  /** The wheel scrolls the page, until the viewer has been chosen. */
  private wheel(event: WheelEvent): void {
    if (!this.whole && !event.ctrlKey && document.activeElement !== this.stage.canvas) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    this.zoomBy(Math.exp(Math.max(-200, Math.min(200, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.0015)));
  }

  private key(event: KeyboardEvent): void {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    const way = KEYS[event.key];
    if (way) this.nudge(way, event.shiftKey);
    else if (event.key === "Home") this.goHome();
    else return;
    event.preventDefault();
  }
}

const KEYS: Record<string, Direction> = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down",
  "+": "nearer", "=": "nearer", "-": "farther", _: "farther",
};

function standOf(eye: Vector3, target: Vector3): Stand {
  const away = eye.clone().sub(target);
  const distance = away.length() || 1;
  return { target: target.clone(), turn: Math.atan2(away.x, away.z), rise: Math.asin(away.y / distance), distance };
}

function eyeOf({ target, turn, rise, distance }: Stand): Vector3 {
  const level = Math.cos(rise) * distance;
  return new Vector3(level * Math.sin(turn), distance * Math.sin(rise), level * Math.cos(turn)).add(target);
}

function copied(one: Stand): Stand {
  return { ...one, target: one.target.clone() };
}

function mix(into: Stand, from: Stand, to: Stand, share: number): void {
  into.target.lerpVectors(from.target, to.target, share);
  into.turn = from.turn + (to.turn - from.turn) * share;
  into.rise = from.rise + (to.rise - from.rise) * share;
  into.distance = from.distance * (to.distance / from.distance) ** share;
}

function close(a: Stand, b: Stand): boolean {
  const angles = Math.abs(a.turn - b.turn) + Math.abs(a.rise - b.rise);
  return angles < 2e-4 && Math.abs(a.distance / b.distance - 1) < 2e-4 && a.target.distanceTo(b.target) < 2e-4 * b.distance;
}

/** The middle of some pointers, and how far they are apart. */
function spread(all: { x: number; y: number }[]): { x: number; y: number; size: number } {
  const [a, b] = [all[0] ?? { x: 0, y: 0 }, all[1] ?? all[0] ?? { x: 0, y: 0 }];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, size: Math.hypot(a.x - b.x, a.y - b.y) };
}
