//! The web site: built by trunk, completed with the files that the engine loads.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bindgen;
use crate::download::hex;
use crate::places::Places;
use crate::process::{program, run};
use crate::step::{note, size, step};
use crate::toolchain::{PROFILE, WasmToolchain};
use crate::tools::require_web_tools;

/// What the page asks for below its own folder.
pub const STATIC: &str = "static";

/// The policy's words for every script in the page, to be replaced by their sums.
const ANY_SCRIPT: &str = "'unsafe-inline'";

/// The script that keeps the site in the browser.
const SERVICE_WORKER: &str = "service-worker.js";

/// What every file of the site must be.
const SUMS: &str = "files.json";

/// The engine's program.
const ENGINE: &str = "mesm-engine_bg.wasm";

/// Builds the site for the path `public_url` into `folder`, unless it is there and nothing has changed.
///
/// The folder then holds all that a static host needs: the page, the engine, and the shipped files with the weights.
///
/// # Errors
/// When the folder holds something else, a tool is missing, or the build fails.
pub fn build(places: &Places, public_url: &str, folder: &Path) -> Result<()> {
    let stamp = stamp_of(places, folder);
    let wanted = fingerprint(places, public_url)?;
    if folder.join("index.html").is_file()
        && fs::read_to_string(&stamp).is_ok_and(|built| built == wanted)
    {
        note(&format!(
            "nothing has changed since {} was built",
            folder.display()
        ));
        return Ok(());
    }
    spare_others(folder, stamp.exists())?;
    let toolchain = step("toolchain for wasm32", || {
        let toolchain = WasmToolchain::require()?;
        note(&toolchain.describe());
        Ok(toolchain)
    })?;
    step("tools: trunk, wasm-bindgen", || require_web_tools(places))?;
    // From here on the folder is ours, and unfinished until the stamp says otherwise.
    write(&stamp, "unfinished")?;
    step(&format!("trunk build for {public_url}"), || {
        trunk(places, &toolchain, public_url, folder)
    })?;
    step("weights into the site", || {
        copy(&places.shipped(), &folder.join(STATIC))
    })?;
    step("compress the engine", || pack(&folder.join(ENGINE)))?;
    step("sums of the scripts and files", || {
        seal(&folder.join("index.html"))?;
        seal_worker(folder)
    })?;
    write(&stamp, &wanted)
}

/// Whether a folder may be written over: there is nothing in it, or it is `ours`.
///
/// # Errors
/// When it holds something else, or cannot be read.
pub fn spare_others(folder: &Path, ours: bool) -> Result<()> {
    let occupied = folder.is_dir() && fs::read_dir(folder)?.next().is_some();
    if occupied && !ours {
        bail!(
            "{} holds files that are not ours and would be lost: delete it, or choose another folder with --out",
            folder.display()
        );
    }
    Ok(())
}

/// Prints the site's files, the largest first, and their sum.
///
/// # Errors
/// When the folder cannot be read.
pub fn print_sizes(folder: &Path) -> Result<()> {
    let mut files = Vec::new();
    walk(folder, &mut |path, meta| {
        files.push((meta.len(), path.to_path_buf()));
    })?;
    files.sort_by(|a, b| b.cmp(a));
    let total = files.iter().map(|(bytes, _)| bytes).sum();
    for (bytes, path) in files.iter().take(12) {
        println!(
            "{:>10}  {}",
            size(*bytes),
            path.strip_prefix(folder).unwrap_or(path).display()
        );
    }
    println!(
        "{:>10}  {} files in {}",
        size(total),
        files.len(),
        folder.display()
    );
    Ok(())
}

/// Checks the path below which a host serves the site.
///
/// # Errors
/// When it has no slash at either end or characters that an address would have to escape.
pub fn check_url(public_url: &str) -> Result<()> {
    let plain = public_url
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
    if !(plain
        && public_url.starts_with('/')
        && public_url.ends_with('/')
        && !public_url.contains("//"))
    {
        bail!(
            "--public-url is {public_url:?}: expected the path below which the host serves the folder, with a slash at \
             both ends, such as / or /any/sub/path/"
        );
    }
    Ok(())
}

fn trunk(
    places: &Places,
    toolchain: &WasmToolchain,
    public_url: &str,
    folder: &Path,
) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let (script, variables) = bindgen::script(places)?;
    let own = places
        .tools()
        .join("bin")
        .join(format!("trunk{}", std::env::consts::EXE_SUFFIX));
    let trunk = if own.is_file() {
        own
    } else {
        program("trunk").context("trunk is not installed")?
    };
    run(toolchain
        .command(places, &trunk, &[script])?
        .args(["build", "--release", "--cargo-profile", PROFILE])
        .args(["--public-url", public_url, "--dist"])
        .arg(folder)
        .current_dir(places.page())
        .envs(variables)
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        // trunk reads any other value than true or false as an error.
        .env_remove("NO_COLOR"))
}

