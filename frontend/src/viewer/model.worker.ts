// Fetches a model, unpacks it and decodes its pictures, so that the page never stands still. It is a file of
// our own: the page's policy needs no blob: for it, and WebAssembly may run here and nowhere else (the header
// of this file allows it: web/pages.py).
import unpack, { type Draco } from "three/examples/jsm/libs/draco/gltf/draco_wasm_wrapper.js";
import wasm from "three/examples/jsm/libs/draco/gltf/draco_decoder.wasm?url";
import { type Part, partsOf } from "./glb";

/** A model to fetch, or the bytes of one that somebody else has fetched. */
export interface Asked {
  id: number;
  model: string | ArrayBuffer;
  texels: number;
}

export type Told =
  | { id: number; kind: "loaded"; share: number }
  | { id: number; kind: "done"; parts: Part[] }
  | { id: number; kind: "failed"; why: string };

let decoder: Promise<Draco> | undefined;

/** The decoder, loaded at the first call. */
function draco(): Promise<Draco> {
  decoder ??= fetch(wasm)
    .then((answer) => answer.arrayBuffer())
    .then((wasmBinary) => unpack({ wasmBinary }));
  return decoder;
}

addEventListener("message", async (event: MessageEvent<Asked>) => {
  const { id, model, texels } = event.data;
  try {
    if (typeof model === "string") void draco(); // comes along with the model
    const file = typeof model === "string" ? await fetched(id, model) : model;
    const parts = await partsOf(file, texels, draco);
    const moved = parts.flatMap((part) => Object.values(part).filter(isMoved).map((one) => ("buffer" in one ? one.buffer : one)));
    const told: Told = { id, kind: "done", parts };
    postMessage(told, { transfer: [...new Set(moved)] });
  } catch (error) {
    const told: Told = { id, kind: "failed", why: String(error) };
    postMessage(told);
  }
});

function isMoved(value: unknown): value is { buffer: ArrayBuffer } | ImageBitmap {
  return ArrayBuffer.isView(value) || value instanceof ImageBitmap;
}

async function fetched(id: number, address: string): Promise<ArrayBuffer> {
  const answer = await fetch(address);
  if (!answer.ok || !answer.body) throw new Error(`${address}: ${answer.status}`);
  const length = Number(answer.headers.get("Content-Length")) || 0;
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let got = 0;
  let last = 0;
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    pieces.push(value);
    got += value.byteLength;
    const share = length ? Math.min(1, got / length) : 0;
    if (share > last + 0.02) {
      last = share;
      const told: Told = { id, kind: "loaded", share };
      postMessage(told);
    }
  }
  return new Blob(pieces).arrayBuffer();
}
