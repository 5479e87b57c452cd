// What is shown, in words: for those who hear the page.
import { say } from "../texts";
import { length } from "./measuring";
import type { Scene } from "./record";

export function description(title: string, scene: Scene): string {
  const [width, height, depth] = scene.size.map((one) => length(one / 1e6, scene.unit)) as [string, string, string];
  const eyes = scene.eyes.length ? [say("eyes are told", { count: scene.eyes.length })] : [];
  return [say("is shown", { title }), say("is large", { width, height, depth }), ...eyes, say("keys")].join(" ");
}

/** From where it is seen: `turn` and `rise` in radians, `turn` from the opening view, rightwards round the model. */
export function whence(turn: number, rise: number, near: string[]): string {
  const round = ((((turn / Math.PI) * 180 + 22.5) % 360) + 360) % 360;
  const side = ["front", "front right", "right", "back right", "behind", "back left", "left", "front left"][Math.floor(round / 45)] ?? "front";
  const degrees = (rise / Math.PI) * 180;
  const high = degrees > 65 ? "straight above" : degrees > 35 ? "above" : degrees > 10 ? "little above" : degrees < -3 ? "below" : "level";
  const seen = near.length ? [say("seen are", { names: near.join("; ") })] : [];
  return [say("seen from", { side: say(`from ${side}`), height: say(`from ${high}`) }), ...seen].join(" ");
}
