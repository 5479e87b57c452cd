// The page of a custodian's decision: large pictures, and what is blurred in them.
import { Boxes } from "./boxes";
import { find, make, showScripted } from "./dom";
import { enlarge } from "./enlarge";
import { follow, type Now } from "./following";
import { say } from "./texts";
import { TrueSize } from "./true-size";

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
// Nobody's page is loaded anew while they read and fill in: they are told, and do it when they want.
const making = document.getElementById("progress");
if (making) {
  const news = find("[data-news]", making);
  follow<Now & { news: string }>(
    making,
    (now) => news.append(make("a", { href: location.pathname }, now.news)),
    () => news.append(say("login ended")),
  );
}
// A length that is measured on the model can be taken for the one that tells its true size.
const size = document.querySelector<HTMLElement>("[data-size]");
const told = document.querySelector<HTMLElement>("[data-measured]");
if (size && told) new TrueSize(size, told, touched);
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
