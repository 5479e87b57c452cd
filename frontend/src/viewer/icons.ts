// Signs of the viewer's controls, drawn like those of the pages (templates/parts.html.j2).
import { svg } from "../dom";

const PATHS = {
  move: "M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3",
  look: "M12 21a9 9 0 1 1 9-9c0 2-1.5 3-3.3 3H15a1.8 1.8 0 0 0-1.2 3.1c.9 1 .1 2.9-1.8 2.9zM8 12v.1M9.5 7.8v.1M14.5 7.8v.1",
  measure: "M3 15.5L15.5 3 21 8.5 8.5 21zM7 11.5l2 2M10 8.5l2.5 2.5M13 5.5l2 2",
  notes: "M5 4.5h14v11h-6.5L8 20v-4.5H5zM8.5 8.5h7M8.5 11.5h4.5",
  compare: "M12 3v18M4 6.5h5v11H4zM15 6.5h5v11h-5z",
  eyes: "M4 8h3l1.5-2.5h7L17 8h3v11H4zM12 16.5a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4z",
  share: "M7 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM17 8.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM17 20.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM9.2 10.8l5.6-3.4M9.2 13.2l5.6 3.4",
  whole: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  cube: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  home: "M4 11.5L12 4l8 7.5M6.5 9.5V20h11V9.5",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  up: "M5 15l7-7 7 7",
  down: "M5 9l7 7 7-7",
  nearer: "M12 5v14M5 12h14",
  farther: "M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  undo: "M9 7L4 12l5 5M4 12h11a5 5 0 0 1 0 10",
} as const;

export type Icon = keyof typeof PATHS;

export function icon(name: Icon): SVGElement {
  const made = svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" });
  made.append(svg("path", { d: PATHS[name] }));
  return made;
}
