// Where a custodian writes how a model is shown. What is written is one value, `told`; everything on the page is
// drawn from it, and it is sent as JSON in a field of the form.
import { find } from "./dom";
import { say } from "./texts";
import type { OberihViewer } from "./viewer";
import type { Annotation, Stop, Texts, Tour, View } from "./viewer/record";

interface Told {
  view: View | null;
  annotations: Annotation[];
  tours: Tour[];
  before: string | null; // a record that shows it at an earlier time
}

const form = find<HTMLFormElement>("#presentation");
const field = find<HTMLTextAreaElement>("[name=told]", form);
const viewer = find<OberihViewer>("oberih-viewer");
const told: Told = read(field.value);
const said = find("[data-said]");
let placing: ((at: Annotation["at"]) => void) | null = null;
let pressed: HTMLButtonElement | null = null;
let saved = false;

function read(text: string): Told {
  const empty: Told = { view: null, annotations: [], tours: [], before: null };
  try {
    return { ...empty, ...(JSON.parse(text) as Partial<Told>) };
  } catch {
    return empty; // somebody sent nonsense, and sees an empty page with the reason
  }
}

/** A new element from a template, with its name. */
function copy(id: string, name: string): HTMLElement {
  const made = find<HTMLTemplateElement>(`#${id}`).content.cloneNode(true) as DocumentFragment;
  find("[data-name]", made as unknown as ParentNode).textContent = name;
  return made.firstElementChild as HTMLElement;
}

/** Tie the fields for a text in each language to what is written. */
function tie(within: HTMLElement, part: "title" | "text", texts: Texts, changed: () => void = (): void => {}): void {
  for (const one of within.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>(`[data-${part}]`)) {
    if (one.closest("li") !== within) continue; // of a halt of this tour
    const language = one.dataset[part] ?? "";
    one.value = texts[language] ?? "";
    one.addEventListener("input", () => {
      if (one.value.trim()) texts[language] = one.value;
      else delete texts[language];
      changed();
      write();
    });
  }
}

function on(within: HTMLElement, name: string, act: (button: HTMLButtonElement) => void): void {
  const button = find<HTMLButtonElement>(`[data-${name}]`, within);
  button.addEventListener("click", () => act(button));
}

function write(): void {
  field.value = JSON.stringify(told);
  saved = false;
  viewer.annotations = told.annotations.map((one) => ({ ...one, titles: titled(one.titles) }));
}

const titled = (titles: Texts): Texts => (Object.keys(titles).length ? titles : { en: say("untitled") });
const slug = (): string => Array.from(crypto.getRandomValues(new Uint8Array(6)), (one) => one.toString(36).padStart(2, "0")).join("");

/** The next press on the model is a place for `act`. */
function place(button: HTMLButtonElement, act: (at: Annotation["at"]) => void): void {
  pressed?.setAttribute("aria-pressed", "false");
  pressed = button;
  button.setAttribute("aria-pressed", "true");
  said.textContent = say("place it");
  placing = act;
  viewer.scrollIntoView({ block: "nearest" });
}

function drawAnnotations(): void {
  find("[data-annotations]").replaceChildren(
    ...told.annotations.map((one, index) => {
      const line = copy("annotation", say("annotation", { number: index + 1 }));
      tie(line, "title", one.titles, drawTours);
      tie(line, "text", one.texts);
      on(line, "look", () => viewer.goTo(one.view ?? viewer.view));
      on(line, "move", (button) => place(button, (at) => void (one.at = at)));
      on(line, "view", () => {
        one.view = viewer.view;
        write();
      });
      on(line, "remove", () => {
        told.annotations.splice(index, 1);
        for (const stop of told.tours.flatMap((tour) => tour.stops)) {
          if (stop.annotation === one.id) stop.annotation = null;
        }
        draw();
      });
      return line;
    }),
  );
}

