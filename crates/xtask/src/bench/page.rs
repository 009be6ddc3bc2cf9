//! The measurements inside headless Chromium.

use std::fs;
use std::io::Read;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tiny_http::{Header, Method, Response, Server};

use crate::debian::{self, CHROMIUM};
use crate::places::Places;
use crate::process::{program, run};
use crate::serve::media_type;
use crate::site::copy_file;
use crate::step::step;
use crate::toolchain::{PROFILE, TARGET, WasmToolchain};
use crate::tools::require_web_tools;

/// The crate that measures, and what wasm-bindgen makes of it.
const CRATE: &str = "mesm-bench-web";
const MODULE: &str = "mesm_bench_web";

/// How long a job may take: a graphics adapter in software computes for minutes.
const LIMIT: Duration = Duration::from_mins(15);

/// As the tests start it: a graphics adapter in software where there is no other, and no network of its own.
const FLAGS: [&str; 11] = [
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
];

/// Builds the page's part into `folder`: the measuring module and the script that carries jobs out.
///
/// # Errors
/// When a tool is missing or the build fails.
pub(super) fn build(places: &Places, folder: &Path) -> Result<()> {
    step("programs: Chromium", || debian::require(&[CHROMIUM]))?;
    let toolchain = step("toolchain for wasm32", WasmToolchain::require)?;
    step("tools: wasm-bindgen", || require_web_tools(places))?;
    step("build the models for the browser", || {
        // With the engine, whose set of features the page is built with: Burn is compiled once.
        run(toolchain
            .cargo(places)?
            .args(["build", "--profile", PROFILE, "--target", TARGET])
            .args(["-p", "mesm-engine", "-p", CRATE]))
    })?;
    let module = places.web_target.join(TARGET).join(PROFILE);
    step("wasm-bindgen", || {
        let own = places.tools().join("bin").join("wasm-bindgen");
        let bindgen = if own.is_file() {
            own
        } else {
            program("wasm-bindgen").context("wasm-bindgen is not installed")?
        };
        run(Command::new(bindgen)
            .args(["--target", "web", "--no-typescript", "--out-dir"])
            .arg(folder)
            .arg(module.join(format!("{MODULE}.wasm"))))
    })?;
    for name in ["index.html", "bench.js"] {
        copy_file(
            &places.root.join("bench/page").join(name),
            &folder.join(name),
        )?;
    }
    Ok(())
}

/// Carries `jobs` out in one page, in order; an outcome is what the job answered, or an `error`.
///
/// # Errors
/// When the browser does not start, or a job takes too long.
pub(super) fn measure(folder: &Path, jobs: &[Value]) -> Result<Vec<Value>> {
    fs::write(folder.join("jobs.json"), json!(jobs).to_string())
        .with_context(|| format!("cannot write into {}", folder.display()))?;
    let (address, outcomes) = serve(folder)?;
    let profile = folder.join("profile");
    let chromium = CHROMIUM
        .programs
        .iter()
        .find_map(|name| program(name))
        .context("Chromium is not installed")?;
    let browser = Command::new(chromium)
        .args(FLAGS)
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(&address)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("Chromium does not start")?;
    let _browser = Running(browser);
    let mut found = Vec::with_capacity(jobs.len());
    for job in jobs {
        let what = format!("{} in the browser", job["name"].as_str().unwrap_or("a job"));
        let outcome = step(&what, || {
            outcomes
                .recv_timeout(LIMIT)
                .map_err(|_| anyhow!("no answer in {} s", LIMIT.as_secs()))
        })?;
        found.push(outcome);
    }
    Ok(found)
}

/// A browser that ends when it is no longer needed.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Serves the files of a folder and receives outcomes, until the process ends.
fn serve(folder: &Path) -> Result<(String, Receiver<Value>)> {
    let server = Server::http((Ipv4Addr::LOCALHOST, 0))
        .map_err(|cause| anyhow!("cannot listen on 127.0.0.1: {cause}"))?;
    let port = server
        .server_addr()
        .to_ip()
        .context("the server has no network address")?
        .port();
    let (sender, receiver) = mpsc::channel();
    let server = Arc::new(server);
    for _ in 0..4 {
        let (server, sender) = (Arc::clone(&server), sender.clone());
        let folder = folder.to_path_buf();
        thread::spawn(move || {
            while let Ok(mut request) = server.recv() {
                let answer = if *request.method() == Method::Post {
                    let mut text = String::new();
                    let read = request.as_reader().take(1 << 24).read_to_string(&mut text);
                    let outcome = read
                        .map_err(anyhow::Error::from)
                        .and_then(|_| Ok(serde_json::from_str(&text)?));
                    drop(sender.send(outcome.unwrap_or_else(
                        |error: anyhow::Error| json!({ "error": error.to_string() }),
                    )));
                    Response::from_data(Vec::new())
                } else {
                    file(&folder, request.url())
                };
                drop(request.respond(answer));
            }
        });
    }
    Ok((format!("http://127.0.0.1:{port}/index.html"), receiver))
}

fn file(folder: &Path, url: &str) -> Response<std::io::Cursor<Vec<u8>>> {
    let name = url
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .trim_start_matches('/');
    let found = (!name.contains(".."))
        .then(|| fs::read(folder.join(name)).ok())
        .flatten();
    let Some(bytes) = found else {
        return Response::from_data(Vec::new()).with_status_code(404);
    };
    let response = Response::from_data(bytes);
    match Header::from_bytes("Content-Type", media_type(name)) {
        Ok(header) => response.with_header(header),
        Err(()) => response,
    }
}

/// The answer of an outcome.
///
/// # Errors
/// When the job failed; the message is the page's.
pub(super) fn answer(outcome: &Value) -> Result<&Value> {
    if let Some(error) = outcome["error"].as_str() {
        bail!("{error}");
    }
    Ok(&outcome["answer"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.mjs"), "1").unwrap();
        assert_eq!(file(folder.path(), "/a.mjs?x").status_code(), 200);
        assert_eq!(file(folder.path(), "/../a.mjs").status_code(), 404);
        assert_eq!(file(folder.path(), "/b").status_code(), 404);
    }

    #[test]
    fn a_failed_job_is_an_error() {
        assert!(answer(&json!({ "error": "no adapter" })).is_err());
        assert_eq!(answer(&json!({ "answer": 1 })).unwrap(), &json!(1));
    }
}
