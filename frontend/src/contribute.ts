// The page where people contribute: choose, describe, send; and go on with what was broken off.
import { Chosen } from "./chosen";
import { find, showScripted } from "./dom";
import { ask, headers, post, Refused } from "./request";
import { type Planned, Sending } from "./sending";
import { say } from "./texts";
import { type Kept, keep, load, markOf } from "./unfinished";
import { SendingView } from "./view";

interface Begun {
  id: string;
  files: { url: string }[];
}

const page = find("#contribute");
const api = page.dataset.api ?? "";
const key = Array.from(crypto.getRandomValues(new Uint8Array(12)), (one) => one.toString(16).padStart(2, "0")).join("");
const form = find<HTMLFormElement>("#form");
const input = find<HTMLInputElement>("#files");
const send = find<HTMLButtonElement>("[data-send]");
const drop = find("#drop");
const limits = {
  files: Number(page.dataset.files),
  fileBytes: Number(page.dataset.fileBytes),
  bytes: Number(page.dataset.bytes),
};
const chosen = new Chosen(find("#chosen"), limits, () => {
  input.required = chosen.files.length === 0;
});

showScripted();
find("[data-unscripted]").hidden = true;
find("[data-drag]").hidden = !matchMedia("(hover: hover) and (pointer: fine) and (min-width: 46rem)").matches;
for (const one of [input, find<HTMLInputElement>("#camera")]) {
  one.addEventListener("change", () => {
    chosen.add(one.files ?? []);
    one.value = "";
  });
}
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  chosen.add(event.dataTransfer?.files ?? []);
});
find("[data-locate]").addEventListener("click", locate);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  void begin();
});
const kept = load();
if (kept) offer(kept);

/** Tell the server what will come, and send it. */
async function begin(): Promise<void> {
  const fields = new FormData(form);
  const text = (name: string): string => String(fields.get(name) ?? "").trim();
  const files = chosen.files.slice();
  const latitude = text("latitude");
  send.disabled = true;
  try {
    const marks = await Promise.all(files.map(markOf));
    const begun = await post<Begun>(api, {
      key, // sent again after a broken line, it is the same contribution
      note: text("note"),
      details: {
        title: text("title"),
        kind: text("kind") || "other", // a known thing has its own
        subject: text("subject"),
        place: text("place"),
        latitude: latitude ? Number(latitude) : null,
        longitude: latitude ? Number(text("longitude")) : null,
        licence: text("licence"),
        consents: fields.getAll("consent"),
        terms: text("terms"),
        language: document.documentElement.lang,
      },
      files: files.map((one) => ({
        name: one.name,
        size: one.size,
        type: one.type,
        last_modified: one.lastModified,
      })),
    });
    const plan = files.map((file, at) => ({ file, mark: marks[at] ?? "", url: begun.files[at]?.url ?? "" }));
    const saved = plan.map(({ file, mark, url }) => ({ mark, name: file.name, url, done: false }));
    const upload: Kept = { id: begun.id, title: text("title"), files: saved };
    keep(upload);
    await deliver(upload, plan);
  } catch (error) {
    send.disabled = false;
    complain(error);
  }
}

function complain(error: unknown): void {
  if (!(error instanceof Refused)) throw error;
  const words = error.status === 401 ? say("login") : error.status === 0 ? say("notSent") : error.message;
  const place = find("[data-refused]");
  find("#chosen").hidden = false;
  place.hidden = false;
  place.textContent = say("failed", { reason: words || String(error.status) });
  place.scrollIntoView({ block: "center" });
}

