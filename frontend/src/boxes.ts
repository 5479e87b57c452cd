// What is blurred in a picture. Found regions are check boxes, drawn over the picture too; boxes that a person
// adds are drawn, or placed with the keyboard, and go to the server as hidden fields "picture/left,top,width,
// height", in shares of the picture.
import { find, make, svg } from "./dom";
import { say } from "./texts";

const STEP = 0.01;
const LEAST = 0.02;

interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export class Boxes {
  private readonly layer = svg("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none" });
  private readonly marks: HTMLElement;
  private readonly add: HTMLButtonElement;
  private added = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly changed: () => void,
  ) {
    this.marks = find(".marks", place);
    this.add = find<HTMLButtonElement>("[data-add]", place);
    find(".canvas", place).append(this.layer);
    for (const one of place.querySelectorAll<HTMLInputElement>("[data-box]")) this.found(one);
    this.add.hidden = false;
    this.add.addEventListener("click", () => {
      const { box } = this.make({ left: 0.4, top: 0.4, width: 0.2, height: 0.2 });
      box.focus();
    });
    this.layer.addEventListener("pointerdown", (event) => this.draw(event as PointerEvent));
  }

  /** A region that software found: its box on the picture and its check box are one. */
  private found(tick: HTMLInputElement): void {
    const [left = 0, top = 0, width = 0, height = 0] = (tick.dataset.box ?? "").split(",").map(Number);
    const box = svg("rect", { class: "box", "aria-hidden": "true" });
    put(box, { left, top, width, height });
    const same = (): void => void box.classList.toggle("on", tick.checked);
    tick.addEventListener("change", same);
    box.addEventListener("pointerdown", (event) => event.stopPropagation());
    box.addEventListener("click", () => tick.click());
    same();
    this.layer.append(box);
  }

  private make(at: Box): { box: SVGElement; move: (to: Box) => void; remove: () => void } {
    this.added += 1;
    const number = this.added;
    let now = at;
    const box = svg("rect", { class: "box on own", tabindex: 0, role: "button", "aria-label": say("box", { number }) });
    const field = make("input", { type: "hidden", name: "add" });
    const remove = make("button", { type: "button", class: "button little" }, say("remove"));
    const line = make("li", { class: "mark" }, say("added", { number }), remove, field);
    const move = (to: Box): void => {
      now = inside(to);
      put(box, now);
      const numbers = [now.left, now.top, now.width, now.height].map((one) => one.toFixed(4));
      field.value = `${this.place.dataset.picture}/${numbers.join(",")}`;
      this.changed();
    };
    const drop = (): void => {
      box.remove();
      line.remove();
      this.add.focus();
      this.changed();
    };
    remove.addEventListener("click", drop);
    box.addEventListener("keydown", (event) => {
      const key = event as KeyboardEvent;
      if (key.key === "Delete" || key.key === "Backspace") drop();
      const step = STEPS[key.key];
      if (!step) return;
      event.preventDefault();
      const [right, down] = step;
      if (key.shiftKey) move({ ...now, width: now.width + right * STEP, height: now.height + down * STEP });
      else move({ ...now, left: now.left + right * STEP, top: now.top + down * STEP });
    });
    box.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      const began = now;
      this.follow(event as PointerEvent, (right, down) =>
        move({ ...began, left: began.left + right, top: began.top + down }),
      );
    });
    this.marks.querySelector("[data-none]")?.remove();
    this.marks.append(line);
    this.layer.append(box);
    move(at);
    return { box, move, remove: drop };
  }

  /** Draw a new box with the mouse or a pen. A finger scrolls the page: there is the button. */
  private draw(event: PointerEvent): void {
    if (event.pointerType === "touch" || event.button !== 0) return;
    event.preventDefault();
    const start = this.where(event);
    const { move, remove } = this.make({ left: start.x, top: start.y, width: LEAST, height: LEAST });
    let large = false;
    this.follow(
      event,
      (right, down) => {
        large = Math.abs(right) > LEAST && Math.abs(down) > LEAST;
        move({
          left: Math.min(start.x, start.x + right),
          top: Math.min(start.y, start.y + down),
          width: Math.abs(right),
          height: Math.abs(down),
        });
      },
      () => {
        if (!large) remove(); // a click, not a box
      },
    );
  }

  private follow(begun: PointerEvent, moved: (right: number, down: number) => void, ended = (): void => {}): void {
    const start = this.where(begun);
    const stop = new AbortController();
    const end = (): void => {
      stop.abort();
      ended();
    };
    addEventListener(
      "pointermove",
      (event) => {
        const now = this.where(event);
        moved(now.x - start.x, now.y - start.y);
      },
      { signal: stop.signal },
    );
    addEventListener("pointerup", end, { signal: stop.signal });
    addEventListener("pointercancel", end, { signal: stop.signal });
  }

  private where(event: PointerEvent): { x: number; y: number } {
    const area = this.layer.getBoundingClientRect();
    return { x: (event.clientX - area.left) / area.width, y: (event.clientY - area.top) / area.height };
  }
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function inside(box: Box): Box {
  const width = Math.min(1, Math.max(LEAST, box.width));
  const height = Math.min(1, Math.max(LEAST, box.height));
  const within = (value: number, most: number): number => Math.min(Math.max(0, value), most);
  return { left: within(box.left, 1 - width), top: within(box.top, 1 - height), width, height };
}

function put(box: SVGElement, at: Box): void {
  box.setAttribute("x", String(at.left));
  box.setAttribute("y", String(at.top));
  box.setAttribute("width", String(at.width));
  box.setAttribute("height", String(at.height));
}
