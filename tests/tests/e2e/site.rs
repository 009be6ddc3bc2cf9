//! The built site behind a small web server, as a static host would serve it below a path.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use tiny_http::{Request, Server};

/// The path the site was built for.
const PATH: &str = "/a/b/";

/// A running server.
pub(crate) struct Site {
    server: Arc<Server>,
    missing: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Site {
    /// Serves the folder `MESM_DIST` on a free port.
    ///
    /// # Panics
    /// When there is no such folder.
    pub(crate) fn open() -> Self {
        let root = root();
        let server = Arc::new(Server::http("127.0.0.1:0").expect("a free port"));
        let missing = Arc::new(Mutex::new(Vec::new()));
        let (serving, noting) = (Arc::clone(&server), Arc::clone(&missing));
        let thread = thread::spawn(move || {
            for request in serving.incoming_requests() {
                // A browser may let one answer wait for as long as it reads another.
                let (root, noting) = (root.clone(), Arc::clone(&noting));
                thread::spawn(move || answer(&root, request, &noting));
            }
        });
        Self {
            server,
            missing,
            thread: Some(thread),
        }
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        let address = self.server.server_addr().to_ip().expect("an address");
        format!("http://{address}")
    }

    /// Address of the page.
    pub(crate) fn page(&self, query: &str) -> String {
        format!("{}{PATH}?{query}", self.origin())
    }

    /// Whether everything that was asked for lies in the site.
    pub(crate) fn assert_nothing_missing(&self) {
        let missing = self.missing.lock().expect("the list");
        assert!(missing.is_empty(), "the site lacks {missing:?}");
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

fn root() -> PathBuf {
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

fn answer(root: &Path, request: Request, missing: &Mutex<Vec<String>>) {
    let url = request.url().to_owned();
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let file = path.strip_prefix(PATH).map(|name| match name {
        "" => root.join("index.html"),
        name => root.join(name),
    });
    let body = file
        .filter(|file| !file.to_string_lossy().contains(".."))
        .and_then(|file| Some((kind(&file), fs::read(file).ok()?)));
    let (status, kind, bytes) = if let Some((kind, bytes)) = body {
        ("200 OK", kind, bytes)
    } else {
        missing.lock().expect("the list").push(url);
        ("404 Not Found", "text/plain", Vec::new())
    };
    // Closed after every answer: the server's pool may leave a fifth connection waiting for as long as a browser keeps
    // four open.
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        bytes.len()
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
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}
