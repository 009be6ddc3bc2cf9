//! The built site behind a small web server, as a static host would serve it below a path.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use tiny_http::{Request, Server};

/// The path the site was built for.
const PATH: &str = "/a/b/";

/// What happens to an answer on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    /// It ends in the middle.
    Cut,
    /// A byte is another one.
    Flipped,
}

/// What is served, and how.
struct Serving {
    root: PathBuf,
    /// Whether anybody answers at all.
    up: bool,
    /// Damage to the next answers for a file.
    damage: HashMap<String, Vec<Damage>>,
    missing: Vec<String>,
}

/// A running server.
pub(crate) struct Site {
    server: Arc<Server>,
    serving: Arc<Mutex<Serving>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Serves the folder `MESM_DIST` on a free port.
    ///
    /// # Panics
    /// When there is no such folder.
    pub(crate) fn open() -> Self {
        Self::of(root())
    }

    /// Serves another folder.
    pub(crate) fn of(root: PathBuf) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a free port"));
        let serving = Arc::new(Mutex::new(Serving {
            root,
            up: true,
            damage: HashMap::new(),
            missing: Vec::new(),
        }));
        let (asked, shared) = (Arc::clone(&server), Arc::clone(&serving));
        let thread = thread::spawn(move || {
            for request in asked.incoming_requests() {
                // A browser may let one answer wait for as long as it reads another.
                let serving = Arc::clone(&shared);
                thread::spawn(move || answer(&serving, request));
            }
        });
        Self {
            server,
            serving,
            thread: Some(thread),
        }
    }

    /// Has nothing any more, or again.
    pub(crate) fn set_up(&self, up: bool) {
        self.serving().up = up;
    }

    /// Serves another folder from now on: a new deployment.
    pub(crate) fn deploy(&self, root: PathBuf) {
        self.serving().root = root;
    }

    /// Damages the next answers for a file.
    pub(crate) fn damage(&self, file: &str, damage: &[Damage]) {
        self.serving()
            .damage
            .insert(file.to_owned(), damage.to_vec());
    }

    fn serving(&self) -> MutexGuard<'_, Serving> {
        self.serving.lock().expect("what is served")
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        let address = self.server.server_addr().to_ip().expect("an address");
        format!("http://{address}")
    }

    /// Address of the folder.
    pub(crate) fn folder(&self) -> String {
        format!("{}{PATH}", self.origin())
    }

    /// Address of the page.
    pub(crate) fn page(&self, query: &str) -> String {
        format!("{}?{query}", self.folder())
    }

    /// Whether everything that was asked for lies in the site.
    pub(crate) fn assert_nothing_missing(&self) {
        let serving = self.serving();
        assert!(
            serving.missing.is_empty(),
            "the site lacks {:?}",
            serving.missing
        );
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.unblock();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Bytes of all files of the site.
pub(crate) fn bytes() -> u64 {
    fn below(folder: &Path) -> u64 {
        fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    below(&path)
                } else {
                    fs::metadata(&path).expect("a file").len()
                }
            })
            .sum()
    }
    below(&root())
}

/// The folder that was built.
pub(crate) fn root() -> PathBuf {
    let build = "build it with `cargo xtask dist --public-url /a/b/ --out DIR` and set MESM_DIST=DIR, or run `cargo xtask test`";
    let Some(root) = std::env::var_os("MESM_DIST").map(PathBuf::from) else {
        panic!("MESM_DIST names no built site: {build}");
    };
    let index = fs::read_to_string(root.join("index.html"))
        .unwrap_or_else(|error| panic!("{}: {error}: {build}", root.display()));
    assert!(
        index.contains(PATH),
        "{} was built for another path than {PATH}: {build}",
        root.display()
    );
    root
}

fn answer(serving: &Mutex<Serving>, request: Request) {
    let url = request.url().to_owned();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.strip_prefix(PATH).map(|name| match name {
        "" => "index.html",
        name => name,
    });
    let (root, up, damage) = {
        let mut serving = serving.lock().expect("what is served");
        let damage = name.and_then(|name| serving.damage.get_mut(name)?.pop());
        (serving.root.clone(), serving.up, damage)
    };
    let body = name
        .filter(|name| !name.contains(".."))
        .map(|name| root.join(name))
        .and_then(|file| Some((kind(&file), fs::read(file).ok()?)));
    let (status, kind, mut bytes) = if !up {
        ("503 Service Unavailable", "text/plain", Vec::new())
    } else if let Some((kind, bytes)) = body {
        ("200 OK", kind, bytes)
    } else {
        let mut serving = serving.lock().expect("what is served");
        serving.missing.push(url);
        (
            "404 Not Found",
            "text/plain",
            b"there is no such file".to_vec(),
        )
    };
    let half = bytes.len() / 2;
    let mut length = format!("Content-Length: {}", bytes.len());
    match damage {
        Some(Damage::Cut) => {
            // A chunk whose length is none: the browser takes the answer for broken off.
            "Transfer-Encoding: chunked".clone_into(&mut length);
            bytes.truncate(half);
            bytes = [
                format!("{half:x}\r\n").as_bytes(),
                &bytes,
                b"\r\nbroken\r\n",
            ]
            .concat();
        }
        Some(Damage::Flipped) => bytes[half] ^= 1,
        None => {}
    }
    // Closed after every answer: the server's pool may leave a fifth connection waiting for as long as a browser keeps
    // four open.
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{length}\r\nConnection: close\r\n\
         Access-Control-Allow-Origin: *\r\n\r\n"
    );
    let mut writer = request.into_writer();
    // A browser that goes away while it is served is its own affair.
    drop(
        writer
            .write_all(head.as_bytes())
            .and_then(|()| writer.write_all(&bytes))
            .and_then(|()| writer.flush()),
    );
}

fn kind(file: &Path) -> &'static str {
    match file
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
    {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}
