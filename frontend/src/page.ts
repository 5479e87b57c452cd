// On every page: times in the reader's zone, buttons to copy and to print, menus that close.
import { locale } from "./texts";

for (const one of document.querySelectorAll<HTMLTimeElement>("time[data-moment]")) {
  const when = new Date(one.dateTime);
  one.title = one.textContent ?? "";
  one.textContent = when.toLocaleString(locale, { dateStyle: "medium", timeStyle: "short" });
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
  const source = document.getElementById(button.dataset.copy ?? "");
  button.hidden = !source || !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source?.innerText ?? "");
    button.textContent = button.dataset.copied ?? "";
  });
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-share]")) {
  button.hidden = !navigator.share;
  button.addEventListener("click", () => {
    const { share: url = "", title = "" } = button.dataset;
    void navigator.share({ url, title }).catch(() => {}); // whoever changes their mind is not told of an error
  });
}

document.querySelector(".own [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A form is sent to "…#wrong", to show what was wrong with it. Where nothing was, the address is the page's own.
if (location.hash === "#wrong" && !document.getElementById("wrong")) {
  history.replaceState(null, "", location.pathname + location.search);
}

const panels = document.querySelectorAll<HTMLDetailsElement>(".facets details");
document.addEventListener("click", (event) => {
  for (const one of panels) if (!one.contains(event.target as Node)) one.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const one of panels) {
    if (one.open && one.contains(document.activeElement)) one.querySelector("summary")?.focus();
    one.open = false;
  }
});
