//! Detector, text encoder and model on one device, and the way from a window to a prediction.

use burn::tensor::Device;
use mesm::text::{TextConfig, TextEncoder, TokenBatch};
use mesm::weights::{Limits, SafetensorsSource, load_params, param_specs};
use mesm::{Activation, Modality, Model, ModelKind, Prediction, SparsePath};
use mesm_features::face::{Mtcnn, MtcnnConfig};
use mesm_features::mel::MelPlan;
use mesm_features::picture::RgbFrame;
use mesm_features::tokens::WordPiece;
use mesm_features::track::{CropResult, FaceTracker, TrackerConfig};
use mesm_features::window::{Sentence, WindowInput};

use crate::error::EngineError;
use crate::evidence::EvidenceFrame;
use crate::manifest::Settings;

pub use crate::evidence::Evidence;

/// The bytes a brain is made of.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// The face detector's weights.
    pub detector: Vec<u8>,
    /// The text encoder's `config.json`.
    pub text_config: Vec<u8>,
    /// The text encoder's weights.
    pub text_weights: Vec<u8>,
    /// Its `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// The model's weights, with its settings in their header.
    pub model_weights: Vec<u8>,
}

/// Everything that computes, on one device.
pub struct Brain {
    tracker: FaceTracker,
    tokenizer: WordPiece,
    encoder: TextEncoder,
    model: Model,
    mel: MelPlan,
    own_top_p: f32,
    own_path: SparsePath,
    parameters: u64,
    /// The last words, and as the model reads them.
    sentence: Option<(String, Sentence)>,
    device: Device,
}

impl Brain {
    /// Puts everything on `device`.
    ///
    /// # Errors
    /// When a file is not what it should be.
    pub fn new(files: &Files, device: &Device) -> Result<Self, EngineError> {
        let mut weights = SafetensorsSource::new(&files.model_weights, Limits::default())?;
        let settings = Settings::of(&weights)?;
        let detector = Mtcnn::from_safetensors(&files.detector, MtcnnConfig::default(), device)?;
        let text_config = TextConfig::from_json(&files.text_config)?;
        let encoder = TextEncoder::from_safetensors(
            &text_config,
            &files.text_weights,
            Limits::default(),
            device,
        )?;
        if text_config.hidden_size != settings.config.text_dim {
            return Err(EngineError::Manifest(format!(
                "the model reads text vectors of {} numbers, the text encoder gives {}",
                settings.config.text_dim, text_config.hidden_size
            )));
        }
        let model = settings.config.init(device)?;
        let count = |specs: &[mesm::weights::ParamSpec]| {
            specs
                .iter()
                .map(|spec| spec.shape.iter().product::<usize>() as u64)
                .sum::<u64>()
        };
        let parameters = count(&param_specs(&model)) + count(&param_specs(&encoder));
        let model = load_params(model, &mut weights)?;
        Ok(Self {
            tracker: FaceTracker::new(detector, TrackerConfig::default()),
            tokenizer: WordPiece::from_bytes(&files.tokenizer)?,
            encoder,
            own_top_p: settings.config.top_p,
            own_path: settings.config.sparse_path,
            model,
            mel: MelPlan::new(&settings.mel)?,
            parameters,
            sentence: None,
            device: device.clone(),
        })
    }

    /// Number of parameters of model and text encoder.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// Share of the attention mass the model was trained to keep.
    #[must_use]
    pub fn top_p(&self) -> f32 {
        self.own_top_p
    }

    /// Whether one class of all is looked for.
    #[must_use]
    pub fn one_of_all(&self) -> bool {
        self.model.config().activation == Activation::Softmax
    }

    /// Class names in the order of the logits.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.model.config().classes
    }

    /// Whether the model can be asked about this modality.
    #[must_use]
    pub fn knows(&self, modality: Modality) -> bool {
        self.model.config().modalities.contains(modality)
    }

    /// The face of each frame. Every window is looked at afresh: its crops depend on nothing before it.
    ///
    /// # Errors
    /// When a frame is no picture, or the device fails.
    pub async fn look(&mut self, frames: &[EvidenceFrame]) -> Result<Vec<CropResult>, EngineError> {
        self.tracker.reset();
        let mut crops = Vec::with_capacity(frames.len());
        for frame in frames {
            let picture = RgbFrame::new(frame.width, frame.height, &frame.rgb)?;
            crops.push(Box::pin(self.tracker.face(&picture)).await?);
        }
        Ok(crops)
    }

    /// The spectrogram's plan.
    #[must_use]
    pub fn mel(&self) -> &MelPlan {
        &self.mel
    }

    /// The words as the model reads them, and how many tokens were read where the words had more. The empty
    /// sentence has a vector too.
    ///
    /// # Errors
    /// When the words are longer than the tokenizer reads.
    pub fn read(&mut self, words: &str) -> Result<(Sentence, Option<usize>), EngineError> {
        let limit = self.encoder.max_tokens();
        let whole = self.tokenizer.encode(words, usize::MAX)?;
        let cut = (whole.ids.len() > limit).then_some(limit);
        if let Some((known, sentence)) = &self.sentence
            && known == words
        {
            return Ok((sentence.clone(), cut));
        }
        let tokens = match cut {
            Some(limit) => self.tokenizer.encode(words, limit)?,
            None => whole,
        };
        let batch = TokenBatch::new(&[tokens.ids], &self.encoder, &self.device)?;
        let sentence = Sentence {
            vector: TextEncoder::cls(self.encoder.encode(&batch)),
            empty: words.is_empty(),
        };
        self.sentence = Some((words.to_owned(), sentence.clone()));
        Ok((sentence, cut))
    }

    /// Whether the model reads the empty sentence where no words were given: MESM does, because text chooses its
    /// points; its dense twin does not.
    #[must_use]
    pub fn reads_silence(&self, every_point: bool) -> bool {
        !every_point && self.model.config().kind == ModelKind::Mesm
    }

    /// Asks the model; the dense twin where `every_point` is set.
    ///
    /// # Errors
    /// When nothing was given, or the device fails.
    pub async fn ask(
        &mut self,
        input: &WindowInput,
        text: Option<Sentence>,
        top_p: Option<f32>,
        every_point: bool,
    ) -> Result<Prediction, EngineError> {
        self.model.set_top_p(top_p.unwrap_or(self.own_top_p))?;
        self.model.set_sparse_path(if every_point {
            SparsePath::EveryPoint
        } else {
            self.own_path
        });
        let batch = input.batch(text.as_ref(), &self.device);
        // Boxed: the state of a forward pass is large, and every caller's would hold it.
        let output = Box::pin(self.model.forward_async(&batch)).await?;
        Ok(Box::pin(output.into_host()).await?)
    }
}
