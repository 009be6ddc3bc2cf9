//! axe-core (MPL-2.0), which looks for obstacles to people who cannot see or point; carried by a wheel on the Python
//! package index. The tests run it in the page; no part of it is shipped.

use std::path::PathBuf;

use anyhow::Result;

use crate::carried::Carried;
use crate::download::Pinned;
use crate::places::Places;
use crate::pypi::Wheel;

const CARRIED: Carried = Carried {
    what: "accessibility checks",
    wheel: Wheel {
        project: "axe-playwright-python",
        version: "0.1.8",
        file: Pinned {
            name: "axe_playwright_python-0.1.8-py3-none-any.whl",
            sha256: "fdd263c998388f1a8e67cad02677e612d946248bd44d163be5e8650ea31f95f8",
            bytes: 160_681,
        },
    },
    inside: "axe_playwright_python",
    files: &[Pinned {
        name: "axe.min.js",
        sha256: "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc",
        bytes: 572_600,
    }],
};

/// Brings the script into the cache and returns its path.
///
/// # Errors
/// When the wheel cannot be had, or the script in it is not the pinned one.
pub fn require(places: &Places) -> Result<PathBuf> {
    Ok(CARRIED.require(places, "axe")?.join("axe.min.js"))
}
