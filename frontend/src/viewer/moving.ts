// Buttons that move the camera, for those who cannot or do not want to drag.
import { make } from "../dom";
import { say } from "../texts";
import { button } from "./bar";
import type { Icon } from "./icons";
import type { Direction, Orbit } from "./orbit";

const WAYS: Direction[] = ["left", "right", "up", "down", "nearer", "farther"];

export function steering(orbit: Orbit): HTMLElement {
  const row = make("div", { class: "viewer-steer" }, ...WAYS.map((way) => button(say(`go ${way}`), way as Icon, () => orbit.nudge(way), true)));
  row.append(button(say("go home"), "home", () => orbit.goHome()));
  return make("div", { class: "viewer-panel" }, row, make("p", { class: "soft small" }, say("keys")));
}
