// The engine as a library: starts its worker, hands windows over, and gives results as promises. Types and documentation
// stand in index.d.ts; everything that computes is Rust, in the worker.

/** The messages' version: `mesm_protocol::VERSION`. */
const PROTOCOL = 3;
/** Distance of frames that come without a time, as the model was trained. */
const FRAME_STEP_MS = 500;
const SAMPLE_RATE_HZ = 16000;
/** Pictures with a longer side are drawn smaller: faces are cut out at 48 x 48 pixels. */
const LONGEST_SIDE = 1280;
/** An engine that works and says nothing for so long hangs. Software adapters are slow; whoever asks for one has patience. */
const SILENCE_LIMIT_MS = { auto: 120000, cpu: 120000, webgpu: 1200000 };
const NAMES = { t: "text", v: "face", a: "voice" };

export class MesmError extends Error {
  name = "MesmError";
}

export class Mesm {
  #folder;
  #weights;
  #preference;
  #onProgress;
  #worker;
  #hear;
  #fault;
  #turn = Promise.resolve();
  #id = 0;
  #ready;
  #closed = false;
  #renewed = false;

  /** Use `Mesm.load`. */
  constructor(folder, weights, preference, onProgress) {
    this.#folder = folder;
    this.#weights = weights;
    this.#preference = preference;
    this.#onProgress = onProgress;
  }

