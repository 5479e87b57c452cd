// Keeps numbers of something that is being made up to date, in place; when more than these changed, or the login
// ended, it says so.
import { find } from "./dom";
import { ask, Refused } from "./request";

export interface Now {
  seen: string;
  share: number | null;
  words: string;
  left: string;
}

const every = 3000;

/** Ask for what `place` shows, until its `data-seen` is not true any more: then `changed` is called, once. Or
 * `ended`, if nobody is logged in any more. */
export function follow<N extends Now>(place: HTMLElement, changed: (now: N) => void, ended: () => void): void {
  const look = async (): Promise<void> => {
    if (!document.hidden) {
      try {
        const now = await ask<N>(place.dataset.from ?? "");
        if (now.seen !== place.dataset.seen) return changed(now);
        show(place, now);
      } catch (error) {
        if (error instanceof Refused && error.status === 401) return ended();
        // The line is down, or the server starts anew: what is shown stays until it answers again.
      }
    }
    setTimeout(() => void look(), every);
  };
  setTimeout(() => void look(), every);
}

function show(place: HTMLElement, now: Now): void {
  const bar = find<HTMLProgressElement>("progress", place);
  if (now.share === null) bar.removeAttribute("value");
  else bar.value = now.share;
  find("[data-words]", place).textContent = now.words;
  find("[data-left]", place).textContent = now.left;
}
