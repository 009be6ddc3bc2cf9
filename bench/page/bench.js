// Carries out the jobs of jobs.json one after the other and posts each outcome to its number. Jobs are for this project's
// engine ("mesm") or for onnxruntime-web ("onnxruntime"), on the processor or on WebGPU.
const status = document.getElementById("status");

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
};

let engine;
async function mesm(request) {
  if (!engine) {
    engine = await import("./mesm_bench_web.js");
    await engine.default();
  }
  return JSON.parse(await engine.bench(JSON.stringify(request)));
}

// What `mesm bench --case` wrote: a tensor by its name.
async function read(name) {
  const bytes = await (await fetch(`case-${name}.safetensors`)).arrayBuffer();
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  return (tensor) => {
    const { shape, data_offsets: [from, to] } = header[tensor];
    return { shape, values: new Float32Array(bytes.slice(8 + length + from, 8 + length + to)) };
  };
}

async function onnxruntime({ webgpu, rounds, case: name }) {
  const ort = await import(webgpu ? "./ort/ort.webgpu.bundle.min.mjs" : "./ort/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./ort/", location.href).href;
  const session = await ort.InferenceSession.create(`fe2e-${name}.onnx`, {
    executionProviders: [webgpu ? "webgpu" : "wasm"],
  });
  const of = await read(name);
  const feeds = {};
  for (const input of ["text", "faces", "mels"]) {
    const { shape, values } = of(`input.${input}`);
    feeds[input] = new ort.Tensor("float32", values, shape);
  }
  const seconds = [];
  let error = 0;
  let first;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    const { logits } = await session.run(feeds);
    const values = await logits.getData();
    const taken = (performance.now() - start) / 1000;
    if (round === 0) {
      first = taken;
      of("logits").values.forEach((expected, i) => {
        error = Math.max(error, Math.abs(expected - values[i]));
      });
    } else {
      seconds.push(taken);
    }
  }
  await session.release();
  return { version: ort.env.versions?.common, first_s: first, median_s: median(seconds), seconds, error };
}

// Compute dispatches by the kernel's name, and what was compiled, since the last `reset`.
const counted = { dispatches: {}, shaders: 0, pipelines: 0 };
function reset() {
  Object.assign(counted, { dispatches: {}, shaders: 0, pipelines: 0 });
}
function watch() {
  if (watch.on || !globalThis.GPUDevice) return;
  watch.on = true;
  const wrap = (type, name, note) => {
    const original = type.prototype[name];
    type.prototype[name] = function (...given) {
      const result = original.apply(this, given);
      note(this, given, result);
      return result;
    };
  };
  const names = new WeakMap();
  const current = new WeakMap();
  const sources = new WeakMap();
  const remember = (_, [{ label, compute }], pipeline) => {
    counted.pipelines++;
    const source = sources.get(compute.module) ?? "";
    const named = /fn\s+(\w+)\s*\(/g;
    const entry = compute.entryPoint || [...source.matchAll(named)].at(-1)?.[1];
    const keep = (made) => names.set(made, label || compute.module.label || entry);
    if (pipeline instanceof Promise) pipeline.then(keep);
    else keep(pipeline);
  };
  wrap(GPUDevice, "createShaderModule", (_, [{ code }], made) => {
    counted.shaders++;
    sources.set(made, code);
  });
  wrap(GPUDevice, "createComputePipeline", remember);
  wrap(GPUDevice, "createComputePipelineAsync", remember);
  wrap(GPUComputePassEncoder, "setPipeline", (pass, [pipeline]) => current.set(pass, pipeline));
  const dispatched = (pass) => {
    const name = names.get(current.get(pass)) ?? "unnamed";
    counted.dispatches[name] = (counted.dispatches[name] ?? 0) + 1;
  };
  wrap(GPUComputePassEncoder, "dispatchWorkgroups", dispatched);
  wrap(GPUComputePassEncoder, "dispatchWorkgroupsIndirect", dispatched);
}

// The first inference and a later one of MESM, counted.
async function count(request) {
  watch();
  if (!engine) {
    engine = await import("./mesm_bench_web.js");
    await engine.default();
  }
  await engine.prepare(JSON.stringify(request));
  const runs = [];
  for (let run = 0; run < 2; run++) {
    reset();
    const start = performance.now();
    await engine.call();
    runs.push({ seconds: (performance.now() - start) / 1000, ...structuredClone(counted) });
  }
  return { first: runs[0], later: runs[1] };
}

const answers = { mesm, count, onnxruntime };
const jobs = await (await fetch("jobs.json")).json();
for (const [number, { program, request }] of jobs.entries()) {
  status.textContent = `Job ${number + 1} of ${jobs.length}: ${program} …`;
  let outcome;
  try {
    outcome = { answer: await answers[program](request) };
  } catch (error) {
    outcome = { error: String(error?.stack ?? error) };
  }
  await fetch(`outcome/${number}`, { method: "POST", body: JSON.stringify(outcome) });
}
status.textContent = "Done.";