/** Send the files of an upload, and get the receipt. */
async function deliver(upload: Kept, plan: { file: File; mark: string; url: string }[]): Promise<void> {
  const files: Planned[] = plan.map(({ file, url }) => ({ file, url, sent: 0, state: "waiting", reason: "" }));
  const sending: Sending = new Sending(files, () => view.update());
  const view = new SendingView(find("#sending"), sending, ({ file }) => chosen.picture(file));
  form.hidden = true;
  for (const one of ["#advice", "#unfinished", ".lead"]) find(one, page).hidden = true;
  const remember = setInterval(() => {
    for (const [at, one] of files.entries()) {
      const saved = upload.files.find((other) => other.mark === plan[at]?.mark);
      if (saved && one.state === "done") saved.done = true;
    }
    keep(upload);
  }, 2000);
  await view.during(sending.run());
  clearInterval(remember);
  if (sending.loggedOut) return view.tell(say("login"));
  const failed = files.filter((one) => one.state === "failed").length;
  if (failed === files.length && upload.files.every((one) => !one.done)) {
    keep(null);
    return view.tell(say("failed", { reason: files[0]?.reason ?? "" }), "stop");
  }
  view.tell(say("finishing"));
  await complete(upload, view, failed > 0);
}

async function complete(upload: Kept, view: SendingView, some: boolean): Promise<void> {
  for (let wait = 1; ; wait = Math.min(30, wait * 2)) {
    try {
      await post(`${api}/${upload.id}/complete`, { without_missing: some });
      break;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const passing = error.status === 0 || error.status === 429 || error.status >= 500;
      if (!passing) return view.tell(say("failed", { reason: error.message || String(error.status) }), "stop");
      view.tell(say("waiting"));
      await new Promise((end) => setTimeout(end, wait * 1000));
    }
  }
  keep(null);
  view.tell(say("complete"));
  location.assign(`/contributions/${upload.id}`);
}

/** Something was broken off: ask for the same files again. */
function offer(upload: Kept): void {
  const place = find("#unfinished");
  const words = find("[data-unfinished]", place);
  const there = upload.files.filter((one) => one.done).length;
  const again = find<HTMLInputElement>("[data-again]", place);
  const found = new Map<string, File>();
  words.textContent = say("unfinished", {
    title: upload.title,
    done: String(there),
    all: String(upload.files.length),
    count: there,
  });
  place.hidden = false;
  again.addEventListener("change", async () => {
    const files = [...(again.files ?? [])];
    const marks = await Promise.all(files.map(markOf));
    const wanted = new Set(upload.files.map((one) => one.mark));
    const strangers = files.filter((_, at) => !wanted.has(marks[at] ?? "")).length;
    for (const [at, file] of files.entries()) if (wanted.has(marks[at] ?? "")) found.set(marks[at] ?? "", file);
    const missing = upload.files.filter((one) => !one.done && !found.has(one.mark)).length;
    again.value = "";
    if (missing === 0) return void deliver(upload, planOf(upload, found));
    const told = [say("missing", { count: missing })];
    if (strangers) told.unshift(say("wrongFiles", { count: strangers }));
    words.textContent = told.join(" ");
  });
  find("[data-forget]", place).addEventListener("click", () => {
    keep(null);
    place.hidden = true;
    void ask(`${api}/${upload.id}`, { method: "DELETE", headers: headers() }).catch(() => undefined); // or it ends by itself
  });
}

/** What is still to be sent. */
function planOf(upload: Kept, found: Map<string, File>): { file: File; mark: string; url: string }[] {
  return upload.files.flatMap(({ mark, url, done }) => {
    const file = found.get(mark);
    return file && !done ? [{ file, mark, url }] : [];
  });
}

function locate(): void {
  const told = find("[data-located]");
  const put = (name: string, value: number): void => {
    find<HTMLInputElement>(`input[name=${name}]`, form).value = value.toFixed(6);
  };
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      put("latitude", coords.latitude);
      put("longitude", coords.longitude);
      told.textContent = say("located", { error: Math.ceil(coords.accuracy) });
    },
    () => {
      told.textContent = say("noPlace");
    },
    { enableHighAccuracy: true, timeout: 20000 },
  );
}
