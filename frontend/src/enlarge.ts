// Pictures of a list in a large window, with the ones before and after. Without scripts they are links.
import { make } from "./dom";
import { say } from "./texts";

export function enlarge(list: HTMLElement): void {
  const links = [...list.querySelectorAll<HTMLAnchorElement>("a")];
  const image = make("img", { alt: "" });
  const button = (words: string, sign: string, run: () => void): HTMLButtonElement => {
    const made = make("button", { type: "button", class: "button little", "aria-label": words }, sign);
    made.addEventListener("click", run);
    return made;
  };
  let at = 0;
  const show = (to: number): void => {
    at = (to + links.length) % links.length;
    const link = links[at];
    if (!link) return;
    image.src = link.href;
    image.alt = link.querySelector("img")?.alt ?? "";
  };
  const dialog = make("dialog", { class: "large", "aria-label": say("picture") }, image);
  dialog.append(
    make(
      "div",
      { class: "row" },
      button(say("picture before"), "←", () => show(at - 1)),
      button(say("close"), "×", () => dialog.close()),
      button(say("picture after"), "→", () => show(at + 1)),
    ),
  );
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") show(at - 1);
    if (event.key === "ArrowRight") show(at + 1);
  });
  document.body.append(dialog);
  for (const [number, link] of links.entries()) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      show(number);
      dialog.showModal();
    });
  }
}