  static async load({ base = new URL("./", import.meta.url), weights = base, device = "auto", onProgress, signal } = {}) {
    if (!(device in SILENCE_LIMIT_MS)) throw new TypeError(`device must be "auto", "cpu" or "webgpu", not ${JSON.stringify(device)}`);
    const mesm = new Mesm(folderUrl(base), folderUrl(weights), device, onProgress);
    const stop = () => mesm.close();
    signal?.throwIfAborted();
    signal?.addEventListener("abort", stop);
    try {
      await mesm.#start(device);
    } catch (error) {
      mesm.close();
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    return mesm;
  }

  get classes() {
    return [...this.#ready.model.classes];
  }

  get model() {
    const { name, parameters, top_p, one_of_all } = this.#ready.model;
    return { name, parameters, topP: top_p, oneOfAll: one_of_all };
  }

  get device() {
    const { kind, adapter, fallback_reason, self_test } = this.#ready.device;
    return {
      kind,
      adapter: adapter ?? null,
      fallbackReason: fallback_reason ?? null,
      selfTest: {
        recordedDeviation: self_test.recorded_deviation,
        deviceDeviation: self_test.device_deviation ?? null,
        limit: self_test.limit,
        elapsedMs: self_test.elapsed_ms,
      },
    };
  }

  analyse(window) {
    // One after the other: the engine itself would drop all but the newest of those that wait.
    const result = this.#turn.then(() => this.#analyse(window ?? {}));
    this.#turn = result.catch(() => {});
    return result;
  }

  close() {
    this.#closed = true;
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#hear?.({ event: "failure", message: "it was closed", fatal: true, closed: true });
  }

  async #analyse({ frames = [], pcm, sampleRate = SAMPLE_RATE_HZ, text = "", topP, everyPoint = false, face = true, voice = true, signal }) {
    signal?.throwIfAborted();
    const pictures = [];
    for (const [index, frame] of frames.entries()) pictures.push(await picture(frame, index));
    const samples = pcm && (await monoAt16kHz(pcm, sampleRate));
    if (!pictures.length && !samples?.length && !text.trim()) throw new TypeError("there is nothing to judge: give frames, pcm or text");
    for (;;) {
      signal?.throwIfAborted();
      // Copied, so that the caller's pixels stay, and ours for a second try.
      const buffers = pictures.map(({ pixels }) => new Uint8Array(pixels).buffer);
      const request = {
        request: "window",
        id: ++this.#id,
        text,
        frames: pictures.map(({ tMs, width, height }, buffer) => ({ t_ms: tMs, width, height, buffer })),
        samples: null,
        settings: { top_p: topP ?? null, every_point: everyPoint, visual: face, acoustic: voice },
      };
      if (samples?.length) {
        request.samples = { buffer: buffers.length, element: "f32", rows: 1, row_len: samples.length };
        buffers.push(new Float32Array(samples).buffer);
      }
      const answer = await this.#ask(request, buffers, (event) => event.id === request.id && event.event === "outcome");
      if (!answer.failure) return resultOf(answer.message, answer.buffers);
      const { message, fatal, closed } = answer.failure;
      if (closed || !fatal || this.device.kind === "cpu") throw new MesmError(message);
      // A graphics card comes back after its driver was started anew; one that goes away again does not stay.
      if (this.#renewed) await this.#start("cpu", `${message}. Continuing on the processor`);
      else await this.#start(this.#preference, `${message}. It was started again`);
      this.#renewed = true;
    }
  }

  async #start(device, restartReason) {
    if (this.#closed) throw new MesmError("it was closed");
    this.#worker?.terminate();
    const worker = startWorker(new URL("engine-worker.js", this.#folder));
    this.#worker = worker;
    this.#fault = undefined;
    worker.onmessage = ({ data }) => this.#tell(JSON.parse(data.json), data.buffers);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#tell({ event: "failure", message: `the engine stopped: ${event.message || "no reason given"}`, fatal: true });
    };
    worker.onmessageerror = () => this.#tell({ event: "failure", message: "the engine sent what cannot be read", fatal: true });
    const loaded = await this.#ask(null, [], (event) => event.event === "loaded");
    if (loaded.failure) throw new MesmError(loaded.failure.message);
    if (loaded.message.version !== PROTOCOL) {
      throw new MesmError(`index.js speaks version ${PROTOCOL} and the engine version ${loaded.message.version}: they are of different releases`);
    }
    const configure = { request: "configure", version: PROTOCOL, base_url: this.#weights, device };
    if (restartReason) configure.restart_reason = restartReason;
    const ready = await this.#ask(configure, [], (event) => event.event === "ready");
    if (ready.failure) throw new MesmError(ready.failure.message);
    this.#ready = ready.message;
  }

  /** Whoever waits hears it; a failure that nobody waits for is kept for the next who asks. */
  #tell(message, buffers) {
    if (this.#hear) this.#hear(message, buffers);
    else if (message.event === "failure") this.#fault = message;
  }

  /** Sends a message and waits for the event that answers it, for a failure, or for silence. */
  #ask(request, buffers, answers) {
    return new Promise((resolve) => {
      let timer;
      const done = (answer) => {
        clearTimeout(timer);
        this.#hear = undefined;
        resolve(answer);
      };
      const fail = (failure) => done({ failure });
      const wait = () => {
        clearTimeout(timer);
        timer = setTimeout(() => fail({ message: "the engine does not answer", fatal: true }), SILENCE_LIMIT_MS[this.#preference]);
      };
      this.#hear = (message, buffers) => {
        wait();
        if (answers(message)) done({ message, buffers });
        else if (message.event === "failure") fail(message);
        else if (message.event === "progress") this.#onProgress?.({ what: message.what, done: message.done });
      };
      wait();
      if (this.#closed) return fail({ message: "it was closed", fatal: true, closed: true });
      if (this.#fault) return fail(this.#fault);
      if (request) this.#worker.postMessage({ json: JSON.stringify(request), buffers }, buffers);
    });
  }
}

function folderUrl(folder) {
  const url = new URL(folder, globalThis.document?.baseURI ?? globalThis.location?.href);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  url.search = url.hash = "";
  return url.href;
}

function startWorker(url) {
  const options = { type: "module", name: "mesm" };
  if (url.origin === globalThis.location.origin) return new Worker(url, options);
  // Browsers start no worker from another origin, but a worker may load its module from there.
  const script = new Blob([`import ${JSON.stringify(url.href)};`], { type: "text/javascript" });
  const address = URL.createObjectURL(script);
  const worker = new Worker(address, options);
  worker.addEventListener("message", () => URL.revokeObjectURL(address), { once: true });
  return worker;
}

/** Pixels of a frame, `[height, width, 4]`, whatever it came as. */
async function picture(frame, index) {
  const { source = frame, tMs = index * FRAME_STEP_MS } = frame;
  if (source.data && source.width * source.height * 4 === source.data.length && Math.max(source.width, source.height) <= LONGEST_SIDE) {
    return { tMs, width: source.width, height: source.height, pixels: source.data };
  }
  const drawable = source.data ? await createImageBitmap(new ImageData(source.data, source.width, source.height)) : source;
  const full = [
    drawable.videoWidth ?? drawable.naturalWidth ?? drawable.displayWidth ?? drawable.width,
    drawable.videoHeight ?? drawable.naturalHeight ?? drawable.displayHeight ?? drawable.height,
  ];
  if (!full.every((side) => side > 0)) throw new TypeError(`frame ${index} has no picture yet, or is none: an ImageData, canvas, bitmap, image or video is expected`);
  const scale = Math.min(1, LONGEST_SIDE / Math.max(...full));
  const [width, height] = full.map((side) => Math.max(1, Math.round(side * scale)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(drawable, 0, 0, width, height);
  return { tMs, width, height, pixels: context.getImageData(0, 0, width, height).data };
}

/** One channel at the model's rate, by the browser's own resampler where it must be. */
async function monoAt16kHz(pcm, sampleRate) {
  let buffer = pcm;
  if (!(typeof AudioBuffer !== "undefined" && pcm instanceof AudioBuffer)) {
    if (!(pcm instanceof Float32Array)) throw new TypeError("pcm must be a Float32Array of mono samples, full scale -1 to 1, or an AudioBuffer");
    if (sampleRate === SAMPLE_RATE_HZ || pcm.length === 0) return pcm;
    buffer = new AudioBuffer({ length: pcm.length, numberOfChannels: 1, sampleRate });
    buffer.copyToChannel(pcm, 0);
  }
  if (buffer.sampleRate === SAMPLE_RATE_HZ && buffer.numberOfChannels === 1) return buffer.getChannelData(0);
  const context = new OfflineAudioContext(1, Math.max(1, Math.round(buffer.duration * SAMPLE_RATE_HZ)), SAMPLE_RATE_HZ);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  source.start();
  return (await context.startRendering()).getChannelData(0);
}

function resultOf(outcome, buffers) {
  const floats = (slab) => new Float32Array(buffers[slab.buffer]);
  const bytes = (slab) => new Uint8Array(buffers[slab.buffer]);
  const named = (byLetter, of = (value) => value) => Object.fromEntries(Object.entries(byLetter).map(([letter, value]) => [NAMES[letter], of(value)]));
  const best = outcome.probabilities.indexOf(Math.max(...outcome.probabilities));
  return {
    classes: outcome.classes,
    probabilities: outcome.probabilities,
    likeliest: { name: outcome.classes[best], probability: outcome.probabilities[best] },
    logits: outcome.logits,
    shares: named(outcome.shares),
    activePoints: named(outcome.active_points),
    macs: named(outcome.macs),
    attention: named(outcome.attention, (layers) =>
      layers.map(({ height, width, weights, masks }) => ({ height, width, rows: weights.rows, weights: floats(weights), masks: bytes(masks) }))),
    facesFound: outcome.faces_found,
    faces: outcome.faces.map(({ t_ms, found, bbox }) => ({ tMs: t_ms, found, box: bbox })),
    crops: outcome.crops && { rows: outcome.crops.rows, height: 48, width: 48, pixels: bytes(outcome.crops) },
    mels: outcome.mels && { rows: outcome.mels.rows, bands: 128, steps: 32, power: floats(outcome.mels) },
    device: outcome.device,
    memoryBytes: outcome.memory_bytes,
    timingsMs: outcome.timings_ms,
    notes: outcome.notes,
  };
}
