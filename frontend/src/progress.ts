// Keeps the page of a contribution up to date: numbers in place; when more changed, the page anew.
import { find } from "./dom";
import { ask } from "./request";

interface Now {
  seen: string;
  share: number | null;
  words: string;
  left: string;
}

const place = find("#progress");
const bar = find<HTMLProgressElement>("progress", place);
const every = 3000;

async function look(): Promise<void> {
  if (!document.hidden) {
    try {
      show(await ask<Now>(place.dataset.from ?? ""));
    } catch {
      // The line is down, or the server starts anew: what is shown stays until it answers again.
    }
  }
  setTimeout(() => void look(), every);
}

function show(now: Now): void {
  if (now.seen !== place.dataset.seen) {
    place.dataset.seen = now.seen;
    location.reload();
    return;
  }
  if (now.share === null) bar.removeAttribute("value");
  else bar.value = now.share;
  find("[data-words]", place).textContent = now.words;
  find("[data-left]", place).textContent = now.left;
}

setTimeout(() => void look(), every);
