// The model in the room, on phones: Quick Look of iPhones, Scene Viewer of Android. Each opens by a link.
import { make } from "../dom";
import { say } from "../texts";
import { icon } from "./icons";
import { type File, filesOf, type PublicRecord } from "./record";

/** The link for this device; null: it has nothing that could show it. */
export function linkToRoom(record: PublicRecord, title: string, agent = navigator.userAgent): HTMLAnchorElement | null {
  const found = (ending: string): File | undefined => filesOf(record, "ar").find((one) => one.path.endsWith(ending));
  const words = make("span", {}, say("room"));
  const [usdz, glb] = [found(".usdz"), found(".glb")];
  const link = make("a", { class: "viewer-tool", "data-tool": "room" });
  if (usdz && link.relList.supports("ar")) {
    link.rel = "ar";
    link.href = usdz.address;
    // Quick Look opens by itself only where a picture is the link's first child.
    const poster = filesOf(record, "poster").at(-1);
    link.append(make("img", { src: poster ? poster.address : "", alt: "", width: "24", height: "24" }), words);
    return link;
  }
  if (glb && /Android/.test(agent)) {
    link.href = intent(new URL(glb.address, location.href).href, title, location.href);
    link.append(icon("cube"), words);
    return link;
  }
  return null;
}

/** What Android takes for a view in the room; a phone that cannot goes on to `otherwise`. */
export function intent(file: string, title: string, otherwise: string): string {
  const asked = new URLSearchParams({ file, title, mode: "ar_preferred" });
  const told = ["scheme=https", "package=com.google.android.googlequicksearchbox", "action=android.intent.action.VIEW", `S.browser_fallback_url=${encodeURIComponent(otherwise)}`];
  return `intent://arvr.google.com/scene-viewer/1.2?${asked}#Intent;${told.join(";")};end;`;
}
