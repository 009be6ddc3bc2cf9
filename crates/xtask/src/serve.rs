//! A small static file server for one folder, on this machine only.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, anyhow, bail};
use tiny_http::{Header, Method, Request, Response, Server, StatusCode};

/// Browsers open about six connections to a host; one thread answers one request at a time.
const THREADS: usize = 8;

/// A site being served; it stops when this is dropped.
#[derive(Debug)]
pub struct Site {
    address: SocketAddr,
    base: String,
    server: Arc<ServerHandle>,
    threads: Vec<JoinHandle<()>>,
}

struct ServerHandle(Server);

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server")
            .field(&self.0.server_addr())
            .finish()
    }
}

impl Site {
    /// Serves `folder` on `127.0.0.1:port` below the path `base` (`/` or `/any/sub/path/`). Port 0 takes a free one.
    ///
    /// Answers `GET` and `HEAD`, single byte ranges, and `304` to a known entity tag; never leaves the folder.
    ///
    /// # Errors
    /// When the folder has no `index.html`, the base does not begin and end with a slash, or the port is taken.
    pub fn serve(folder: &Path, base: &str, port: u16) -> Result<Self> {
        if !(base.starts_with('/') && base.ends_with('/') && base.is_ascii()) {
            bail!(
                "the site's path is {base:?}: expected ASCII that begins and ends with a slash, such as /a/b/"
            );
        }
        let folder =
            fs::canonicalize(folder).with_context(|| format!("no folder {}", folder.display()))?;
        if !folder.join("index.html").is_file() {
            bail!(
                "{} holds no index.html: build it first with `cargo xtask dist`",
                folder.display()
            );
        }
        let server = Server::http((Ipv4Addr::LOCALHOST, port)).map_err(|cause| {
            anyhow!("cannot listen on 127.0.0.1:{port}: {cause}; choose another port with --port")
        })?;
        let address = server
            .server_addr()
            .to_ip()
            .context("the server has no network address")?;
        let server = Arc::new(ServerHandle(server));
        let threads = (0..THREADS)
            .map(|_| {
                let (server, folder, base) = (Arc::clone(&server), folder.clone(), base.to_owned());
                thread::spawn(move || {
                    while let Ok(request) = server.0.recv() {
                        // A browser that hangs up in the middle of an answer is no fault of the site.
                        let _ = answer(request, &folder, &base);
                    }
                })
            })
            .collect();
        Ok(Self {
            address,
            base: base.to_owned(),
            server,
            threads,
        })
    }

