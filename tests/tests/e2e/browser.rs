//! Headless Chromium, driven through its `WebDriver` program.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

/// What Chromium takes for a camera and a microphone.
pub(crate) struct Devices {
    /// Motion JPEG.
    pub(crate) video: PathBuf,
    /// WAV.
    pub(crate) sound: PathBuf,
}

/// A browser with an empty profile.
pub(crate) struct Browser {
    /// Commands to it.
    pub(crate) client: Client,
    driver: Driver,
    folder: TempDir,
}

/// The `WebDriver` program; ends with the test.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Browser {
    /// Starts a browser, with stand-ins for camera and microphone where they are given.
    ///
    /// # Panics
    /// When Chromium or its driver is missing, with the line that installs them.
    pub(crate) async fn start(devices: Option<&Devices>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (driver, address) = start_driver();
        let mut flags: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
            "--enable-unsafe-webgpu",
            "--use-webgpu-adapter=swiftshader",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1280,1000",
        ]
        .map(str::to_owned)
        .to_vec();
        flags.push(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ));
        flags.push(format!(
            "--log-net-log={}",
            net_log(folder.path()).display()
        ));
        if let Some(devices) = devices {
            flags.extend([
                "--use-fake-device-for-media-stream".to_owned(),
                "--use-fake-ui-for-media-stream".to_owned(),
                format!(
                    "--use-file-for-fake-video-capture={}",
                    devices.video.display()
                ),
                format!(
                    "--use-file-for-fake-audio-capture={}",
                    devices.sound.display()
                ),
            ]);
        }
        let capabilities = json!({
            "goog:chromeOptions": { "binary": chromium(), "args": flags },
            "timeouts": { "script": 120_000, "pageLoad": 120_000 },
        });
        let capabilities = capabilities.as_object().expect("an object").clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&address)
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        Self {
            client,
            driver,
            folder,
        }
    }

    /// Ends the browser and gives the log of all its requests.
    pub(crate) async fn close(self) -> String {
        self.client.close().await.expect("the browser closes");
        drop(self.driver);
        let log = net_log(self.folder.path());
        std::fs::read_to_string(&log).unwrap_or_else(|error| panic!("{}: {error}", log.display()))
    }
}

fn net_log(folder: &Path) -> PathBuf {
    folder.join("net-log.json")
}

fn start_driver() -> (Driver, String) {
    let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
    let child = Command::new(&program)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut driver = Driver(child.unwrap_or_else(|error| {
        panic!(
            "{program}: {error}. Install it: apt-get install chromium-driver, or set CHROMEDRIVER"
        )
    }));
    let output = driver.0.stdout.take().expect("its output");
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        let port = line
            .strip_prefix("ChromeDriver was started successfully on port ")
            .map(|rest| rest.trim_end_matches('.').to_owned());
        if let Some(port) = port {
            return (driver, format!("http://127.0.0.1:{port}"));
        }
    }
    panic!("{program} ended before it was ready");
}

fn chromium() -> String {
    if let Ok(named) = std::env::var("MESM_CHROMIUM") {
        return named;
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
        .expect("no Chromium. Install it: apt-get install chromium, or set MESM_CHROMIUM")
        .display()
        .to_string()
}
