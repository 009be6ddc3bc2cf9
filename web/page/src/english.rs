//! Every sentence and label that the program shows, for whoever translates or proof-reads the page.
//!
//! A room for each part of the page. What stands on the page from the beginning is in `index.html`; what the engine
//! says is in the engine.

/// Items of a list within a line.
pub(crate) fn list(items: &[String]) -> String {
    items.join(", ")
}

/// How many of how many.
pub(crate) fn part_of(part: usize, all: usize) -> String {
    format!("{part} of {all}")
}

/// A percentage without decimals.
pub(crate) fn percent(percentage: impl Into<f64>) -> String {
    format!("{:.0} %", percentage.into())
}

/// The line that says what is going on.
pub(crate) mod status {
    use mesm_protocol::{DeviceKind, DeviceReport, ModelReport, Outcome};

    pub(crate) const NEW_VERSION: &str = "A new version of this page is opened …";
    pub(crate) const CHANGING_DEVICE: &str = "Changing the device.";
    pub(crate) const STOPPED: &str = "Stopped.";

    pub(crate) const LOOKING_FOR_FACE: &str = "Looking for the face …";
    pub(crate) const LISTENING: &str = "Listening …";
    pub(crate) const READING_WORDS: &str = "Reading the words …";
    pub(crate) const ASKING_MODEL: &str = "Asking the model …";

    pub(crate) const NO_ANSWER: &str = "The engine did not answer; continuing on the processor";
    pub(crate) const NO_START: &str =
        "The engine did not start. Reload the page, or add ?device=cpu to its address.";

    pub(crate) const CURVE_DRAWN: &str = "The curve is drawn.";

    pub(crate) const OPENING_FILE: &str = "Opening the file …";
    pub(crate) const WAITING_FOR_DEVICES: &str = "Waiting for camera and microphone …";
    pub(crate) const PAUSED: &str = "Paused: the page is not in view.";

    pub(crate) const PICTURE_AND_SOUND: &str =
        "Looking and listening: the first window takes three seconds.";
    pub(crate) const PICTURE_ALONE: &str =
        "Going on with the face and the words: there is no sound.";
    pub(crate) const SOUND_ALONE: &str =
        "Going on with the voice and the words: there is no picture.";
    pub(crate) const WORDS_ALONE: &str = "Going on with the words alone: type what is said.";

    /// What the engine does before it is ready.
    pub(crate) fn doing(what: &str) -> String {
        format!("{what} …")
    }

    /// The engine is ready.
    pub(crate) fn ready(device: &DeviceReport, model: &ModelReport) -> String {
        format!(
            "Ready: {} on {}.",
            model.name,
            match device.kind {
                DeviceKind::Cpu => "the processor",
                DeviceKind::Webgpu => "the graphics card",
            }
        )
    }

    /// The engine broke and runs again.
    pub(crate) fn started_again(why: &str) -> String {
        format!("{why}. It was started again")
    }

    /// The engine broke and runs without the graphics card.
    pub(crate) fn on_processor(why: &str) -> String {
        format!("{why}. Continuing on the processor")
    }

    /// A result is shown.
    pub(crate) fn judged(outcome: &Outcome) -> String {
        format!(
            "Window {} judged in {:.1} s.",
            outcome.id,
            outcome.total_ms() / 1000.0
        )
    }

    /// The likeliest class, for those who listen to the page.
    pub(crate) fn likeliest(outcome: &Outcome) -> String {
        let likeliest = outcome.likeliest();
        likeliest.map_or_else(String::new, |(_, class, probability)| {
            format!("Likeliest: {class}, {:.0} percent.", probability * 100.0)
        })
    }

    /// A point of the curve is computed.
    pub(crate) fn asking_at(top_p: f32) -> String {
        format!("Asking at p = {top_p:.1} …")
    }

    /// The file is over; `notes` say what of it could not be used.
    pub(crate) fn file_done(notes: &[String]) -> String {
        let end = "Done: the result of the last window is shown.";
        if notes.is_empty() {
            end.to_owned()
        } else {
            format!("{end} Note: {}.", notes.join("; "))
        }
    }
}

