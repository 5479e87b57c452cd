// The row of controls under the picture, and the panel that a control opens.
import { make } from "../dom";
import { say } from "../texts";
import { type Icon, icon } from "./icons";

const BUTTON_PX = 72; // that a button needs for its label

export interface Tool {
  name: string; // its label is the text of this name
  /** What the label leaves out, for those who hear it and those who point at it. */
  more?: string;
  sign: Icon;
  /** What its panel shows. Without one, `run` does all. */
  panel?: HTMLElement;
  run?: () => void;
  opened?: () => void;
  closed?: () => void;
}

export class Bar {
  readonly row = make("div", { class: "viewer-bar", role: "toolbar", "aria-label": say("controls") });
  readonly sheet = make("div", { class: "viewer-sheet", hidden: "" });
  private open: Tool | null = null;
  private readonly buttons = new Map<string, HTMLButtonElement>();

  constructor() {
    this.sheet.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close(true);
    });
    this.row.addEventListener("keydown", (event) => this.along(event));
    new ResizeObserver(() => this.fill()).observe(this.row);
  }

  add(tool: Tool): HTMLButtonElement {
    const button = make("button", { type: "button", class: "viewer-tool", "data-tool": tool.name }, icon(tool.sign), make("span", {}, say(tool.name)));
    if (tool.more) {
      button.title = tool.more;
      button.setAttribute("aria-label", `${say(tool.name)}: ${tool.more}`);
    }
    if (tool.panel) {
      tool.panel.id = `viewer-${tool.name}`;
      tool.panel.hidden = true;
      button.setAttribute("aria-expanded", "false");
      button.setAttribute("aria-controls", tool.panel.id);
      tool.panel.setAttribute("role", "group");
      tool.panel.setAttribute("aria-label", say(tool.name));
      this.sheet.append(tool.panel);
    }
    button.addEventListener("click", () => {
      if (!tool.panel) tool.run?.();
      else if (this.open === tool) this.close();
      else {
        this.show(tool);
        this.sheet.scrollIntoView({ block: "nearest" });
      }
    });
    this.buttons.set(tool.name, button);
    this.row.append(button);
    return button;
  }

  /** Something in the row that is no button of ours: a link. */
  put(one: HTMLElement): void {
    this.row.append(one);
  }

  /** Say whether a tool without a panel is at work. */
  press(name: string, on: boolean): void {
    this.buttons.get(name)?.setAttribute("aria-pressed", `${on}`);
  }

  show(tool: Tool): void {
    if (this.open === tool || !tool.panel) return;
    this.close();
    this.open = tool;
    this.sheet.hidden = tool.panel.hidden = false;
    this.buttons.get(tool.name)?.setAttribute("aria-expanded", "true");
    tool.opened?.();
  }

  close(back = false): void {
    const { open } = this;
    if (!open?.panel) return;
    this.open = null;
    this.sheet.hidden = open.panel.hidden = true;
    const button = this.buttons.get(open.name);
    button?.setAttribute("aria-expanded", "false");
    if (back) button?.focus();
    open.closed?.();
  }

  /** As many in each row as in the others, where one row is too short for all. */
  private fill(): void {
    const count = [...this.row.children].filter((one) => one.checkVisibility()).length;
    const rows = Math.ceil((count * BUTTON_PX) / this.row.clientWidth);
    if (rows) this.row.style.setProperty("--columns", `${Math.ceil(count / rows)}`);
  }

  /** Left and right go along the row, as in every toolbar. */
  private along(event: KeyboardEvent): void {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const all = [...this.row.querySelectorAll<HTMLElement>("button, a")].filter((one) => one.checkVisibility());
    const at = all.indexOf(document.activeElement as HTMLElement);
    if (!by || at < 0) return;
    all[(at + by + all.length) % all.length]?.focus();
    event.preventDefault();
  }
}

/** A choice among some, as radio buttons that look like buttons. */
export function choice(legend: string, name: string, options: [string, string][], chosen: string, chose: (value: string) => void): HTMLFieldSetElement {
  const row = make("div", { class: "viewer-choice" });
  for (const [value, words] of options) {
    const input = make("input", { type: "radio", name: `viewer-${name}`, value });
    input.checked = value === chosen;
    input.addEventListener("change", () => chose(value));
    row.append(make("label", {}, input, make("span", {}, words)));
  }
  return make("fieldset", { "data-choice": name }, make("legend", {}, legend), row);
}

export function pick(field: HTMLElement, value: string): void {
  for (const one of field.querySelectorAll<HTMLInputElement>("input[type=radio]")) one.checked = one.value === value;
}

/** A slider, with what it says of its value. */
export function slider(
  words: string, name: string, range: { min: number; max: number; step: number; value: number }, told: (value: number) => string, moved: (value: number) => void,
): { field: HTMLElement; set(value: number): void } {
  const input = make("input", { type: "range", name: `viewer-${name}`, min: `${range.min}`, max: `${range.max}`, step: `${range.step}` });
  const output = make("output", {});
  const show = (): void => {
    output.textContent = told(input.valueAsNumber);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const set = (value: number): void => {
    input.valueAsNumber = value;
    show();
  };
  input.addEventListener("input", () => {
    show();
    moved(input.valueAsNumber);
  });
  set(range.value);
  return { field: make("label", { class: "viewer-slider" }, make("span", {}, words), output, input), set };
}

export function button(words: string, sign: Icon, run: () => void, quiet = false): HTMLButtonElement {
  const made = make("button", { type: "button", class: "button little" }, icon(sign));
  if (quiet) made.setAttribute("aria-label", words);
  else made.append(` ${words}`);
  made.addEventListener("click", run);
  return made;
}
