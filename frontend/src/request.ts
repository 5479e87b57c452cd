// Asking our own server, in JSON.

/** What the server answered instead of what was asked for; `status` 0: it could not be reached. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly next = "",
  ) {
    super(message);
  }
}

export function headers(): Record<string, string> {
  const token = document.querySelector<HTMLMetaElement>('meta[name="csrf"]')?.content;
  return token ? { "X-CSRF-Token": token } : {};
}

/** Send `body` and get the answer. Raises `Refused`. */
export async function post<T>(address: string, body: unknown): Promise<T> {
  return ask(address, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", ...headers() },
  });
}

export async function ask<T>(address: string, options: RequestInit = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(address, { credentials: "same-origin", redirect: "error", ...options });
  } catch {
    throw new Refused(0, "");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, reason(told), ownPath(told.next));
  return told as T;
}

/** A path of our own server, or nothing. */
function ownPath(address: unknown): string {
  return typeof address === "string" && /^\/(?![/\\])/.test(address) ? address : "";
}

/** What an error's JSON says to a person: message and advice. */
export function reason(told: { message?: string; advice?: string; detail?: unknown }): string {
  if (told.message) return [told.message, told.advice].filter(Boolean).join(" ");
  return typeof told.detail === "string" ? told.detail : "";
}
