// What this browser remembers of an upload that is not finished, so that it goes on after the page was closed.
// Files cannot be kept: the person chooses them again, and each is known by its size and parts of its bytes.

const PLACE = "oberih.unfinished";
const PART = 65536;

export interface KeptFile {
  mark: string;
  name: string;
  url: string;
  done: boolean;
}

export interface Kept {
  id: string;
  title: string;
  files: KeptFile[];
}

export function load(): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "null") as Kept | null;
  } catch {
    return null; // no storage (private window), or not ours
  }
}

export function keep(upload: Kept | null): void {
  try {
    if (upload) localStorage.setItem(PLACE, JSON.stringify(upload));
    else localStorage.removeItem(PLACE);
  } catch {
    // No storage: the upload works, but does not outlive this page.
  }
}

/** What tells a file from others: its size, and a hash of its beginning and end. Phones change names and
    times when a photo is chosen a second time. */
export async function markOf(file: File): Promise<string> {
  if (!crypto.subtle) return `${file.size}/${file.name}/${file.lastModified}`;
  const parts = new Blob([file.slice(0, PART), file.slice(Math.max(PART, file.size - PART))]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await parts.arrayBuffer()));
  return `${file.size}/${Array.from(hash.slice(0, 12), (one) => one.toString(16).padStart(2, "0")).join("")}`;
}
