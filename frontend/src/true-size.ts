// The length that gives a model its true size, taken from the viewer into the fields of a form.
import { find, make } from "./dom";
import { number, say } from "./texts";

const [SHARE_DIGITS, OFF_DIGITS] = [5, 6];
const POOR_PERCENT = 2; // of a length: from far away, a click is worth less than the model

interface Measured {
  kind: string;
  value: number | null;
  off: number;
  side: number;
  settled: boolean;
}

export class TrueSize {
  private readonly take = make("button", { type: "button", class: "button little" }, say("take length"));
  private measured: Measured | null = null;

  /** `told`: under the viewer, where it is said what was measured. `changed`: the form is not as it was. */
  constructor(
    private readonly fields: HTMLElement,
    private readonly told: HTMLElement,
    private readonly changed: () => void,
  ) {
    document.addEventListener("oberih-measure", (event) => this.offer((event as CustomEvent<Measured>).detail));
    this.take.addEventListener("click", () => this.fill());
    this.field("share").addEventListener("input", () => (this.field("off").value = "")); // nobody clicked that
  }

  private field(name: string): HTMLInputElement {
    return find<HTMLInputElement>(`[name=length-${name}]`, this.fields);
  }

  private offer(measured: Measured): void {
    const { value, off, side, settled } = measured;
    if (value === null || measured.kind === "area") return this.told.replaceChildren();
    if (!settled) return this.told.replaceChildren(say("comes finer"));
    this.measured = measured;
    const percent = (100 * off) / value;
    const told = [say("measured", { x: number(value / side, 3), off: number(percent, percent < 1 ? 2 : 1) })];
    if (percent > POOR_PERCENT) told.push(" ", say("nearer"));
    this.told.replaceChildren(...told, " ", this.take);
  }

  /** Another length than the one before: how long that truly is, is still to be written. */
  private fill(): void {
    if (!this.measured || this.measured.value === null) return;
    const { value, off, side } = this.measured;
    this.field("share").value = (value / side).toFixed(SHARE_DIGITS);
    this.field("off").value = (off / side).toFixed(OFF_DIGITS);
    for (const name of ["m", "error", "what"]) this.field(name).value = "";
    this.changed();
    this.field("m").focus();
  }
}
