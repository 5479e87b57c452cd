// The page of a custodian's decision: large pictures, and what is blurred in them.
import { Boxes } from "./boxes";
import { find, showScripted } from "./dom";
import { enlarge } from "./enlarge";

const form = find("#decision");
let changed = false;
const touched = (): void => {
  changed = true;
};

showScripted();
for (const list of document.querySelectorAll<HTMLElement>("[data-enlarge]")) enlarge(list);
for (const place of document.querySelectorAll<HTMLElement>("[data-picture]")) new Boxes(place, touched);

form.addEventListener("input", touched);
form.addEventListener("submit", () => {
  changed = false;
});
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
