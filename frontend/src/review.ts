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
// What waits to be made is looked for now and then, as long as nothing was filled in, or sent and not taken.
if (document.querySelector("[data-waits]") && !document.getElementById("wrong")) {
  setInterval(() => {
    if (!changed && !document.hidden) location.reload();
  }, 20_000);
}
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
