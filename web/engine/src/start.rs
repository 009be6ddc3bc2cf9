//! From a configuration to a tested brain on the right device.

use burn::tensor::Device;
use mesm_protocol::{
    Configure, DeviceKind, DevicePreference, DeviceReport, Event, ModelReport, SelfTest,
};

use crate::brain::{Brain, Files};
use crate::deadline::{let_messages_in, meanwhile, within};
use crate::device::{Choice, open_webgpu};
use crate::error::EngineError;
use crate::fetch::Site;
use crate::host;
use crate::manifest::{Answer, Manifest};
use crate::self_test::{LIMIT, answer, deviation};

const WEIGHTS: &str = "static/weights/";
/// The loading of the program itself comes before; see the worker's script.
const PROGRAM_PART: f32 = 0.25;
const FILES_PART: f32 = 0.5;

/// Where the progress stands when only the graphics card is left, which compiles a hundred kernels or so.
const GPU_FROM: f32 = 0.9;
const MANY_KERNELS: f32 = 100.0;
/// How often its progress is told.
const TELL_STEP_MS: f64 = 250.0;

/// How long a step may take.
const PATIENCE_MS: f64 = 90_000.0;
/// Software adapters are slow; whoever forces one has patience.
const LONG_PATIENCE_MS: f64 = 1_200_000.0;

/// An engine that is ready for windows.
pub(crate) struct Started {
    pub brain: Brain,
    pub device: DeviceReport,
    pub model: ModelReport,
    pub patience_ms: f64,
}

/// Loads, chooses a device, tests it, and falls back to the CPU where it fails. `tell` hears the progress.
pub(crate) async fn start(
    configure: &Configure,
    tell: impl Fn(Event),
) -> Result<Started, EngineError> {
    configure.check()?;
    let mut choice = Choice::make(configure.device).await;
    if choice.reason.is_none() {
        choice.reason.clone_from(&configure.restart_reason);
    }
    let forced = configure.device == DevicePreference::Webgpu;
    let patience_ms = if forced {
        LONG_PATIENCE_MS
    } else {
        PATIENCE_MS
    };
    let (manifest, files) = load(&configure.base_url, &tell).await?;

    let step = |what: &str, done: f32| {
        tell(Event::Progress {
            what: what.to_owned(),
            done,
        });
    };
    let started_ms = host::now_ms();
    step("Preparing the model", 0.78);
    let_messages_in().await;
    let mut brain = Brain::new(&files, &Device::flex())?;
    step("Testing the model", 0.84);
    let_messages_in().await;
    let on_cpu = within(patience_ms, "the self-test", answer(&mut brain)).await??;
    let recorded_deviation = deviation(&on_cpu, &manifest.self_test);
    if recorded_deviation > LIMIT {
        return Err(EngineError::Manifest(format!(
            "the self-test differs from its recorded numbers by {recorded_deviation} (limit {LIMIT}): model and program are of different builds, or this browser computes wrongly. It gave {on_cpu:?}"
        )));
    }
    let mut device_deviation = None;
    if choice.kind == DeviceKind::Webgpu {
        let kernel = || {
            let count = host::kernels();
            step(
                &format!("Preparing the graphics card: {count} kernels compiled"),
                GPU_FROM + (1.0 - GPU_FROM) * count as f32 / (count as f32 + MANY_KERNELS),
            );
        };
        kernel();
        // One brain at a time: two would double the memory.
        drop(brain);
        let tried = on_webgpu(&files, &on_cpu, patience_ms);
        match Box::pin(meanwhile(TELL_STEP_MS, kernel, tried)).await {
            Ok((gpu, deviation)) => {
                brain = gpu;
                device_deviation = Some(deviation);
            }
            Err(error) => {
                choice.kind = DeviceKind::Cpu;
                choice.reason = Some(format!(
                    "The graphics card cannot be used ({error}). The processor is used."
                ));
                brain = Brain::new(&files, &Device::flex())?;
            }
        }
    }
    let model = ModelReport {
        name: manifest.name.clone(),
        classes: brain.classes().to_vec(),
        one_of_all: brain.one_of_all(),
        top_p: brain.top_p(),
        parameters: brain.parameters(),
    };
    Ok(Started {
        brain,
        device: DeviceReport {
            kind: choice.kind,
            adapter: choice.adapter,
            fallback_reason: choice.reason,
            self_test: SelfTest {
                recorded_deviation,
                device_deviation,
                limit: LIMIT,
                elapsed_ms: host::now_ms() - started_ms,
            },
        },
        model,
        patience_ms,
    })
}

/// A brain on the GPU that says what the one on the CPU said, and by how much it differs.
async fn on_webgpu(
    files: &Files,
    on_cpu: &Answer,
    patience_ms: f64,
) -> Result<(Brain, f32), EngineError> {
    let device = open_webgpu().await?;
    let mut brain = Brain::new(files, &device)?;
    let on_gpu = within(patience_ms, "the self-test", answer(&mut brain)).await??;
    let errors = host::take_gpu_errors();
    if let Some(first) = errors.first() {
        return Err(EngineError::Gpu(format!(
            "{} error(s), the first: {first}",
            errors.len()
        )));
    }
    let deviation = deviation(&on_gpu, on_cpu);
    if deviation > LIMIT {
        return Err(EngineError::Gpu(format!(
            "its numbers differ from the processor's by {deviation}, more than {LIMIT}"
        )));
    }
    Ok((brain, deviation))
}

/// Fetches the model's description and every file it needs.
async fn load(base_url: &str, tell: &impl Fn(Event)) -> Result<(Manifest, Files), EngineError> {
    let quiet = |_: usize, _: usize| ();
    let site = Site::open(base_url).await?;
    let beside = |name: &str| format!("{WEIGHTS}{name}");
    let description = site.fetch(&beside("model.json"), quiet).await?;
    let manifest = Manifest::from_json(&description)?;
    let text = |name: &str| beside(&format!("{}/{name}", manifest.text_encoder));
    let mut files = Files {
        text_config: site.fetch(&text("config.json"), quiet).await?,
        tokenizer: site.fetch(&text("tokenizer.json"), quiet).await?,
        detector: site.fetch("static/mtcnn.safetensors", quiet).await?,
        model_weights: site.fetch(&beside(&manifest.weights), quiet).await?,
        text_weights: Vec::new(),
    };
    let mut told = 0.0;
    let mut progress = |arrived: usize, expected: usize| {
        let done = (arrived as f32 / expected.max(1) as f32).min(1.0);
        if done - told > 0.02 {
            told = done;
            tell(Event::Progress {
                what: "Loading the text encoder (once; your browser keeps it)".to_owned(),
                done: PROGRAM_PART + FILES_PART * done,
            });
        }
    };
    files.text_weights = site
        .fetch(&text("model.safetensors"), &mut progress)
        .await?;
    Ok((manifest, files))
}