/// What to do, on the empty stage.
pub(crate) mod hint {
    pub(crate) const SAMPLE: &str = "Press start to try the sample, or choose your camera.";
    pub(crate) const CAMERA: &str =
        "Press start and allow camera and microphone. Nothing is recorded or sent.";
    pub(crate) const FILE: &str = "Drop a video or a sound file here, or choose one, and press start. It is opened here and sent nowhere.";
}

/// What comes in, beside the stage.
pub(crate) mod source {
    /// Pixels of the camera's pictures, and how many come in a second once that is known.
    pub(crate) fn pictures(width: u32, height: u32, rate: Option<f64>) -> String {
        let size = format!("{width} × {height}");
        match rate {
            Some(rate) => format!("{size} at {rate:.0} pictures a second"),
            None => size,
        }
    }

    /// Rate of the microphone.
    pub(crate) fn sound(rate_khz: f64) -> String {
        format!("sound at {rate_khz:.0} kHz")
    }
}

/// The choices of camera and microphone.
pub(crate) mod picker {
    pub(crate) const AUTOMATIC: &str = "Automatic";
    pub(crate) const FRONT: &str = "Front";
    pub(crate) const BACK: &str = "Back";
    pub(crate) const OFF: &str = "Off";

    /// A device whose name the browser does not tell.
    pub(crate) fn numbered(number: usize) -> String {
        format!("Number {number}")
    }
}

/// Why a camera or a microphone cannot be used, and what helps. `name` is one of the two names here.
pub(crate) mod trouble {
    pub(crate) const CAMERA: &str = "camera";
    pub(crate) const MICROPHONE: &str = "microphone";

    pub(crate) fn denied(name: &str) -> String {
        format!(
            "The {name} is not allowed. Allow it in the browser's site settings (beside the address), then start again."
        )
    }

    pub(crate) fn dismissed(name: &str) -> String {
        format!(
            "The question about the {name} was closed without an answer. Start again and answer it."
        )
    }

    pub(crate) fn busy(name: &str) -> String {
        format!("The {name} is used by another program. Close that program, then start again.")
    }

    pub(crate) fn missing(name: &str) -> String {
        format!("No {name} was found. Connect one, then start again.")
    }

    pub(crate) fn replaced(name: &str) -> String {
        format!("The {name} that was chosen is not connected; another one is used.")
    }

    pub(crate) fn insecure(name: &str) -> String {
        format!(
            "Browsers give a {name} to safe pages only. Open this page by https, or on localhost."
        )
    }

    pub(crate) fn unplugged(name: &str) -> String {
        format!("The {name} is gone. Connect it again or choose another one, then start again.")
    }

    /// `cause` is in the browser's words.
    pub(crate) fn other(name: &str, cause: &str) -> String {
        format!("The {name} cannot be used ({cause}). Choose another one, or reload the page.")
    }
}

/// The field of words.
pub(crate) mod words {
    pub(crate) const FROM_NOWHERE: &str = "none: the empty sentence asks";
    pub(crate) const TYPED: &str = "typed";
    pub(crate) const HEARD: &str = "heard on this device";

    pub(crate) const READY: &str =
        "With the camera as the source, your browser turns speech into words on this device.";
    pub(crate) const DOWNLOADABLE: &str =
        "Your browser brings a language once, then turns speech into words on this device.";
    pub(crate) const OFF: &str =
        "Off: this browser would send your voice to a server to find the words. Type them instead.";
    pub(crate) const BRINGING: &str = "Your browser brings the language …";

    pub(crate) fn stopped(why: &str) -> String {
        format!("Listening for words stopped: {why}.")
    }
}

/// What a file lacks; noted behind "Done".
pub(crate) mod file {
    pub(crate) const TOO_LONG: &str =
        "the file is too long to decode its sound in a page: voice is left out";
    pub(crate) const NO_SOUND: &str = "no sound track that this browser decodes: voice is left out";
}

/// The device that computes, and the model.
pub(crate) mod device {
    use mesm_protocol::{DeviceKind, DeviceReport, ModelReport};

