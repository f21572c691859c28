//! As much HTTP as the page takes: GET, one request a connection, a bounded head, a bounded number of connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::{Shared, page};

/// Connections that are answered at once.
const MOST: usize = 32;

/// Bytes of a request's head.
const HEAD: u64 = 8192;

/// How long a watcher waits before it is told that nothing has changed.
const QUIET: Duration = Duration::from_secs(5);

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'";

/// Answers connections, each on a thread of its own, as long as the process lives.
pub(super) fn answer_all(listener: &TcpListener, shared: &Arc<Shared>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().flatten() {
        if open.load(Ordering::Relaxed) >= MOST {
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (own, shared) = (open.clone(), shared.clone());
        let answered = std::thread::Builder::new().spawn(move || {
            // a watcher that has gone away is no fault of the run's
            answer(stream, &shared).ok();
            own.fetch_sub(1, Ordering::Relaxed);
        });
        if answered.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(QUIET))?;
    stream.set_write_timeout(Some(QUIET))?;
    let Some(path) = path(&stream)? else {
        return write(&mut stream, "400 Bad Request", "text/plain", "expected GET\n");
    };
    match path.as_str() {
        "/" => {
            let page = page::whole(&shared.newer(0, Duration::ZERO));
            write(&mut stream, "200 OK", "text/html; charset=utf-8", &page)
        }
        "/watch.js" => write(&mut stream, "200 OK", "text/javascript", page::SCRIPT),
        "/events" => events(&mut stream, shared),
        _ => write(
            &mut stream,
            "404 Not Found",
            "text/plain",
            "there are / and /events\n",
        ),
    }
}

/// The path of a GET request whose head has ended; the rest of the head says nothing of interest.
fn path(stream: &TcpStream) -> std::io::Result<Option<String>> {
    let mut lines = BufReader::new(stream.take(HEAD));
    let mut first = Vec::new();
    lines.read_until(b'\n', &mut first)?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_ascii().is_empty() {
            break;
        }
    }
    let first = String::from_utf8_lossy(&first);
    let mut words = first.split_ascii_whitespace();
    let path = words.next().filter(|method| *method == "GET").and(words.next());
    Ok(path.map(|path| path.split('?').next().unwrap_or_default().to_owned()))
}

fn write(stream: &mut TcpStream, status: &str, kind: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nCache-Control: no-store\r\n\
         Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Sends what is known whenever it has changed, at most four times a second, until the run has ended.
fn events(stream: &mut TcpStream, shared: &Shared) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )?;
    let mut told = 0;
    loop {
        let state = shared.newer(told, QUIET);
        if state.version == told {
            write!(stream, ": still here\n\n")?;
            continue;
        }
        told = state.version;
        let html = serde_json::to_string(&page::changing(&state)).unwrap_or_default();
        write!(stream, "data: {html}\n\n")?;
        if state.ended.is_some() {
            return write!(stream, "event: end\ndata: \"\"\n\n");
        }
        stream.flush()?;
        std::thread::sleep(Duration::from_millis(250));
    }
}
