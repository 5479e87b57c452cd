// Builds the pages' stylesheet, pictures and scripts into the Python package, under names that carry a hash
// of their contents. manifest.json tells the names; oberih.web.pages reads it.
import { defineConfig } from "vite";
import { land } from "./land.js";
import { packing } from "./packing.js";

const entries = ["page", "contribute", "passkeys", "progress", "review", "zones", "map-page", "viewer", "presentation"];

export default defineConfig({
  base: "/static/",
  publicDir: false,
  worker: { format: "es" },
  plugins: [
    packing(),
    {
      name: "land",
      generateBundle() {
        this.emitFile({ type: "asset", name: "land.svg", originalFileName: "land.svg", source: land() });
      },
    },
  ],
  build: {
    outDir: process.env.OBERIH_STATIC ?? "../src/oberih/web/static",
    emptyOutDir: true,
    assetsDir: "",
    assetsInlineLimit: 0, // the pages' policy allows no data: addresses
    manifest: "manifest.json",
    license: { fileName: "licences.md" }, // of what is bundled
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ["style.css", "site.css", "viewer.css", "logo.svg", ...entries.map((name) => `src/${name}.ts`)],
    },
  },
});
