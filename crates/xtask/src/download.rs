//! Files from the network: pinned by their SHA-256, resumed when interrupted, verified before anything reads them.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// How often in a row a transfer may break without having brought a byte.
const PATIENCE: u32 = 3;

/// A file known by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned<'a> {
    /// The file's name, for messages.
    pub name: &'a str,
    /// SHA-256 of the whole content, 64 lower-case hexadecimal digits.
    pub sha256: &'a str,
    /// Length in bytes: a server that sends more is cut off there.
    pub bytes: u64,
}

/// Why a file did not arrive.
#[derive(Debug)]
pub enum DownloadError {
    /// The server did not answer, answered with an error, or stopped sending; what came stays for the next try.
    Transfer {
        /// Where from.
        url: String,
        /// What went wrong.
        reason: String,
        /// How many of the bytes are here.
        have: u64,
        /// How many there should be.
        expected: u64,
    },
    /// Everything arrived, but it is another file. It has been deleted.
    Mismatch {
        /// The pinned file's name.
        name: String,
        /// Where from.
        source: String,
        /// The pinned sum.
        expected: String,
        /// The sum of what arrived.
        found: String,
    },
    /// The disk refused.
    Disk {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer {
                url,
                reason,
                have,
                expected,
            } => write!(
                f,
                "{url}: {reason} ({have} of {expected} bytes are here; run the command again to go on from there)"
            ),
            Self::Mismatch {
                name,
                source,
                expected,
                found,
            } => write!(
                f,
                "{name} from {source} is not the file this project was tested with and was deleted: expected SHA-256 \
                 {expected}, found {found}. Run the command again; if the sum stays wrong, the source has changed: \
                 compare it with another mirror (PIP_INDEX_URL) before you trust it"
            ),
            Self::Disk { path, cause } => write!(f, "{}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for DownloadError {}

/// Requests over HTTP and HTTPS with the machine's own certificates and proxy settings.
pub fn agent() -> Agent {
    Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
        .http_status_as_error(false)
        .user_agent("mesm-xtask")
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        // Bounds a transfer that stalls; a slow one goes on from where it was.
        .timeout_recv_body(Some(Duration::from_mins(5)))
        .build()
        .into()
}

/// Brings `pinned` from `url` to `path`, unless it is there already.
///
/// The bytes are collected in `<path>.part`. An interrupted transfer is resumed there, in this run and in the next.
/// `path` itself appears only with the right content.
///
/// # Errors
/// See [`DownloadError`].
pub fn fetch(agent: &Agent, url: &str, pinned: Pinned, path: &Path) -> Result<(), DownloadError> {
    if path.exists() && verify(path, pinned, "the cache").is_ok() {
        return Ok(());
    }
    let part = part_of(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|cause| disk(folder, cause))?;
    }
    let resumed = length(&part) > 0;
    transfer(agent, url, pinned, &part)?;
    let mut outcome = verify(&part, pinned, url);
    if resumed && matches!(outcome, Err(DownloadError::Mismatch { .. })) {
        // What an earlier run left may have been of another file: once more from the start.
        transfer(agent, url, pinned, &part)?;
        outcome = verify(&part, pinned, url);
    }
    outcome?;
    fs::rename(&part, path).map_err(|cause| disk(path, cause))
}

/// Checks a file's content, and deletes the file when it is not the pinned one.
///
/// # Errors
/// [`DownloadError::Mismatch`], or [`DownloadError::Disk`] when it cannot be read.
pub fn verify(path: &Path, pinned: Pinned, source: &str) -> Result<(), DownloadError> {
    let found = sha256(path).map_err(|cause| disk(path, cause))?;
    if found == pinned.sha256 {
        return Ok(());
    }
    fs::remove_file(path).map_err(|cause| disk(path, cause))?;
    Err(DownloadError::Mismatch {
        name: pinned.name.to_owned(),
        source: source.to_owned(),
        expected: pinned.sha256.to_owned(),
        found,
    })
}

/// The SHA-256 of a file as 64 lower-case hexadecimal digits.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Two lower-case hexadecimal digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16);
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .flatten()
        .collect()
}

/// `<path>.part`, where a file grows before it is known to be right.
pub fn part_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn transfer(agent: &Agent, url: &str, pinned: Pinned, part: &Path) -> Result<(), DownloadError> {
    let mut barren = 0;
    loop {
        let before = length(part);
        if before == pinned.bytes {
            return Ok(());
        }
        let reason = match attempt(agent, url, pinned, part, before) {
            Ok(()) => "the connection closed early".to_owned(),
            Err(Stop::Disk(cause)) => return Err(disk(part, cause)),
            Err(Stop::Network(reason)) => reason,
        };
        let have = length(part);
        if have == pinned.bytes {
            return Ok(());
        }
        barren = if have > before { 0 } else { barren + 1 };
        if barren == PATIENCE {
            return Err(DownloadError::Transfer {
                url: url.to_owned(),
                reason,
                have,
                expected: pinned.bytes,
            });
        }
    }
}

enum Stop {
    Network(String),
    Disk(io::Error),
}

/// One request: appends to the part when the server goes on from there, starts it anew when the server sends all.
fn attempt(agent: &Agent, url: &str, pinned: Pinned, part: &Path, from: u64) -> Result<(), Stop> {
    let mut request = agent.get(url);
    if from > 0 && from < pinned.bytes {
        request = request.header("Range", format!("bytes={from}-"));
    }
    let mut response = request
        .call()
        .map_err(|error| Stop::Network(error.to_string()))?;
    let continues = response
        .headers()
        .get("content-range")
        .and_then(|range| range.to_str().ok())
        .is_some_and(|range| range.starts_with(&format!("bytes {from}-")));
    let mut file = match response.status().as_u16() {
        206 if continues => OpenOptions::new()
            .append(true)
            .open(part)
            .map_err(Stop::Disk)?,
        200 => File::create(part).map_err(Stop::Disk)?,
        206 | 416 => {
            // The part does not fit what the server has.
            fs::remove_file(part).map_err(Stop::Disk)?;
            return Err(Stop::Network(
                "the server cannot go on from the bytes at hand".to_owned(),
            ));
        }
        status => return Err(Stop::Network(format!("the server answered {status}"))),
    };
    let start = if continues { from } else { 0 };
    let mut body = response.body_mut().as_reader().take(pinned.bytes - start);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => file.write_all(&buffer[..read]).map_err(Stop::Disk)?,
            Err(error) => return Err(Stop::Network(error.to_string())),
        }
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn disk(path: &Path, cause: io::Error) -> DownloadError {
    DownloadError::Disk {
        path: path.to_path_buf(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    /// What one connection of the test server does.
    #[derive(Clone, Copy)]
    enum Turn {
        /// Honours a range and sends all that is asked for.
        Whole,
        /// Announces everything, sends this many bytes and hangs up.
        Break(usize),
        /// Ignores ranges.
        NoRanges,
        /// Answers with this status and no body.
        Status(u16),
    }

    struct Host {
        url: String,
        requests: Arc<AtomicUsize>,
        ranges: Arc<std::sync::Mutex<Vec<String>>>,
    }

    /// A server of one file that takes its turns in order and repeats the last one.
    fn host(content: Vec<u8>, turns: Vec<Turn>) -> Host {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/file.bin", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let ranges = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (counter, seen) = (Arc::clone(&requests), Arc::clone(&ranges));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                let head = String::from_utf8_lossy(&head).to_lowercase();
                let from: Option<usize> = head
                    .lines()
                    .find_map(|line| line.strip_prefix("range: bytes="))
                    .and_then(|range| range.trim_end_matches('-').parse().ok());
                let turn = turns[counter.fetch_add(1, Ordering::SeqCst).min(turns.len() - 1)];
                seen.lock()
                    .unwrap()
                    .push(from.map_or("whole".to_owned(), |from| format!("from {from}")));
                let from = from
                    .filter(|_| !matches!(turn, Turn::NoRanges))
                    .unwrap_or(0);
                let (status, extra) = match turn {
                    Turn::Status(status) => (status, String::new()),
                    _ if from >= content.len() => (416, String::new()),
                    _ if from > 0 => (
                        206,
                        format!(
                            "Content-Range: bytes {from}-{}/{}\r\n",
                            content.len() - 1,
                            content.len()
                        ),
                    ),
                    _ => (200, String::new()),
                };
                let body: &[u8] = if status < 300 { &content[from..] } else { &[] };
                let sent = if let Turn::Break(count) = turn {
                    count.min(body.len())
                } else {
                    body.len()
                };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{extra}Connection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&body[..sent]);
            }
        });
        Host {
            url,
            requests,
            ranges,
        }
    }

    fn content() -> Vec<u8> {
        (0..200_000u32)
            .flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 16).to_le_bytes())
            .collect()
    }

    fn sum(bytes: &[u8]) -> String {
        hex(&Sha256::digest(bytes))
    }

    fn bring(host: &Host, bytes: &[u8], path: &Path) -> Result<(), DownloadError> {
        let sha256 = sum(bytes);
        let pinned = Pinned {
            name: "file.bin",
            sha256: &sha256,
            bytes: bytes.len() as u64,
        };
        fetch(&agent(), &host.url, pinned, path)
    }

    #[test]
    fn a_file_arrives_once() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("deep/file.bin");
        let host = host(bytes.clone(), vec![Turn::Whole]);
        bring(&host, &bytes, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        bring(&host, &bytes, &path).unwrap();
        assert_eq!(
            host.requests.load(Ordering::SeqCst),
            1,
            "the second call found the file"
        );
    }

    #[test]
    fn a_broken_transfer_goes_on_where_it_stopped() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("file.bin");
        let host = host(
            bytes.clone(),
            vec![Turn::Break(300_000), Turn::Break(100_000), Turn::Whole],
        );
        bring(&host, &bytes, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(
            *host.ranges.lock().unwrap(),
            ["whole", "from 300000", "from 400000"]
        );
        assert!(!part_of(&path).exists());
    }

    #[test]
    fn the_next_run_goes_on_where_the_last_one_gave_up() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("file.bin");
        let failing = host(bytes.clone(), vec![Turn::Break(1_000), Turn::Status(503)]);
        let error = bring(&failing, &bytes, &path).unwrap_err();
        assert!(
            matches!(error, DownloadError::Transfer { have: 1_000, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("503"), "{error}");
        assert!(!path.exists(), "nothing unfinished under the file's name");
        let working = host(bytes.clone(), vec![Turn::Whole]);
        bring(&working, &bytes, &path).unwrap();
        assert_eq!(*working.ranges.lock().unwrap(), ["from 1000"]);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn another_file_is_refused_and_leaves_nothing() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let mut changed = bytes.clone();
        changed[12_345] ^= 1;
        let path = folder.path().join("file.bin");
        let host = host(changed.clone(), vec![Turn::Whole]);
        let message = bring(&host, &bytes, &path).unwrap_err().to_string();
        for part in [
            "file.bin",
            &sum(&bytes),
            &sum(&changed),
            "Run the command again",
        ] {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_an_old_run_left_of_another_file_costs_one_more_transfer() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("file.bin");
        fs::write(part_of(&path), vec![7; 5_000]).unwrap();
        let host = host(bytes.clone(), vec![Turn::Whole]);
        bring(&host, &bytes, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(*host.ranges.lock().unwrap(), ["from 5000", "whole"]);
    }

    #[test]
    fn a_server_without_ranges_starts_anew() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("file.bin");
        let host = host(bytes.clone(), vec![Turn::Break(10_000), Turn::NoRanges]);
        bring(&host, &bytes, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_damaged_file_in_the_cache_is_brought_again() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("file.bin");
        fs::write(&path, b"half of it").unwrap();
        let host = host(bytes.clone(), vec![Turn::Whole]);
        bring(&host, &bytes, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_longer_file_is_cut_off_and_refused() {
        let (folder, bytes) = (tempfile::tempdir().unwrap(), content());
        let path = folder.path().join("file.bin");
        let mut longer = bytes.clone();
        longer.insert(0, 1);
        let host = host(longer, vec![Turn::Whole]);
        let error = bring(&host, &bytes, &path).unwrap_err();
        assert!(matches!(error, DownloadError::Mismatch { .. }), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
