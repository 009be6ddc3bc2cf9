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

// The engine tells how many kernels the graphics card has compiled: the first time takes a while.
self.mesmKernels = 0;
if (self.GPUDevice) {
  for (const name of ["createComputePipeline", "createComputePipelineAsync"]) {
    const create = GPUDevice.prototype[name];
    GPUDevice.prototype[name] = function (descriptor) {
      self.mesmKernels += 1;
      return create.call(this, descriptor);
    };
  }
}

// The site carries the program compressed, so that any host sends a sixth of the bytes; a site that is being worked on
// has it as it is.
async function open() {
  for (const name of ["mesm-engine_bg.wasm.gz", "mesm-engine_bg.wasm"]) {
    const response = await fetch(new URL(`./${name}`, import.meta.url));
    if (response.ok && response.headers.get("content-type") !== "text/html") return response;
  }
  throw new Error("its program was not found on the server");
}

// Counts the bytes as they arrive, so that the page can show how far the download is.
function counted(response) {
  const total = Number(response.headers.get("content-length")) || 6e6;
  let seen = 0;
  let told = 0;
  return response.body.pipeThrough(new TransformStream({
    transform(chunk, controller) {
      seen += chunk.byteLength;
      const done = Math.min(seen / total, 1);
      if (done - told > 0.02) {
        told = done;
        post({ event: "progress", what: "Loading the engine", done: done * 0.25 });
      }
      controller.enqueue(chunk);
    },
  }));
}

// Some hosts undo the compression on the way, so the bytes tell, not the name.
async function program() {
  const [first, rest] = counted(await open()).tee();
  const reader = first.getReader();
  const { value } = await reader.read();
  reader.cancel();
  const packed = value && value[0] === 0x1f && value[1] === 0x8b;
  const body = packed ? rest.pipeThrough(new DecompressionStream("gzip")) : rest;
  return new Response(body, { headers: { "content-type": "application/wasm" } });
}

// The page starts a worker anew that says nothing.
post({ event: "progress", what: "Loading the engine", done: 0 });
try {
  const engine = await import("./mesm-engine.js");
  await engine.default({ module_or_path: await program() });
  engine.run();
} catch (error) {
  fail(`The engine could not be loaded: ${error.message || error}. Reload the page; if it stays, the browser may lack WebAssembly SIMD.`);
}