    /// Short name of a kind of device.
    pub(crate) fn kind(kind: DeviceKind) -> &'static str {
        match kind {
            DeviceKind::Cpu => "Processor",
            DeviceKind::Webgpu => "WebGPU",
        }
    }

    /// Short name for the chip at the top.
    pub(crate) fn name(device: &DeviceReport) -> String {
        match (device.kind, &device.adapter) {
            (DeviceKind::Webgpu, Some(adapter)) if adapter.fallback => {
                "WebGPU, software".to_owned()
            }
            (DeviceKind::Webgpu, Some(adapter)) if !adapter.vendor.is_empty() => {
                format!("WebGPU, {}", adapter.vendor)
            }
            (other, _) => kind(other).to_owned(),
        }
    }

    /// Device, model and self-test in full.
    pub(crate) fn details(device: &DeviceReport, model: &ModelReport) -> String {
        let adapter = device.adapter.as_ref().map_or_else(String::new, |adapter| {
            let parts = [&adapter.vendor, &adapter.architecture, &adapter.description];
            let known: Vec<&str> = parts
                .into_iter()
                .map(String::as_str)
                .filter(|part| !part.is_empty())
                .collect();
            let software = if adapter.fallback { ", software" } else { "" };
            format!(" Adapter: {}{software}.", known.join(" "))
        });
        let test = &device.self_test;
        let between = test.device_deviation.map_or_else(String::new, |deviation| {
            format!(", between devices {deviation:.1e}")
        });
        format!(
            "{} ({:.1} M parameters) on {}.{adapter} Self-test: largest difference to the recorded numbers {:.1e}{between} (limit {:.0e}).",
            model.name,
            model.parameters as f64 / 1e6,
            kind(device.kind),
            test.recorded_deviation,
            test.limit,
        )
    }
}

/// The bars of the classes and the facts under them.
pub(crate) mod bars {
    use mesm_protocol::Modality;

    pub(crate) const ONE_OF_ALL: &str =
        "One class of all is looked for, and the percentages add up to 100.";
    pub(crate) const EACH_BY_ITSELF: &str =
        "Each class is a question of its own: the percentages need not add up to 100.";

    pub(crate) const FACES_FOUND: &str = "Faces found";
    pub(crate) const SOUND_CHUNKS: &str = "Sound chunks";
    pub(crate) const TIME: &str = "Time";
    pub(crate) const DEVICE: &str = "Device";

    /// What a modality adds to a class, or takes.
    pub(crate) fn share(modality: Modality, share: f32) -> String {
        let name = match modality {
            Modality::Text => "words",
            Modality::Visual => "face",
            Modality::Acoustic => "voice",
        };
        format!("{name} {share:+.2}")
    }

    pub(crate) fn seconds(seconds: f64) -> String {
        format!("{seconds:.2} s")
    }
}

/// The maps of attention.
pub(crate) mod attention {
    /// A face among the rows, for those who listen to the page.
    pub(crate) fn face(number: usize) -> String {
        format!("Face {number}")
    }

    /// A stretch of sound among the rows.
    pub(crate) fn chunk(number: usize) -> String {
        format!("Chunk {number}")
    }

    /// A layer's map, for those who listen to the page.
    pub(crate) fn map(layer: usize, kept: usize, points: usize) -> String {
        format!("Layer {layer}: {kept} of {points} points kept")
    }

    pub(crate) fn size(layer: usize, height: usize, width: usize) -> String {
        format!("Layer {layer}, {height} × {width}")
    }
}

/// The time line of the last minutes.
pub(crate) mod timeline {
    /// The newest moment, and its likeliest class.
    pub(crate) fn newest(likeliest: Option<(&str, f32)>) -> String {
        format!("Newest window{}", class(likeliest))
    }

    /// An older moment.
    pub(crate) fn earlier(ago_s: f64, likeliest: Option<(&str, f32)>) -> String {
        format!("{ago_s:.1} s before the newest{}", class(likeliest))
    }

    fn class(likeliest: Option<(&str, f32)>) -> String {
        likeliest.map_or_else(String::new, |(name, probability)| {
            format!(": {name}, {}", super::percent(probability * 100.0))
        })
    }
}

/// The curve of the cost.
pub(crate) mod curve {
    pub(crate) const ABOUT: &str =
        "Cost against the share of attention kept; the table has the numbers";