    /// Where the page is: `http://127.0.0.1:8080/a/b/`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.base)
    }

    /// Serves until the process is stopped.
    pub fn wait(mut self) {
        for thread in std::mem::take(&mut self.threads) {
            // A thread that panicked has served its last request; the others go on.
            let _ = thread.join();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for _ in &self.threads {
            self.server.0.unblock();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn answer(request: Request, folder: &Path, base: &str) -> io::Result<()> {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return send(
            request,
            text(405, "this server only reads", header("Allow", "GET, HEAD")),
        );
    }
    let path = request
        .url()
        .split(['?', '#'])
        .next()
        .unwrap_or_default()
        .to_owned();
    if path.len() + 1 == base.len() && base.starts_with(&path) {
        return send(request, text(301, "", header("Location", base)));
    }
    let Some(file) = path
        .strip_prefix(base)
        .and_then(|rest| locate(folder, rest))
    else {
        return send(request, text(404, "no such file", None));
    };
    let Ok(meta) = fs::metadata(&file) else {
        return send(request, text(404, "no such file", None));
    };
    let tag = tag(&meta);
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut headers: Vec<Header> = [
        header("Content-Type", media_type(&name)),
        // Also for files with a hash in their name: the same source may become another file after a change of tools,
        // and asking costs nothing on one machine.
        header("Cache-Control", "no-cache"),
        header("ETag", &tag),
        header("Accept-Ranges", "bytes"),
        header("X-Content-Type-Options", "nosniff"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if asked(&request, "If-None-Match")
        .is_some_and(|known| known.split(',').any(|one| one.trim() == tag))
    {
        return send(
            request,
            Response::new(StatusCode(304), headers, io::empty(), Some(0), None),
        );
    }
    let length = meta.len();
    let (status, start, count) =
        match asked(&request, "Range").map(|range| byte_range(&range, length)) {
            None | Some(Wanted::Whole) => (200, 0, length),
            Some(Wanted::Part { start, end }) => {
                headers.extend(header(
                    "Content-Range",
                    &format!("bytes {start}-{end}/{length}"),
                ));
                (206, start, end - start + 1)
            }
            Some(Wanted::Outside) => {
                let real = header("Content-Range", &format!("bytes */{length}"));
                return send(request, text(416, "no such bytes", real));
            }
        };
    let mut content = File::open(&file)?;
    content.seek(SeekFrom::Start(start))?;
    let body = content.take(count);
    let size = usize::try_from(count).ok();
    // Without this the crate would send large files in chunks, and a page could show no progress.
    let response = Response::new(StatusCode(status), headers, body, size, None)
        .with_chunked_threshold(usize::MAX);
    send(request, response)
}

/// Answers and lets the browser close the connection. The crate's pool of threads may leave a fifth connection
/// waiting for as long as a browser keeps four open, and drops a `Connection` header given to it.
fn send<R: Read>(request: Request, response: Response<R>) -> io::Result<()> {
    let version = request.http_version().clone();
    let asked = request.headers().to_vec();
    let head_only = *request.method() == Method::Head;
    let mut closing = Closing {
        inner: request.into_writer(),
        said: false,
    };
    response.raw_print(&mut closing, version, &asked, head_only, None)?;
    closing.flush()
}

/// Adds `Connection: close` after the status line of what is written.
struct Closing<W> {
    inner: W,
    said: bool,
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.said
            && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        {
            self.inner.write_all(&bytes[..=end])?;
            self.inner.write_all(b"Connection: close\r\n")?;
            self.said = true;
            return Ok(end + 1);
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The file for a request path relative to the site, or `None` when it does not exist or lies outside.
fn locate(folder: &Path, path: &str) -> Option<PathBuf> {
    let decoded = percent_decoded(path)?;
    let mut file = folder.to_path_buf();
    for segment in decoded.split('/').filter(|segment| !segment.is_empty()) {
        // A drive letter, a parent folder or a hidden file has no business in a request.
        if segment.starts_with('.') || segment.contains(['\\', ':', '\0']) {
            return None;
        }
        file.push(segment);
    }
    if file.is_dir() {
        file.push("index.html");
    }
    // A link may point anywhere: what counts is where the file really is.
    let real = fs::canonicalize(file).ok()?;
    (real.starts_with(folder) && real.is_file()).then_some(real)
}

fn percent_decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).ok()
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part { start: u64, end: u64 },
    Outside,
}

/// Reads `bytes=a-b`, `bytes=a-` or `bytes=-n`; anything else is answered with the whole file, as the standard allows.
fn byte_range(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .and_then(|spans| spans.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let part = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(start), Ok(end)) if start <= end => (start, end.min(length.saturating_sub(1))),
        (Ok(start), Err(_)) if last.is_empty() => (start, length.saturating_sub(1)),
        (Err(_), Ok(count)) if first.is_empty() => {
            (length.saturating_sub(count), length.saturating_sub(1))
        }
        _ => return Wanted::Whole,
    };
    if part.0 >= length {
        return Wanted::Outside;
    }
    Wanted::Part {
        start: part.0,
        end: part.1,
    }
}

/// What the name of a file says of its bytes.
pub(crate) fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        "wav" => "audio/wav",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn tag(meta: &fs::Metadata) -> String {
    let changed = meta
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    format!("\"{:x}-{:x}\"", meta.len(), changed.as_nanos())
}

fn asked(request: &Request, name: &'static str) -> Option<String> {
    request
        .headers()
        .iter()
        .find(|header| header.field.equiv(name))
        .map(|header| header.value.to_string())
}

fn text(status: u16, message: &str, extra: Option<Header>) -> Response<io::Cursor<Vec<u8>>> {
    let mut response = Response::from_string(message).with_status_code(status);
    for header in extra
        .into_iter()
        .chain(header("Content-Type", "text/plain; charset=utf-8"))
    {
        response.add_header(header);
    }
    response
}

/// A header, or nothing when the value is not ASCII: every value sent here is.
fn header(name: &'static str, value: &str) -> Option<Header> {
    Header::from_bytes(name, value).ok()
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn site() -> (tempfile::TempDir, Site) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("site");
        fs::create_dir_all(folder.join("static")).unwrap();
        fs::write(outer.path().join("secret.txt"), "secret").unwrap();
        fs::write(folder.join(".hidden"), "hidden").unwrap();
        fs::write(folder.join("index.html"), "<p>page</p>").unwrap();
        fs::write(folder.join("engine-0123456789abcdef_bg.wasm"), b"\0asm").unwrap();
        fs::write(folder.join("static/digits with space.txt"), "0123456789").unwrap();
        let site = Site::serve(&folder, "/a/b/", 0).unwrap();
        (outer, site)
    }

    /// One request with the path exactly as given; a client library would tidy it first.
    fn raw(site: &Site, request_line: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(site.address).unwrap();
        write!(
            stream,
            "{request_line} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn status(answer: &str) -> u16 {
        answer.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn a_site_below_a_sub_path_answers_there_and_only_there() {
        let (_folder, site) = site();
        let page = raw(&site, "GET /a/b/", "");
        assert_eq!(status(&page), 200);
        assert!(
            page.contains("Content-Type: text/html; charset=utf-8"),
            "{page}"
        );
        assert!(page.contains("Cache-Control: no-cache"), "{page}");
        assert!(page.ends_with("<p>page</p>"), "{page}");
        assert_eq!(status(&raw(&site, "GET /", "")), 404);
        assert_eq!(status(&raw(&site, "GET /index.html", "")), 404);
        let moved = raw(&site, "GET /a/b", "");
        assert_eq!(status(&moved), 301);
        assert!(moved.contains("Location: /a/b/"), "{moved}");
    }

    #[test]
    fn wasm_has_its_type_and_its_length() {
        let (_folder, site) = site();
        let wasm = raw(&site, "GET /a/b/engine-0123456789abcdef_bg.wasm?v=1", "");
        assert!(wasm.contains("Content-Type: application/wasm"), "{wasm}");
        assert!(wasm.contains("Content-Length: 4"), "{wasm}");
    }

    #[test]
    fn nothing_outside_the_folder_is_reached() {
        let (outer, site) = site();
        #[cfg(unix)]
        std::os::unix::fs::symlink(
            outer.path().join("secret.txt"),
            outer.path().join("site/link.txt"),
        )
        .unwrap();
        for path in [
            "/a/b/../secret.txt",
            "/a/b/%2e%2e/secret.txt",
            "/a/b/..%2fsecret.txt",
            "/a/b/static/../../secret.txt",
            "/a/b/..%5csecret.txt",
            "/a/b//etc/passwd",
            "/a/b/link.txt",
            "/a/b/.hidden",
            "/a/b/%00",
            "/a/b/%",
            "/a/b/%zz",
        ] {
            let answer = raw(&site, &format!("GET {path}"), "");
            assert_eq!(status(&answer), 404, "{path}: {answer}");
        }
        assert!(outer.path().join("secret.txt").exists());
    }

    #[test]
    fn parts_of_a_file_are_served() {
        let (_folder, site) = site();
        let get = |range: &str| {
            raw(
                &site,
                "GET /a/b/static/digits%20with%20space.txt",
                &format!("Range: {range}\r\n"),
            )
        };
        let part = get("bytes=2-4");
        assert_eq!(status(&part), 206);
        assert!(part.contains("Content-Range: bytes 2-4/10"), "{part}");
        assert!(part.ends_with("\r\n\r\n234"), "{part}");
        assert!(get("bytes=7-").ends_with("\r\n\r\n789"));
        assert!(get("bytes=-2").ends_with("\r\n\r\n89"));
        assert_eq!(status(&get("bytes=10-")), 416);
        assert_eq!(status(&get("bytes=0-1,3-4")), 200);
    }

    #[test]
    fn a_known_file_is_not_sent_again() {
        let (_folder, site) = site();
        let first = raw(&site, "GET /a/b/", "");
        let tag = first
            .lines()
            .find_map(|line| line.strip_prefix("ETag: "))
            .unwrap();
        let second = raw(&site, "GET /a/b/", &format!("If-None-Match: {tag}\r\n"));
        assert_eq!(status(&second), 304);
        assert!(!second.contains("page"), "{second}");
    }

    #[test]
    fn nothing_can_be_written() {
        let (_folder, site) = site();
        let answer = raw(&site, "DELETE /a/b/index.html", "");
        assert_eq!(status(&answer), 405);
        assert_eq!(status(&raw(&site, "GET /a/b/", "")), 200);
    }

    #[test]
    fn a_folder_without_a_page_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = Site::serve(folder.path(), "/", 0).unwrap_err();
        assert!(error.to_string().contains("cargo xtask dist"), "{error}");
    }
}
