// Sends files with tus: three at a time, again and again until they are there. What the server has
// acknowledged is never sent twice; a file that it refuses stops only itself.
import { type DetailedError, Upload } from "tus-js-client";
import { headers, reason } from "./request";

const PARALLEL = 3;
const WAITS = [0.5, 1, 2, 4, 8, 15, 30]; // seconds; the last one for ever
const SILENCE = 90; // seconds without a byte after which the line counts as dead

export interface Planned {
  file: File;
  url: string;
  sent: number;
  state: "waiting" | "sending" | "done" | "failed";
  reason: string;
}

export class Sending {
  paused = false;
  /** The line is down for so many files. */
  waiting = 0;
  /** The session has ended: nothing can be sent before a new login. */
  loggedOut = false;
  private readonly current = new Set<Upload>();
  private wake: (() => void)[] = [];

  constructor(
    readonly files: Planned[],
    private readonly changed: () => void,
  ) {
    addEventListener("online", () => this.wakeAll());
  }

  /** Ends when every file is there or was refused. */
  async run(): Promise<void> {
    const queue = this.files.filter((one) => one.state !== "done");
    const workers = Array.from({ length: PARALLEL }, async () => {
      for (let next = queue.shift(); next && !this.loggedOut; next = queue.shift()) await this.send(next);
    });
    await Promise.all(workers);
  }

  pause(): void {
    this.paused = true;
    for (const one of this.current) void one.abort();
    this.current.clear();
    this.wakeAll();
    this.changed();
  }

  goOn(): void {
    this.paused = false;
    this.wakeAll();
    this.changed();
  }

  get bytes(): number {
    return this.files.reduce((sum, one) => sum + one.file.size, 0);
  }

  get sent(): number {
    return this.files.reduce((sum, one) => sum + (one.state === "failed" ? one.file.size : one.sent), 0);
  }

  private async send(one: Planned): Promise<void> {
    let tries = 0;
    while (!this.loggedOut) {
      while (this.paused) await this.sleep(3600);
      const failure = await this.attempt(one);
      if (!failure) return this.mark(one, "done");
      if (failure.status === 401) {
        this.loggedOut = true;
        return this.mark(one, "waiting");
      }
      if (failure.fatal) {
        one.reason = failure.reason;
        return this.mark(one, "failed");
      }
      this.mark(one, "waiting");
      if (this.paused) continue;
      if (failure.moved) tries = 0;
      this.waiting += 1;
      this.changed();
      await this.sleep(WAITS[Math.min(tries, WAITS.length - 1)] ?? 30);
      this.waiting -= 1;
      tries += 1;
    }
  }

  private mark(one: Planned, state: Planned["state"]): void {
    one.state = state;
    if (state === "done") one.sent = one.file.size;
    this.changed();
  }

  /** One try. Ends with what went wrong, or nothing. */
  private attempt(one: Planned): Promise<Failure | null> {
    this.mark(one, "sending");
    return new Promise((end) => {
      let silence: ReturnType<typeof setTimeout>;
      let from = -1; // what the server had when this try began
      const finish = (failure: Omit<Failure, "moved"> | null): void => {
        clearTimeout(silence);
        this.current.delete(upload);
        end(failure && { ...failure, moved: from >= 0 && one.sent > from });
      };
      const heard = (): void => {
        clearTimeout(silence);
        silence = setTimeout(() => {
          void upload.abort();
          finish({ status: 0, fatal: false, reason: "" });
        }, SILENCE * 1000);
      };
      const upload = new Upload(one.file, {
        uploadUrl: one.url,
        headers: headers(),
        retryDelays: null,
        storeFingerprintForResuming: false,
        onProgress: (sent) => {
          heard();
          if (from < 0) from = sent;
          one.sent = sent;
          this.changed();
        },
        onSuccess: () => finish(null),
        onError: (error) => finish(failureOf(error)),
      });
      // Aborting (pause) calls nothing back: the promise must end all the same.
      const abort = upload.abort.bind(upload);
      upload.abort = async (terminate?: boolean) => {
        await abort(terminate);
        finish({ status: 0, fatal: false, reason: "" });
      };
      this.current.add(upload);
      heard();
      upload.start();
    });
  }

  private sleep(seconds: number): Promise<void> {
    return new Promise((end) => {
      const timer = setTimeout(end, seconds * 1000);
      this.wake.push(() => {
        clearTimeout(timer);
        end();
      });
    });
  }

  private wakeAll(): void {
    for (const one of this.wake.splice(0)) one();
  }
}

interface Failure {
  status: number;
  fatal: boolean;
  reason: string;
  /** Something got through before it failed. */
  moved: boolean;
}

/** 4xx cannot get better by itself, but for: conflict, locked, too early, too many requests. */
function failureOf(error: Error | DetailedError): Omit<Failure, "moved"> {
  const answer = "originalResponse" in error ? error.originalResponse : null;
  const status = answer?.getStatus() ?? 0;
  const passing = [408, 409, 423, 425, 429].includes(status);
  let told = "";
  try {
    told = reason(JSON.parse(answer?.getBody() ?? "{}"));
  } catch {
    told = "";
  }
  return { status, fatal: status >= 400 && status < 500 && !passing, reason: told || String(status) };
}