    pub(crate) const FULL_COST: &str = "100 %";
    pub(crate) const NO_COST: &str = "0 %";
    pub(crate) const NO_SHARE: &str = "0";
    pub(crate) const FULL_SHARE: &str = "p = 1";
    pub(crate) const COST: &str = "cost of the dense twin";

    /// Heads of the table: share, cost, class.
    pub(crate) const HEADS: [&str; 3] = ["p", "Cost", "Likeliest"];

    pub(crate) fn likeliest(class: &str, probability: f32) -> String {
        format!("{class} {}", super::percent(probability * 100.0))
    }
}

/// The card of costs.
pub(crate) mod cost {
    pub(crate) const DENSE: &str = "Dense twin";
    pub(crate) const BY_POINT: &str = "Sparse, per active point";
    pub(crate) const BY_PAIR: &str = "Sparse, per active pair";
    pub(crate) const EXPLANATION: &str = "Multiply-accumulates of convolutions and attention in this window. A pair is an active point with an active neighbour, as the sparse library counts; per point, every active point pays for nine neighbours.";

    /// Heads of the table: what is counted, then the layers.
    pub(crate) const HEADS: [&str; 4] = ["Active points", "Layer 1", "Layer 2", "Layer 3"];
    pub(crate) const FACE: &str = "Face";
    pub(crate) const VOICE: &str = "Voice";

    /// A count, and how large a part of the dense twin's it is.
    pub(crate) fn macs(count: u64, part: f64) -> String {
        format!("{} ({})", readable(count), super::percent(part * 100.0))
    }

    /// All points, behind the number of the kept ones.
    pub(crate) fn of(all: usize) -> String {
        format!("of {all}")
    }

    /// A count in thousands, millions or billions.
    fn readable(count: u64) -> String {
        let count = count as f64;
        match count {
            c if c >= 1e9 => format!("{:.2} G", c / 1e9),
            c if c >= 1e6 => format!("{:.1} M", c / 1e6),
            c if c >= 1e3 => format!("{:.1} k", c / 1e3),
            c => format!("{c:.0}"),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::readable;

        #[test]
        fn counts_are_short() {
            assert_eq!(readable(8_728_000_000), "8.73 G");
            assert_eq!(readable(478_200_000), "478.2 M");
            assert_eq!(readable(12), "12");
        }
    }
}

/// The table of how long windows take.
pub(crate) mod latency {
    /// Heads of the table: the step, then its figures.
    pub(crate) const HEADS: [&str; 4] = ["Time", "Last", "Median", "95 %"];

    pub(crate) const FACES: &str = "Faces";
    pub(crate) const SPECTROGRAM: &str = "Spectrogram";
    pub(crate) const WORDS: &str = "Words";
    pub(crate) const MODEL: &str = "Model";
    pub(crate) const ALL: &str = "All";

    pub(crate) fn milliseconds(ms: f64) -> String {
        format!("{ms:.0} ms")
    }

    /// What the figures are over; with the rate once that is known.
    pub(crate) fn about(windows: usize, megabytes: f64, rate: Option<f64>) -> String {
        let about =
            format!("Over the last {windows} windows. Memory of the engine: {megabytes:.0} MB.");
        match rate {
            Some(rate) => format!("{rate:.2} windows a second. {about}"),
            None => about,
        }
    }
}

/// What failed, and what to do about it. The browser's reason follows behind a colon where there is one.
pub(crate) mod failed {
    pub(crate) const ADDRESS: &str = "the page has no address";
    pub(crate) const RELOADING: &str = "reload the page";
    pub(crate) const KEEPING_PAGE: &str = "the page cannot be kept for later visits";
    pub(crate) const HOLDING_ON: &str = "storage";
    pub(crate) const LOADING_FILE: &str = "a file of the page could not be loaded. Reload the page";
    pub(crate) const LISTENING: &str = "the page could not listen";
    pub(crate) const READING_DOCUMENT: &str = "the document could not be read";
    pub(crate) const NEW_ELEMENT: &str = "the document took no new element";
    pub(crate) const COLOURS: &str = "the colours could not be changed";
    pub(crate) const TIMER: &str = "the browser's timer failed";
    pub(crate) const CANVAS: &str = "the browser gave no canvas";
    pub(crate) const AUDIO: &str = "the browser has no audio";

