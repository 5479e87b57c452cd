// The page of a custodian's decision: large pictures, and what is blurred in them.
import { Boxes } from "./boxes";
import { find, make, showScripted } from "./dom";
import { enlarge } from "./enlarge";
import { follow, type Now } from "./following";
import { number, say } from "./texts";

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
  follow<Now & { news: string }>(making, (now) => {
    find("[data-news]", making).append(make("a", { href: location.pathname }, now.news));
  });
}
// A length that is measured on the model is what the page asks for.
const size = document.querySelector<HTMLElement>("[data-side]");
if (size) {
  const digits = 5;
  document.addEventListener("oberih-measure", (event) => {
    const { kind, value } = (event as CustomEvent<{ kind: string; value: number }>).detail;
    if (kind === "area") return;
    const share = value / Number(size.dataset.side);
    find<HTMLInputElement>("[name=length-share]", size).value = share.toFixed(digits);
    const there = make("a", { href: "#size" }, say("true length"));
    find("[data-measured]").replaceChildren(say("measured", { x: number(share, 3) }), " ", there);
    touched();
  });
}
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