/// Says what the site is built from: names, sizes and times of all sources, the path, and the tools' versions in the
/// lock file.
fn fingerprint(places: &Places, public_url: &str) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut line = |text: &str| {
        hasher.update(text.as_bytes());
        hasher.update(b"\n");
    };
    line(public_url);
    line(&places.root.to_string_lossy());
    let mut sources = Vec::new();
    for root in ["web", "crates", "static", "Cargo.toml", "Cargo.lock"] {
        walk(&places.root.join(root), &mut |path, meta| {
            let changed = meta
                .modified()
                .ok()
                .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            sources.push(format!(
                "{} {} {:?}",
                path.display(),
                meta.len(),
                changed.unwrap_or_default()
            ));
        })?;
    }
    sources.sort();
    for source in &sources {
        line(source);
    }
    Ok(hex(&hasher.finalize()))
}

/// The stamp of a built folder lies in the cache: the folder itself is uploaded as it is.
fn stamp_of(places: &Places, folder: &Path) -> PathBuf {
    let name = hex(&Sha256::digest(folder.to_string_lossy().as_bytes())[..8]);
    places.cache.join("sites").join(format!("{name}.stamp"))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Puts a compressed file in the place of `path`, its name with `.gz`: not every host compresses, and the engine is the
/// largest part of a first visit otherwise. Its script knows both.
fn pack(path: &Path) -> Result<()> {
    let packed = PathBuf::from(format!("{}.gz", path.display()));
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let file =
        fs::File::create(&packed).with_context(|| format!("cannot write {}", packed.display()))?;
    let mut encoder = GzEncoder::new(file, Compression::best());
    encoder
        .write_all(&bytes)
        .and_then(|()| encoder.finish().map(drop))
        .with_context(|| format!("cannot write {}", packed.display()))?;
    fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))
}

/// Allows the scripts that stand in the page by their sums, and no other script in it.
fn seal(page: &Path) -> Result<()> {
    let text =
        fs::read_to_string(page).with_context(|| format!("cannot read {}", page.display()))?;
    let sums: Vec<String> = inline_scripts(&text)
        .map(|script| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script))))
        .collect();
    if !text.contains(ANY_SCRIPT) || sums.is_empty() {
        bail!(
            "{}: no script in the page, or no policy that speaks of them",
            page.display()
        );
    }
    fs::write(page, text.replacen(ANY_SCRIPT, &sums.join(" "), 1))
        .with_context(|| format!("cannot write {}", page.display()))
}

/// What stands between the tags of scripts that are run; data that stands in a page is not.
fn inline_scripts(page: &str) -> impl Iterator<Item = &str> {
    page.split("<script").skip(1).filter_map(|rest| {
        let (attributes, rest) = rest.split_once('>')?;
        let (script, _) = rest.split_once("</script>")?;
        let run = !attributes.contains("src=") && !attributes.contains("application/json");
        run.then_some(script)
    })
}

/// Says what belongs to the site and what it must be: in `files.json`, and in the service worker, which keeps the files.
fn seal_worker(folder: &Path) -> Result<()> {
    let (mut files, own) = write_sums(folder, folder)?;
    files.insert(SUMS.to_owned(), own);
    let listed = serde_json::to_string(&files)?;
    let version = &hex(&Sha256::digest(listed.as_bytes()))[..16];
    let worker = folder.join(SERVICE_WORKER);
    let script = fs::read_to_string(&worker)
        .with_context(|| format!("cannot read {}", worker.display()))?
        .replace("\"@FILES@\"", &listed)
        .replace("@VERSION@", version);
    fs::write(&worker, script).with_context(|| format!("cannot write {}", worker.display()))
}

/// Sums by path.
type Sums = BTreeMap<String, Value>;

/// Writes `files.json`, by which the engine checks its files: what those at or below `part` of the folder must be, but for
/// the service worker. Gives the sums, and that of the list itself.
///
/// # Errors
/// When a file cannot be read or the list cannot be written.
pub fn write_sums(folder: &Path, part: &Path) -> Result<(Sums, Value)> {
    let worker = folder.join(SERVICE_WORKER);
    let mut paths = Vec::new();
    walk(part, &mut |path, _| {
        if path != worker && !path.ends_with(SUMS) {
            paths.push(path.to_path_buf());
        }
    })?;
    let sum = |bytes: &[u8]| json!({ "sha256": hex(&Sha256::digest(bytes)), "bytes": bytes.len() });
    let mut files = BTreeMap::new();
    for path in paths {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(folder)?.components();
        let name: Vec<_> = name
            .map(|part| part.as_os_str().to_string_lossy())
            .collect();
        files.insert(name.join("/"), sum(&bytes));
    }
    let sums = serde_json::to_string(&files)?;
    fs::write(folder.join(SUMS), &sums).context("cannot write the sums")?;
    Ok((files, sum(sums.as_bytes())))
}

