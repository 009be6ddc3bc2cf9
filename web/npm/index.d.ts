/** What arithmetic runs on: `auto` takes a real GPU that passes the self-test, else the processor. */
export type DevicePreference = "auto" | "cpu" | "webgpu";

/** A source of evidence. */
export type Modality = "text" | "face" | "voice";

/** How the engine is started. */
export interface LoadOptions {
  /**
   * Folder from which the engine is served: `engine-worker.js`, `mesm-engine.js` and `mesm-engine_bg.wasm.gz` lie in it.
   * Default: the folder of this module. Name it where a bundler has moved the module away from them. It may be of another
   * origin that allows being read (CORS).
   */
  base?: string | URL;
  /**
   * Folder with `files.json` (size and SHA-256 of each file) and the `static/` folder with the models: text encoder, MESM,
   * face detector. Default: `base`. `cargo xtask npm` writes such a folder for weights of your own.
   */
  weights?: string | URL;
  /** Default: `auto`. With `webgpu` software adapters are used too. */
  device?: DevicePreference;
  /** Hears what is being done and which share of the start is done, 0 to 1. */
  onProgress?: (progress: { what: string; done: number }) => void;
  /** Ends the start. */
  signal?: AbortSignal;
}

/** What can be drawn and read back. */
export type Drawable =
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLVideoElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | VideoFrame;

/** A picture with its time in milliseconds from the window's start. */
export interface TimedFrame {
  source: Drawable;
  tMs: number;
}

/** A stretch of about three seconds to judge. Every part may be left out, but not all. */
export interface Window {
  /**
   * Pictures in the order of time, at most 64, with sides of at least 48 pixels; those with a side of more than 1280 are
   * drawn smaller. Without a time they count as half a second apart, as the model was trained. The caller's pixels are copied.
   */
  frames?: (Drawable | TimedFrame)[];
  /** Sound of the same stretch, at most a minute: mono samples, full scale -1 to 1, or anything decoded by the browser. */
  pcm?: Float32Array | AudioBuffer;
  /** Samples a second of a `Float32Array`; other rates than 16000 are converted by the browser. Default: 16000. */
  sampleRate?: number;
  /** The words that are said. They choose the points of face and spectrogram; empty words choose too. */
  text?: string;
  /** Share of the attention mass that is kept, above 0 and up to 1. Default: the model's own. */
  topP?: number;
  /** Compute every point instead, without attention: the dense twin (FE2E) with the same weights. Default: false. */
  everyPoint?: boolean;
  /** Whether to look at the face. Default: true. */
  face?: boolean;
  /** Whether to listen to the voice. Default: true. */
  voice?: boolean;
  /** Takes the window back before its turn. */
  signal?: AbortSignal;
}

/** Multiply-accumulates of one branch. */
export interface Macs {
  /** Convolutions and attention, counting pairs of an active point and an active neighbour. */
  pairs: number;
  /** The same, every active point paying for nine neighbours. */
  sites: number;
  /** The dense twin's convolutions on the same input. */
  dense: number;
}

/** One attention layer over the rows (face crops or mel chunks) of a window. */
export interface AttentionLayer {
  height: number;
  width: number;
  rows: number;
  /** Softmax weights, `[rows, height, width]`. */
  weights: Float32Array;
  /** 1 where a point was kept, `[rows, height, width]`. */
  masks: Uint8Array;
}

/** What the model says. Maps of spectrograms begin with the lowest band. */
export interface Result {
  classes: string[];
  /** One a class. Whether they add up to 1, see `Mesm.model.oneOfAll`. */
  probabilities: number[];
  likeliest: { name: string; probability: number };
  /** Fused logits, one a class. */
  logits: number[];
  /** Each modality's part in the logits: the parts add up to them. */
  shares: Partial<Record<Modality, number[]>>;
  /** Points kept by each attention layer, over all rows. */
  activePoints: Partial<Record<Modality, number[]>>;
  macs: Partial<Record<Modality, Macs>>;
  attention: Partial<Record<Modality, AttentionLayer[]>>;
  /** Crops in which a face was found. */
  facesFound: number;
  /** In the order of time; `box` is left, top, right, bottom in pixels, null where no face was found. */
  faces: { tMs: number; found: boolean; box: [number, number, number, number] | null }[];
  /** The faces that were judged, red, green, blue, opacity; null where none was looked at. */
  crops: { rows: number; height: number; width: number; pixels: Uint8Array } | null;
  /** The mel chunks that were judged, raw power, `[rows, bands, steps]`; null where nothing was listened to. */
  mels: { rows: number; bands: number; steps: number; power: Float32Array } | null;
  device: "cpu" | "webgpu";
  /** Memory of the engine's program; that of the graphics card is not counted. */
  memoryBytes: number;
  /** Milliseconds by step (`faces`, `mel`, `text`, `model`) and `total`. */
  timingsMs: Record<string, number>;
  /** What was absent or replaced, in words. */
  notes: string[];
}

/** What went wrong in the engine: files that are missing or damaged, a window beyond the limits, a device that failed. */
export class MesmError extends Error {}

/** A loaded model in a worker of its own. */
export class Mesm {
  private constructor();
  /**
   * Starts the worker, loads and checks the files (29 MB the first time), chooses a device and tests it against recorded
   * numbers. Rejects with a `MesmError` that says what to do.
   */
  static load(options?: LoadOptions): Promise<Mesm>;
  /** Class names, in the order of all results. */
  readonly classes: string[];
  readonly model: {
    name: string;
    /** Text encoder included. */
    parameters: number;
    /** Its own share of the attention mass. */
    topP: number;
    /** Whether one class of all is looked for; otherwise each class is a question of its own. */
    oneOfAll: boolean;
  };
  readonly device: {
    kind: "cpu" | "webgpu";
    adapter: { vendor: string; architecture: string; description: string; fallback: boolean } | null;
    /** Why it is not the GPU; null where it is, or where the processor was asked for. */
    fallbackReason: string | null;
    /** Differences to recorded numbers and between the devices; beyond `limit` a device is not used. */
    selfTest: { recordedDeviation: number; deviceDeviation: number | null; limit: number; elapsedMs: number };
  };
  /**
   * Judges a window by itself: nothing is carried over from the one before. Calls take turns. A graphics card that fails
   * on the way is started again once, then replaced by the processor, and the window is judged there.
   */
  analyse(window: Window): Promise<Result>;
  /** Ends the worker and frees its memory; what is under way rejects. */
  close(): void;
}