    pub(crate) const LISTING_DEVICES: &str = "the devices could not be listed";
    pub(crate) const PLAYING_CAMERA: &str = "the camera's picture does not play";
    pub(crate) const READING_MICROPHONE: &str = "the microphone could not be read";
    pub(crate) const KEEPING_PROGRAM: &str = "the microphone's program could not be kept";
    pub(crate) const LOADING_PROGRAM: &str = "the microphone's program could not be loaded";
    pub(crate) const HEARING_WORDS: &str = "words cannot be heard";

    pub(crate) const OPENING_FILE: &str = "the file cannot be opened";
    pub(crate) const READING_FILE: &str = "the file cannot be read";
    pub(crate) const PLAYING_FILE: &str = "the file does not play";
    pub(crate) const UNPLAYABLE: &str =
        "this browser cannot play the file. Try mp4 or webm, or the program `mesm infer`";
    pub(crate) const DECODING_SOUND: &str = "the sound cannot be decoded";
    pub(crate) const RESAMPLING_SOUND: &str = "the sound cannot be resampled";
    pub(crate) const READING_SOUND: &str = "the sound cannot be read";
    pub(crate) const READING_PICTURE: &str = "the picture could not be read";
    pub(crate) const DRAWING_PICTURE: &str = "a picture could not be drawn";
    pub(crate) const KEEPING_PICTURE: &str = "a picture could not be kept";

    pub(crate) const STARTING_ENGINE: &str = "the engine could not be started";
    pub(crate) const SENDING_WINDOW: &str = "the window could not be sent to the engine";
    pub(crate) const NO_REASON: &str = "no reason given";

    pub(crate) const DRAWING_RESULT: &str = "the result could not be drawn";
    pub(crate) const DRAWING_SPECTROGRAM: &str = "the spectrogram could not be drawn";
    pub(crate) const DRAWING_MAPS: &str = "the maps could not be drawn";
    pub(crate) const DRAWING_TIMELINE: &str = "the time line could not be drawn";
    pub(crate) const DRAWING_COST: &str = "the cost could not be drawn";
    pub(crate) const DRAWING_CURVE: &str = "the curve could not be drawn";
    pub(crate) const SHOWING_FIGURES: &str = "the figures could not be shown";

    pub(crate) const WRITING_FILE: &str = "the file could not be written";
    pub(crate) const WRITING_PICTURE: &str = "the picture could not be written";
    pub(crate) const PUBLISHING: &str = "the result could not be published";
    pub(crate) const OFFERING_EXPORT: &str = "the export could not be offered";
    pub(crate) const EXPORTING_WINDOW: &str = "the window could not be exported";
    pub(crate) const EXPORTING_PICTURE: &str = "a picture could not be exported";

    pub(crate) const NO_FILE: &str = "Choose a file first.";
    pub(crate) const NO_RESULT: &str = "Judge something first.";
    pub(crate) const NO_WINDOW: &str = "no window has been judged yet";
    pub(crate) const NO_CURVE: &str = "The curve was not finished: the engine was stopped.";

    /// `what` is an element's name, or one of [`missing`](super::missing).
    pub(crate) fn missing(what: &str) -> String {
        format!("the document has no `{what}`. Reload the page without its cache")
    }

    /// `cause` is in the browser's words.
    pub(crate) fn engine_stopped(cause: &str) -> String {
        format!("the engine stopped: {cause}")
    }

    /// A file that the server does not have.
    pub(crate) fn incomplete(path: &str, http_status: u16) -> String {
        format!("{path}: HTTP {http_status}. The site is incomplete")
    }

    pub(crate) fn finding_picture(t_s: f64) -> String {
        format!("the browser did not find the picture at {t_s:.1} s of the file")
    }
}

/// What [`failed::missing`] misses and is no element.
pub(crate) mod missing {
    pub(crate) const ADDRESS: &str = "address";
    pub(crate) const CAMERA: &str = "camera";
    pub(crate) const ENGINE: &str = "engine";
    pub(crate) const SAMPLE: &str = "sample";
    pub(crate) const SHARES: &str = "shares";
    pub(crate) const SPEECH: &str = "speech recognition";
    pub(crate) const LOCAL_SPEECH: &str = "speech recognition on this device";
}