/// A place below a folder; the folder itself where there is nothing below it, without the slash that `join` would add.
fn within(folder: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() {
        folder.to_path_buf()
    } else {
        folder.join(rest)
    }
}

/// Copies a file, or a folder with everything in it but hidden files.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut outcome = Ok(());
    walk(from, &mut |path, _| {
        if outcome.is_ok() {
            outcome = path
                .strip_prefix(from)
                .map_err(anyhow::Error::from)
                .and_then(|rest| copy_file(path, &within(to, rest)));
        }
    })?;
    outcome
}

/// Copies a file, whose folder need not exist.
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::copy(from, to)
        .map(|_| ())
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Every file at or below a path; hidden ones and build outputs are left out.
fn walk(path: &Path, found: &mut impl FnMut(&Path, &fs::Metadata)) -> Result<()> {
    let hidden = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'))
    };
    let mut visit = |path: &Path| -> io::Result<Vec<PathBuf>> {
        let meta = fs::metadata(path)?;
        if meta.is_dir() {
            return fs::read_dir(path)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect();
        }
        found(path, &meta);
        Ok(Vec::new())
    };
    let mut waiting = vec![path.to_path_buf()];
    while let Some(next) = waiting.pop() {
        let below = visit(&next).with_context(|| format!("cannot read {}", next.display()))?;
        waiting.extend(
            below
                .into_iter()
                .filter(|path| !hidden(path) && !path.ends_with("web/page/dist")),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_with_slashes_at_both_ends_are_taken() {
        for good in ["/", "/a/", "/any/sub/path/", "/~user/v1.0_x-y/"] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a/",
            "/a",
            "//",
            "/a//b/",
            "/a b/",
            "https://example.org/",
            "/a?b/",
        ] {
            assert!(
                check_url(bad)
                    .unwrap_err()
                    .to_string()
                    .contains("/any/sub/path/"),
                "{bad}"
            );
        }
    }

    #[test]
    fn only_the_scripts_in_the_page_are_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("index.html");
        let before = "script-src 'self' 'unsafe-inline'<script type=\"module\">abc</script>\
                      <script src=\"x\"></script><script type=\"application/json\">null</script>";
        fs::write(&page, before).unwrap();
        seal(&page).unwrap();
        let after = fs::read_to_string(&page).unwrap();
        let sum = "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='";
        assert!(
            after.starts_with(&format!("script-src 'self' {sum}<script")),
            "{after}"
        );
        assert!(seal(&page).is_err(), "a page without the words is not ours");
    }

    #[test]
    fn every_file_is_summed_and_a_change_is_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let worker = folder.path().join(SERVICE_WORKER);
        let script = |content: &str| {
            fs::create_dir_all(folder.path().join("static")).unwrap();
            fs::write(folder.path().join("static/a.bin"), content).unwrap();
            fs::write(&worker, "f = \"@FILES@\"; v = \"@VERSION@\"").unwrap();
            seal_worker(folder.path()).unwrap();
            fs::read_to_string(&worker).unwrap()
        };
        let first = script("one");
        assert!(first.contains("\"static/a.bin\":{\"bytes\":3,"), "{first}");
        assert!(first.contains("\"files.json\":{"), "{first}");
        assert!(!first.contains('@'), "{first}");
        assert_eq!(first, script("one"));
        assert_ne!(first, script("two"));
    }

    #[test]
    fn a_folder_is_copied_with_its_sub_folders_but_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("deep/a.bin"), [1, 2, 3]).unwrap();
        fs::write(from.join(".gitkeep"), []).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read(to.join("deep/a.bin")).unwrap(), [1, 2, 3]);
        assert!(!to.join(".gitkeep").exists());
    }

    #[test]
    fn a_changed_source_or_another_path_changes_the_fingerprint() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["web", "crates", "static"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("Cargo.toml"), "[workspace]").unwrap();
        fs::write(root.path().join("Cargo.lock"), "").unwrap();
        fs::write(root.path().join("web/index.html"), "one").unwrap();
        let places = Places {
            root: root.path().into(),
            cache: root.path().join("cache"),
            native_target: root.path().join("n"),
            web_target: root.path().join("w"),
        };
        let first = fingerprint(&places, "/").unwrap();
        assert_eq!(first, fingerprint(&places, "/").unwrap());
        assert_ne!(first, fingerprint(&places, "/a/").unwrap());
        fs::write(root.path().join("web/index.html"), "longer").unwrap();
        assert_ne!(first, fingerprint(&places, "/").unwrap());
    }
}