function drawTours(): void {
  find("[data-tours]").replaceChildren(
    ...told.tours.map((tour, index) => {
      const line = copy("tour", say("tour", { number: index + 1 }));
      tie(line, "title", tour.titles);
      find("[data-stops]", line).replaceChildren(...tour.stops.map((stop, at) => halt(tour, stop, at)));
      const remove = find<HTMLButtonElement>(":scope > fieldset > p [data-remove]", line);
      remove.addEventListener("click", () => {
        told.tours.splice(index, 1);
        draw();
      });
      on(line, "halt", () => {
        tour.stops.push({ view: viewer.view, annotation: null, texts: {} });
        draw();
      });
      return line;
    }),
  );
}

function halt(tour: Tour, stop: Stop, at: number): HTMLElement {
  const line = copy("stop", say("halt", { number: at + 1 }));
  const open = find<HTMLSelectElement>("[data-open]", line);
  for (const [number, one] of told.annotations.entries()) {
    open.append(new Option(Object.values(one.titles)[0] ?? say("annotation", { number: number + 1 }), one.id));
  }
  open.value = stop.annotation ?? "";
  open.addEventListener("change", () => {
    stop.annotation = open.value || null;
    write();
  });
  tie(line, "text", stop.texts);
  on(line, "look", () => viewer.goTo(stop.view));
  on(line, "view", () => {
    stop.view = viewer.view;
    write();
  });
  on(line, "up", () => {
    if (at > 0) tour.stops.splice(at - 1, 2, stop, tour.stops[at - 1] as Stop);
    draw();
  });
  on(line, "remove", () => {
    tour.stops.splice(at, 1);
    draw();
  });
  return line;
}

function draw(): void {
  drawAnnotations();
  drawTours();
  write();
}

/** What waits for a place has it, if there is one of the model at this point of the window. */
function put(clientX: number, clientY: number): void {
  const at = viewer.pick(clientX, clientY);
  said.textContent = say(at ? "placed" : "missed");
  if (!at || !placing) return;
  placing(at);
  placing = null;
  pressed?.setAttribute("aria-pressed", "false");
  draw();
}

let begun: [number, number] = [0, 0];
viewer.addEventListener("pointerdown", (event) => (begun = [event.clientX, event.clientY]), { capture: true });
viewer.addEventListener("click", (event) => {
  const moved = Math.hypot(event.clientX - begun[0], event.clientY - begun[1]) > 6; // that turned the model
  if (placing && event.target instanceof HTMLCanvasElement && !moved) put(event.clientX, event.clientY);
});

viewer.addEventListener("keydown", (event) => {
  if (!placing || event.key !== "Enter" || !(event.target instanceof HTMLCanvasElement)) return;
  const { left, top, width, height } = event.target.getBoundingClientRect();
  event.preventDefault();
  put(left + width / 2, top + height / 2);
});

find("[data-annotate]").addEventListener("click", (event) =>
  place(event.currentTarget as HTMLButtonElement, (at) => {
    told.annotations.push({ id: slug(), at, titles: {}, texts: {}, view: viewer.view });
    requestAnimationFrame(() => find("[data-annotations]").lastElementChild?.querySelector("input")?.focus());
  }),
);
find("[data-tour]").addEventListener("click", () => {
  told.tours.push({ id: slug(), titles: {}, stops: [{ view: viewer.view, annotation: null, texts: {} }] });
  draw();
  find("[data-tours]").lastElementChild?.querySelector("input")?.focus();
});
find("[data-begin]").addEventListener("click", () => {
  told.view = viewer.view;
  write();
  said.textContent = say("begins");
});
find("[data-usual]").addEventListener("click", () => {
  told.view = null;
  write();
  said.textContent = say("begins usual");
});
const before = find<HTMLInputElement>("[data-before]");
before.value = told.before ?? "";
before.addEventListener("input", () => {
  const found = /(?:^|\/)(?:ark:\/?)?([0-9a-z]{5,9}\/[0-9a-z]{1,40})\/?$/.exec(before.value.trim());
  before.setCustomValidity(before.value.trim() && !found ? say("no address") : "");
  told.before = found ? `ark:/${found[1]}` : null;
  write();
});
form.addEventListener("submit", () => (saved = true));
addEventListener("beforeunload", (event) => {
  if (!saved && field.value !== field.defaultValue) event.preventDefault();
});

draw();
field.defaultValue = field.value;
viewer.addEventListener("oberih-ready", () => write(), { once: true });
