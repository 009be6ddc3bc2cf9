// Carries out one job of this project's engine under Node, on Dawn: Chromium's WebGPU, on whatever Vulkan driver there is.
//
//     node dawn.mjs MODULE NODE_MODULES '{"webgpu":true, ...}'
//
// MODULE is the folder of the measuring module, NODE_MODULES that of the package `webgpu`. Prints one JSON object.
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, packages, request] = process.argv.slice(2);
const file = (...names) => pathToFileURL(resolve(join(...names))).href;
const { create, globals } = await import(file(packages, "webgpu/index.js"));
Object.assign(globalThis, globals);
const gpu = create([]);
Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
// The engine looks for the adapter where a worker has it.
globalThis.WorkerGlobalScope = class {};
const adapter = await gpu.requestAdapter();
if (!adapter) {
  console.error("no graphics adapter: is there a Vulkan driver?");
  process.exit(1);
}
const { vendor, architecture, description } = adapter.info;
const engine = await import(file(folder, "mesm_bench_web.js"));
engine.initSync({ module: await readFile(join(folder, "mesm_bench_web_bg.wasm")) });
const answer = JSON.parse(await engine.bench(request));
console.log(JSON.stringify({ adapter: { vendor, architecture, description }, ...answer }));
// Dawn keeps the process alive.
process.exit(0);
