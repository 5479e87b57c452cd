// Asks the worker for models.
import worker from "./model.worker.ts?worker&url";
import type { Part } from "./glb";
import type { Asked, Told } from "./model.worker";

interface Policy {
  createScriptURL(address: string): string;
}
interface Factory {
  createPolicy(name: string, rules: Policy): Policy;
}

const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const rules: Policy = {
  createScriptURL: (address) => {
    if (address !== worker) throw new TypeError("Only the viewer's own worker may be started.");
    return address;
  },
};
/** Started workers must be vouched for: the pages' policy knows this name, and it vouches for one file. */
const policy = factory?.createPolicy("oberih-viewer", rules) ?? rules;

export class Models {
  /** Of a picture's longer side, at most. */
  texels = 4096;
  private readonly worker = new Worker(policy.createScriptURL(worker), { type: "module" });
  private readonly waiting = new Map<number, { done(parts: Part[]): void; failed(error: Error): void; loaded?: ((share: number) => void) | undefined }>();
  private readonly ahead = new Map<string, Promise<Part[]>>();
  private count = 0;

  constructor() {
    this.worker.addEventListener("message", (event: MessageEvent<Told>) => {
      const told = event.data;
      const one = this.waiting.get(told.id);
      if (told.kind === "loaded") return one?.loaded?.(told.share);
      this.waiting.delete(told.id);
      if (told.kind === "done") one?.done(told.parts);
      else one?.failed(new Error(told.why));
    });
  }

  /** The parts of the model at `address`; `loaded` is told how much of it has come. */
  load(address: string, loaded?: (share: number) => void): Promise<Part[]> {
    const begun = this.ahead.get(address);
    this.ahead.delete(address);
    return begun ?? this.ask(new URL(address, location.href).href, [], loaded);
  }

  /** Begin to load what will be asked for. */
  prepare(address: string): void {
    const begun = this.load(address);
    begun.catch(() => {}); // whoever asks will be told
    this.ahead.set(address, begun);
  }

  /** The parts of a model that has been fetched; its bytes are gone then. */
  unpack(file: ArrayBuffer): Promise<Part[]> {
    return this.ask(file, [file]);
  }

  close(): void {
    this.worker.terminate();
  }

  private ask(model: string | ArrayBuffer, moved: ArrayBuffer[], loaded?: (share: number) => void): Promise<Part[]> {
    const asked: Asked = { id: ++this.count, model, texels: this.texels };
    return new Promise((done, failed) => {
      this.waiting.set(asked.id, { done, failed, loaded });
      this.worker.postMessage(asked, moved);
    });
  }
}
