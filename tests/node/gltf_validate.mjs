// The Khronos validator's word on each file: {name: {errors, warnings, messages, triangles, textures}}.
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import validator from "gltf-validator";

const told = {};
for (const path of process.argv.slice(2)) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(path)), {
    uri: basename(path),
    maxIssues: 0,
    writeTimestamp: false,
    externalResourceFunction: async (uri) =>
      new Uint8Array(readFileSync(join(dirname(path), decodeURIComponent(uri)))),
  });
  told[path] = {
    errors: report.issues.numErrors,
    warnings: report.issues.numWarnings,
    messages: report.issues.messages.filter((one) => one.severity < 2),
    triangles: report.info.totalTriangleCount,
    resources: (report.info.resources ?? []).map((one) => [one.mimeType ?? one.pointer, one.byteLength]),
  };
}
console.log(JSON.stringify(told));
