// The files that a person chose: checked, listed, with small pictures made here, a few at a time.
import { find, make } from "./dom";
import { say, size } from "./texts";

const SHOWN = 60;
const AT_ONCE = 2;
const WIDTH = 240;
const KNOWN = /^(image|video)\//;
const BY_NAME = /\.(heic|heif|dng|jpe?g|png|webp|tiff?|mp4|mov|m4v|avi|mkv|webm)$/i;

export interface Limits {
  files: number;
  fileBytes: number;
  bytes: number;
}

export class Chosen {
  readonly files: File[] = [];
  private readonly known = new Set<string>();
  private readonly thumbs = new Map<File, HTMLLIElement>();
  private readonly queue: [File, HTMLLIElement][] = [];
  private busy = 0;

  constructor(
    private readonly place: HTMLElement,
    private readonly limits: Limits,
    private readonly changed: () => void,
  ) {
    find("[data-clear]", place).addEventListener("click", () => this.clear());
  }

  get bytes(): number {
    return this.files.reduce((sum, one) => sum + one.size, 0);
  }

  add(files: Iterable<File>): void {
    const refused: string[] = [];
    for (const file of files) {
      const key = `${file.name}/${file.size}/${file.lastModified}`;
      const wrong = this.wrong(file);
      if (wrong) refused.push(wrong);
      if (wrong || this.known.has(key)) continue;
      this.known.add(key);
      this.files.push(file);
    }
    this.show(refused);
  }

  clear(): void {
    this.files.length = 0;
    this.known.clear();
    this.queue.length = 0;
    this.show([]);
  }

  /** Its small picture, to be shown elsewhere; only of the first of many. */
  picture(file: File): HTMLElement | undefined {
    const made = this.thumbs.get(file);
    made?.querySelector("button")?.remove();
    return made;
  }

  private wrong(file: File): string {
    if (!KNOWN.test(file.type) && !BY_NAME.test(file.name)) return say("notKnown", { name: file.name });
    if (file.size === 0) return say("empty", { name: file.name });
    if (file.size > this.limits.fileBytes) {
      return say("tooLarge", { name: file.name, size: size(this.limits.fileBytes) });
    }
    if (this.files.length >= this.limits.files) return say("tooMany", { count: this.limits.files });
    if (this.bytes + file.size > this.limits.bytes) return say("tooMuch", { size: size(this.limits.bytes) });
    return "";
  }

  private remove(file: File): void {
    this.files.splice(this.files.indexOf(file), 1);
    this.known.delete(`${file.name}/${file.size}/${file.lastModified}`);
    this.show([]);
    find<HTMLElement>("[data-clear]", this.place).focus();
  }

  private show(refused: string[]): void {
    const { files, place } = this;
    place.hidden = files.length === 0 && refused.length === 0;
    find("[data-count]", place).textContent = files.length
      ? say("chosen", { count: files.length, size: size(this.bytes) })
      : "";
    const problems = find("[data-refused]", place);
    problems.hidden = refused.length === 0;
    problems.textContent = [...new Set(refused)].slice(0, 5).join(" ");
    this.advise();
    const shown = files.slice(0, SHOWN);
    find("[data-thumbs]", place).replaceChildren(...shown.map((file) => this.thumb(file)));
    for (const file of this.thumbs.keys()) if (!shown.includes(file)) this.forget(file);
    find("[data-more]", place).textContent =
      files.length > SHOWN ? say("more", { count: files.length - SHOWN }) : "";
    this.changed();
  }

  private advise(): void {
    const photos = this.files.filter((one) => !one.type.startsWith("video/")).length;
    const words: string[] = [];
    if (photos < 20 && this.files.length > 0) words.push(say("few", { count: photos }));
    if (photos < this.files.length) words.push(say("video"));
    const place = find("[data-advice]", this.place);
    place.hidden = words.length === 0;
    place.textContent = words.join(" ");
  }

  private thumb(file: File): HTMLLIElement {
    const there = this.thumbs.get(file);
    if (there) return there;
    const remove = make("button", { type: "button", class: "remove", "aria-label": say("remove", { name: file.name }) });
    remove.addEventListener("click", () => this.remove(file));
    const made = make("li", {}, make("div", { class: "blank" }, file.name), remove);
    this.thumbs.set(file, made);
    if (!file.type.startsWith("video/")) {
      this.queue.push([file, made]);
      this.draw();
    }
    return made;
  }

  private forget(file: File): void {
    const image = this.thumbs.get(file)?.querySelector("img");
    if (image) URL.revokeObjectURL(image.src);
    this.thumbs.delete(file);
  }

  /** Make the next small pictures, without holding up the page. */
  private draw(): void {
    while (this.busy < AT_ONCE) {
      const next = this.queue.shift();
      if (!next) return;
      this.busy += 1;
      void small(next[0])
        .then((picture) => {
          if (picture && this.thumbs.get(next[0]) === next[1]) {
            const address = URL.createObjectURL(picture);
            next[1].firstElementChild?.replaceWith(make("img", { src: address, alt: next[0].name }));
          }
        })
        .finally(() => {
          this.busy -= 1;
          this.draw();
        });
    }
  }
}

/** A small JPEG of a photo; nothing if this browser cannot read it (HEIC, raw). */
async function small(file: File): Promise<Blob | null> {
  try {
    const picture = await createImageBitmap(file, { resizeWidth: WIDTH, resizeQuality: "medium" });
    const canvas = make("canvas", { width: String(picture.width), height: String(picture.height) });
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    picture.close();
    return await new Promise((end) => canvas.toBlob(end, "image/jpeg", 0.8));
  } catch {
    return null;
  }
}
