// What a person sees while files are on their way: how far, how long still, and what is wrong.
import { find, make } from "./dom";
import type { Planned, Sending } from "./sending";
import { among, percent, say, size, time } from "./texts";

const OVER = 30; // seconds over which the speed is measured

export class SendingView {
  private readonly lines = new Map<Planned, HTMLElement>();
  private readonly past: [number, number][] = []; // seconds, bytes
  private lock: WakeLockSentinel | null = null;
  private drawn = 0;
  private over = false;

  constructor(
    private readonly place: HTMLElement,
    private readonly sending: Sending,
    private readonly picture: (one: Planned) => HTMLElement | undefined,
  ) {
    const list = find("[data-files-list]", place);
    list.replaceChildren(...sending.files.map((one) => this.line(one)));
    find("[data-pictures]", place).replaceChildren(...sending.files.flatMap((one) => picture(one) ?? []));
    const pause = find("[data-pause]", place);
    pause.addEventListener("click", () => {
      if (sending.paused) sending.goOn();
      else sending.pause();
      pause.textContent = sending.paused ? say("goOn") : say("pause");
    });
  }

  /** Show it while `work` goes on; keep the screen on, and ask before the page is closed. */
  async during(work: Promise<void>): Promise<void> {
    const ask = (event: Event): void => event.preventDefault();
    const awake = (): void => void this.stayAwake();
    this.place.hidden = false;
    find("#sending-title").focus();
    addEventListener("beforeunload", ask);
    document.addEventListener("visibilitychange", awake);
    awake();
    const clock = setInterval(() => this.draw(), 1000);
    this.draw();
    try {
      await work;
    } finally {
      this.over = true;
      clearInterval(clock);
      removeEventListener("beforeunload", ask);
      document.removeEventListener("visibilitychange", awake);
      await this.lock?.release();
      this.draw();
      find("[data-pause]", this.place).hidden = true;
    }
  }

  tell(words: string, tone = ""): void {
    const place = find("[data-state]", this.place);
    if (place.textContent !== words) place.textContent = words;
    place.className = `note ${tone}`;
  }

  /** Something changed; it is drawn at most ten times a second. */
  update(): void {
    if (performance.now() - this.drawn > 100) this.draw();
  }

  private draw(): void {
    this.drawn = performance.now();
    const { files, sent, bytes, paused, waiting } = this.sending;
    const share = bytes ? sent / bytes : 1;
    const done = files.filter((one) => one.state === "done").length;
    find("[data-percent]", this.place).textContent = percent(share);
    find<HTMLProgressElement>("progress", this.place).value = share;
    const counted = say("done", { done: String(done), all: String(files.length) });
    find("[data-done]", this.place).textContent =
      `${counted} · ${say("bytes", { done: size(sent), all: size(bytes) })}`;
    const left = paused || waiting ? null : this.left(sent, bytes);
    find("[data-left]", this.place).textContent = left === null ? "" : say("left", { time: time(left) });
    for (const one of files) this.mark(one);
    if (this.over) return;
    const down = waiting > 0 && !files.some((one) => one.state === "sending");
    const failed = files.find((one) => one.state === "failed");
    if (paused) this.tell(say("paused"), "warm");
    else if (down || !navigator.onLine) this.tell(say("waiting"), "warm");
    else if (failed) this.tell(say("refused", { name: failed.file.name, reason: failed.reason }), "stop");
    else this.tell(say("sending"));
  }

  /** Seconds until all is there, at the speed of the last half minute; nothing before it is known. */
  private left(sent: number, bytes: number): number | null {
    const now = performance.now() / 1000;
    this.past.push([now, sent]);
    while (this.past.length > 2 && now - (this.past[0]?.[0] ?? now) > OVER) this.past.shift();
    const [began, had] = this.past[0] ?? [now, sent];
    if (now - began < 4 || sent <= had) return null;
    return ((bytes - sent) * (now - began)) / (sent - had);
  }

  private line(one: Planned): HTMLElement {
    const line = make("li", {}, make("span", {}, one.file.name), make("span"));
    this.lines.set(one, line);
    return line;
  }

  private mark(one: Planned): void {
    const line = this.lines.get(one);
    const told = line?.lastElementChild;
    if (!line || !told) return;
    line.dataset.state = one.state;
    this.picture(one)?.setAttribute("data-state", one.state);
    const words = one.reason || among("states", one.state);
    if (told.textContent !== words) told.textContent = words;
  }

  private async stayAwake(): Promise<void> {
    if (document.hidden) return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
    } catch {
      this.lock = null; // not every browser has it, and a low battery refuses it
    }
  }
}
