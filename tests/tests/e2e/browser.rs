//! Headless Chromium, driven through its `WebDriver` program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium's number for what a page may not do.
const BLOCK: u8 = 2;

/// What Chromium takes for a camera and a microphone.
pub(crate) struct Devices {
    /// Motion JPEG.
    pub(crate) video: PathBuf,
    /// WAV.
    pub(crate) sound: PathBuf,
}

/// How a browser is set up.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    /// Stand-ins for camera and microphone, allowed without a question.
    pub(crate) devices: Option<&'a Devices>,
    /// Camera and microphone are forbidden to every page.
    pub(crate) forbidden: bool,
    /// There is no graphics adapter, not even one in software.
    pub(crate) without_graphics: bool,
    /// More arguments.
    pub(crate) flags: &'a [&'a str],
}

/// A browser with an empty profile.
pub(crate) struct Browser {
    /// Commands to it.
    pub(crate) client: Client,
    driver: Driver,
    folder: TempDir,
}

/// The `WebDriver` program; ends with the test, and its browser with it.
struct Driver {
    program: Child,
    port: u16,
    session: Option<String>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A killed driver leaves its browser behind, so the session is ended first; all of it may be over already.
        if let Some(session) = &self.session {
            drop(send(
                self.port,
                "DELETE",
                &format!("/session/{session}"),
                "",
            ));
        }
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

/// What the `WebDriver` library has no words for.
fn send(port: u16, method: &str, path: &str, body: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    // The driver leaves the connection open.
    let mut reader = BufReader::new(stream);
    let (mut answer, mut length) = (String::new(), 0);
    while !answer.ends_with("\r\n\r\n") {
        let start = answer.len();
        reader.read_line(&mut answer)?;
        let line = answer[start..].to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap_or(0);
        }
    }
    reader.take(length).read_to_string(&mut answer)?;
    Ok(answer)
}

impl Browser {
    /// Opens an address. Chromium's driver waits for an event of the renderer's, and was seen to lose it when
    /// the navigation changes the renderer or the service worker; as a person would, it then loads the page again.
    ///
    /// # Panics
    /// When the address does not open, or three times not within a minute.
    pub(crate) async fn navigate(&self, address: &str) {
        for attempt in 1.. {
            match self.client.goto(address).await {
                Ok(()) => return,
                Err(error) if attempt < 3 && error.is_timeout() => {
                    println!("{address}: attempt {attempt}: {error}");
                }
                Err(error) => panic!("{address} does not open: {error}"),
            }
        }
    }

    /// Starts a browser with stand-ins for camera and microphone.
    pub(crate) async fn with_devices(devices: &Devices) -> Self {
        Self::start(Setup {
            devices: Some(devices),
            ..Setup::default()
        })
        .await
    }

    /// Starts a browser.
    ///
    /// # Panics
    /// When Chromium or its driver is missing, with the line that installs them.
    pub(crate) async fn start(setup: Setup<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut driver = start_driver();
        let mut flags: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-quic",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=1280,1000",
        ]
        .map(str::to_owned)
        .to_vec();
        if !setup.without_graphics {
            flags.extend(
                ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"].map(str::to_owned),
            );
        }
        flags.push(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ));
        flags.push(format!(
            "--log-net-log={}",
            net_log(folder.path()).display()
        ));
        flags.extend(setup.flags.iter().copied().map(str::to_owned));
        if let Some(devices) = setup.devices {
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
        let mut options = json!({ "binary": chromium(), "args": flags });
        if setup.forbidden {
            options["prefs"] = json!({
                "profile.default_content_setting_values.media_stream_camera": BLOCK,
                "profile.default_content_setting_values.media_stream_mic": BLOCK,
            });
        }
        let capabilities = json!({
            "goog:chromeOptions": options,
            "timeouts": { "script": 120_000, "pageLoad": 60_000 },
        });
        let capabilities = capabilities.as_object().expect("an object").clone();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        driver.session = client.session_id().await.expect("a session");
        Self {
            client,
            driver,
            folder,
        }
    }

    /// Opens another window, in front of what is open, and gives the one that was in front.
    pub(crate) async fn open_window(&self) -> WindowHandle {
        let before = self.client.window().await.expect("a window");
        let window = self.client.new_window(true).await.expect("a new window");
        self.front(window.handle).await;
        before
    }

    /// Closes the window in front; `next` is in front then.
    pub(crate) async fn close_window(&self, next: WindowHandle) {
        self.client.close_window().await.expect("it closes");
        self.front(next).await;
    }

    async fn front(&self, window: WindowHandle) {
        self.client
            .switch_to_window(window)
            .await
            .expect("a window that is open");
    }

    /// Runs a script in every page that is opened from now on, before its own scripts.
    pub(crate) fn before_pages(&self, script: &str) {
        let source = json!({ "source": script });
        self.devtools("Page.addScriptToEvaluateOnNewDocument", &source);
    }

    /// Makes the page so wide and high, whatever the window is.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// A command of Chromium's own.
    fn devtools(&self, command: &str, parameters: &Value) {
        let session = self.driver.session.as_deref().expect("a session");
        let command = json!({ "cmd": command, "params": parameters });
        let path = format!("/session/{session}/goog/cdp/execute");
        let answer = send(self.driver.port, "POST", &path, &command.to_string())
            .expect("the driver answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
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

fn start_driver() -> Driver {
    let name = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
    let mut program = Command::new(&name)
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{name}: {error}. Install it: apt-get install chromium-driver, or set CHROMEDRIVER"
            )
        });
    let output = program.stdout.take().expect("its output");
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let rest = line.strip_prefix("ChromeDriver was started successfully on port ")?;
        rest.trim_end_matches('.').parse().ok()
    });
    // Whoever writes to a pipe that nobody reads is ended, or waits for ever.
    thread::spawn(move || lines.for_each(drop));
    Driver {
        program,
        port: port.unwrap_or_else(|| panic!("{name} ended before it was ready")),
        session: None,
    }
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
