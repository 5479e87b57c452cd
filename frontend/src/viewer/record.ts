// What the viewer reads of a public record: GET /api/v1/records/{naan}/{name}. See catalogue/public/records.py.

export type Triple = [number, number, number];
export type Texts = Record<string, string>;

/** From where a model is looked at, in millionths of the scene's unit. */
export interface View {
  eye: Triple;
  target: Triple;
}

export interface Annotation {
  id: string;
  at: Triple;
  titles: Texts;
  texts: Texts;
  view: View | null;
}

export interface Stop {
  view: View;
  annotation: string | null;
  texts: Texts;
}

export interface Tour {
  id: string;
  titles: Texts;
  stops: Stop[];
}

export interface Scene {
  unit: "m" | "unit";
  size: Triple;
  view: View;
  field_deg: number;
  eyes: View[]; // where photos were taken, if that may be known
}

export interface File {
  path: string;
  address: string; // of the file; made here of its path
  media_type: string;
  bytes: number;
  role: "full" | "medium" | "small" | "tiles" | "ar" | "poster" | "social" | "turntable" | "picture" | "download";
  triangles: number | null;
  points: number | null;
  size_px: [number, number] | null;
}

export interface Relation {
  kind: "is part of" | "has part" | "is version of" | "replaces" | "related to";
  id: string;
}

export interface PublicRecord {
  id: string; // empty: it is not public, and nobody can be given a link to it
  version: number;
  titles: Texts;
  scene: Scene | null;
  quality: { error_um: number | null; place_error_um?: number | null; scale_error_ppm?: number | null };
  files: File[];
  annotations: Annotation[];
  tours: Tour[];
  relations: Relation[];
  side?: number; // of what is not public yet: the largest side of its frame, in the scene's unit
}

export const MILLIONTHS = 1e6;

const language = document.documentElement.lang || "en";

/** A text in the page's language, or else in the one it was written in; with that language. */
export function inLanguage(texts: Texts): { text: string; lang: string } {
  const [lang, text] = language in texts ? [language, texts[language]] : (Object.entries(texts)[0] ?? [language, ""]);
  return { text: text ?? "", lang: lang ?? language };
}

/** Where the record of an ARK is told: the address within this site. */
export function addressOf(ark: string): string {
  return `/api/v1/records/${ark.replace(/^ark:\//, "")}`;
}

/** What is told at an address; its files lie in the folder `files`. */
export async function recordAt(address: string, files = "/files/"): Promise<PublicRecord> {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  const record = (await answer.json()) as PublicRecord;
  for (const one of record.files) one.address = files + one.path;
  return record;
}

/** Files of a role, in their order. */
export function filesOf(record: PublicRecord, role: File["role"]): File[] {
  return record.files.filter((one) => one.role === role);
}

/** Files of a model's levels of detail, the smallest first. */
export function levelsOf(record: PublicRecord): File[] {
  return (["small", "medium", "full"] as const).flatMap((role) => filesOf(record, role).slice(0, 1));
}
