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
  eyes: boolean; // whether to show where the photos were taken
}

const SAID_MS = 8000;
const form = find<HTMLFormElement>("#presentation");
const field = find<HTMLTextAreaElement>("[name=told]", form);
const viewer = find<OberihViewer>("oberih-viewer");
const told: Told = read(field.value);
const said = find("[data-said]");
let placing: ((at: Annotation["at"]) => void) | null = null;
let pressed: HTMLButtonElement | null = null;
let saved = false;
let silence = 0;
const unfolded = new Set<Annotation>(); // those of which the text is in sight

function read(text: string): Told {
  const empty: Told = { view: null, annotations: [], tours: [], before: null, eyes: false };
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
    if (one.closest("li") !== within) continue; // of a stop of this tour
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
  // Until the element is defined, this would make a plain property, which then hides the element's own.
  if (customElements.get("oberih-viewer")) viewer.annotations = told.annotations.map((one) => ({ ...one, titles: titled(one.titles) }));
}

const titled = (titles: Texts): Texts => (Object.keys(titles).length ? titles : { en: say("untitled") });
const slug = (): string => Array.from(crypto.getRandomValues(new Uint8Array(6)), (one) => one.toString(36).padStart(2, "0")).join("");

/** Say something over the model. It goes after a while, unless something is still to be done. */
function answer(name: string): void {
  said.textContent = ""; // the same words once more are told once more
  clearTimeout(silence);
  requestAnimationFrame(() => (said.textContent = say(name)));
  if (!placing) silence = window.setTimeout(() => (said.textContent = ""), SAID_MS);
}

/** Say something that waits for the model to come; or that it never comes, where there is no 3D. */
function answerOnceThere(name: string): void {
  answer(name);
  void viewer.start().then(() => viewer.state ?? answer("no 3D here"));
}

/** The next press on the model is a place for `act`. */
function place(button: HTMLButtonElement, act: (at: Annotation["at"]) => void): void {
  pressed?.setAttribute("aria-pressed", "false");
  pressed = button;
  button.setAttribute("aria-pressed", "true");
  placing = act;
  viewer.scrollIntoView({ block: "nearest" });
  answerOnceThere("place it");
}

/** From where the model is seen now; nothing while it is not there, which is said. */
function looking(): View | null {
  if (viewer.state) return viewer.view;
  answerOnceThere("comes");
  return null;
}

function drawAnnotations(): void {
  find("[data-annotations]").replaceChildren(
    ...told.annotations.map((one, index) => {
      const line = copy("annotation", say("annotation", { number: index + 1 }));
      tie(line, "title", one.titles, drawTours);
      tie(line, "text", one.texts);
      const more = find<HTMLDetailsElement>("[data-more]", line);
      more.open = unfolded.has(one);
      more.addEventListener("toggle", () => (more.open ? unfolded.add(one) : unfolded.delete(one)));
      on(line, "look", () => one.view && viewer.goTo(one.view));
      on(line, "move", (button) => place(button, (at) => void (one.at = at)));
      on(line, "view", () => {
        one.view = looking() ?? one.view;
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
        const view = looking();
        if (!view) return;
        tour.stops.push({ view, annotation: null, texts: {} });
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
    stop.view = looking() ?? stop.view;
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
  if (!at || !placing) return answer("missed");
  placing(at);
  placing = null;
  answer("placed");
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
  const view = looking();
  if (!view) return;
  told.tours.push({ id: slug(), titles: {}, stops: [{ view, annotation: null, texts: {} }] });
  draw();
  find("[data-tours]").lastElementChild?.querySelector("input")?.focus();
});
find("[data-begin]").addEventListener("click", () => {
  const view = looking();
  if (!view) return;
  told.view = view;
  write();
  answer("begins");
});
find("[data-usual]").addEventListener("click", () => {
  told.view = null;
  write();
  answer("begins usual");
});
const before = find<HTMLInputElement>("[data-before]");
before.value = told.before ?? "";
before.addEventListener("input", () => {
  const found = /(?:^|\/)(?:ark:\/?)?([0-9a-z]{5,9}\/[0-9a-z]{1,40})\/?$/.exec(before.value.trim());
  before.setCustomValidity(before.value.trim() && !found ? say("no address") : "");
  told.before = found ? `ark:/${found[1]}` : null;
  write();
});
const eyes = document.querySelector<HTMLInputElement>("[data-eyes]");
const marks = eyes ? (JSON.parse(find("[data-marks]").textContent ?? "") as View[]) : [];
told.eyes &&= eyes !== null; // it was ticked, and cannot be shown any more: the page says why
if (eyes) eyes.checked = told.eyes;
eyes?.addEventListener("change", () => {
  told.eyes = eyes.checked;
  write();
  mark();
  if (!eyes.checked) return;
  viewer.scrollIntoView({ block: "nearest" });
  void viewer.start().then(() => {
    if (viewer.state) return;
    told.eyes = eyes.checked = false; // nobody lets pass what they cannot see
    write();
    answer("no marks here");
  });
});

/** Marks around the model, as everybody would see them; nothing while it is not there. */
function mark(): void {
  if (viewer.state) viewer.eyes = told.eyes ? marks : [];
}

form.addEventListener("submit", () => (saved = true));
addEventListener("beforeunload", (event) => {
  if (!saved && field.value !== kept) event.preventDefault();
});

draw();
const kept = document.getElementById("wrong") ? "" : field.value; // what was not taken is not saved anywhere
viewer.addEventListener(
  "oberih-ready",
  () => {
    write();
    if (told.eyes) mark();
  },
  { once: true },
);
