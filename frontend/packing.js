// Writes each text file of the build packed beside it, as browsers take them: .br (Brotli) and .gz (gzip).
// oberih.web.pages sends these; packing at each request would cost more than all else.
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const TEXTS = /\.(js|css|svg|wasm)$/;
const LEAST = 1000; // bytes; smaller files come in one packet anyhow

// Of what lies within a package under a licence of its own.
const WITHIN = `
## Draco decoder, in three (Apache-2.0)

Copyright The Draco Authors. The text of the licence is above, with 3d-tiles-renderer.
`;

/** For Vite. */
export function packing() {
  return {
    name: "packing",
    writeBundle({ dir }) {
      appendFileSync(join(dir, "licences.md"), WITHIN);
      for (const name of readdirSync(dir)) {
        const data = TEXTS.test(name) ? readFileSync(join(dir, name)) : null;
        if (!data || data.length < LEAST) continue;
        const effort = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length };
        writeFileSync(join(dir, `${name}.br`), brotliCompressSync(data, { params: effort }));
        writeFileSync(join(dir, `${name}.gz`), gzipSync(data, { level: 9 }));
      }
    },
  };
}
