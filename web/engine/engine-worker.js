// Starts the engine inside its worker: watches the GPU, loads the program with progress, hands over.
// Everything else is Rust (web/engine/src).

const post = (event) => self.postMessage({ json: JSON.stringify(event), buffers: [] });
const fail = (message) => post({ event: "failure", id: null, message, fatal: true });

// A shader that the browser refuses is skipped without a word and the numbers are silently wrong, and only the
// device object hears of it. The engine asks for this list after the self-test and after each window.
self.mesmGpuErrors = [];
if (self.GPUAdapter) {
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await request.call(this, descriptor);
    device.addEventListener("uncapturederror", (event) => self.mesmGpuErrors.push(event.error.message));
    device.lost.then((info) => self.mesmGpuErrors.push(`the device was lost: ${info.message || info.reason}`));
    return device;
  };
}

// Counts the bytes as they arrive, so that the page can show how far the download is.
async function download(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  const total = Number(response.headers.get("content-length")) || 30e6;
  let seen = 0;
  let told = 0;
  const counter = new TransformStream({
    transform(chunk, controller) {
      seen += chunk.byteLength;
      const done = Math.min(seen / total, 1);
      if (done - told > 0.02) {
        told = done;
        post({ event: "progress", what: "Loading the engine", done: done * 0.25 });
      }
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(counter), { headers: { "content-type": "application/wasm" } });
}

try {
  const engine = await import("./mesm-engine.js");
  await engine.default({ module_or_path: await download(new URL("./mesm-engine_bg.wasm", import.meta.url)) });
  engine.run();
} catch (error) {
  fail(`The engine could not be loaded: ${error.message || error}. Reload the page; if it stays, the browser may lack WebAssembly SIMD.`);
}
