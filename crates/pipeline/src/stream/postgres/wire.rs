//! A replication connection to PostgreSQL: log in, simple queries, and the stream both sides write to.
//!
//! Below the source. The decision: written here, over blocking sockets and `postgres-protocol`'s messages. `pg_walstream`
//! brings `aws-lc` or `libpq` for any connection at all, `pgwire-replication` cannot make a slot and keep its snapshot,
//! and `postgres` does not speak replication. No TLS, as in the rest of this program.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use postgres::config::Host;
use postgres_protocol::authentication::{md5_hash, sasl};
use postgres_protocol::message::frontend;

use crate::error::PipelineError;

/// The longest message PostgreSQL sends is a row of 1 GiB.
const MAX_MESSAGE: usize = 1 << 30;
/// How long an answer to a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One message from the server: its tag and its body.
type Frame = (u8, Bytes);

/// A connection opened with `replication=database`.
pub(crate) struct Wire {
    socket: Socket,
    buffer: BytesMut,
}

enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    fn set_read_timeout(&self, wait: Duration) -> std::io::Result<()> {
        let wait = Some(wait.max(Duration::from_millis(1)));
        match self {
            Socket::Tcp(socket) => socket.set_read_timeout(wait),
            Socket::Unix(socket) => socket.set_read_timeout(wait),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.read(bytes),
            Socket::Unix(socket) => socket.read(bytes),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.write_all(bytes),
            Socket::Unix(socket) => socket.write_all(bytes),
        }
    }
}

impl Wire {
    /// Connects and logs in.
    ///
    /// # Errors
    /// `Postgres`: not reachable, a wrong password, no right to replicate.
    pub(crate) fn connect(config: &postgres::Config) -> Result<Wire, PipelineError> {
        let socket = open(config).map_err(|e| fault("connect", &e.to_string()))?;
        let mut wire = Wire {
            socket,
            buffer: BytesMut::new(),
        };
        wire.start(config)?;
        Ok(wire)
    }

    fn start(&mut self, config: &postgres::Config) -> Result<(), PipelineError> {
        let user = config.get_user().unwrap_or("postgres");
        let parameters = [
            ("user", user),
            ("database", config.get_dbname().unwrap_or(user)),
            ("replication", "database"),
            ("application_name", "rankine stream"),
            ("client_encoding", "UTF8"),
            // times and intervals come as text: one form, whatever the server's settings
            (
                "options",
                "-c datestyle=ISO,YMD -c timezone=UTC -c extra_float_digits=3",
            ),
        ];
        self.send(|out| frontend::startup_message(parameters, out))?;
        let mut scram = None;
        loop {
            let (tag, body) = self.answer()?;
            match tag {
                b'R' => self.authenticate(config, body, &mut scram)?,
                b'Z' => return Ok(()),
                // parameters, the cancel key, notices
                _ => {}
            }
        }
    }

    fn authenticate(
        &mut self,
        config: &postgres::Config,
        mut body: Bytes,
        scram: &mut Option<sasl::ScramSha256>,
    ) -> Result<(), PipelineError> {
        if body.len() < 4 {
            return Err(fault("log in", "the server's question is cut short"));
        }
        let password = || {
            let none = || fault("log in", "the server asks for a password and none is given");
            config.get_password().ok_or_else(none)
        };
        let user = config.get_user().unwrap_or("postgres");
        match body.get_u32() {
            0 => Ok(()),
            3 => {
                let password = password()?;
                self.send(|out| frontend::password_message(password, out))
            }
            5 if body.len() == 4 => {
                let salt = [body[0], body[1], body[2], body[3]];
                let hash = md5_hash(user.as_bytes(), password()?, salt);
                self.send(|out| frontend::password_message(hash.as_bytes(), out))
            }
            10 => {
                let begun = sasl::ScramSha256::new(password()?, sasl::ChannelBinding::unsupported());
                let scram = scram.insert(begun);
                let message = scram.message().to_vec();
                self.send(|out| frontend::sasl_initial_response(sasl::SCRAM_SHA_256, &message, out))
            }
            11 => {
                let begun = scram
                    .as_mut()
                    .ok_or_else(|| fault("log in", "an answer to no question"))?;
                begun.update(&body).map_err(|e| fault("log in", &e.to_string()))?;
                let message = begun.message().to_vec();
                self.send(|out| frontend::sasl_response(&message, out))
            }
            12 => {
                let begun = scram
                    .as_mut()
                    .ok_or_else(|| fault("log in", "an answer to no question"))?;
                begun.finish(&body).map_err(|e| fault("log in", &e.to_string()))
            }
            other => Err(fault(
                "log in",
                &format!("authentication method {other} is not supported"),
            )),
        }
    }

    /// Runs one command of the replication grammar and returns the rows of its answer as text.
    ///
    /// # Errors
    /// `Postgres` with the server's own words and code.
    pub(crate) fn query(&mut self, command: &str) -> Result<Vec<Vec<Option<String>>>, PipelineError> {
        self.send(|out| frontend::query(command, out))?;
        let (mut rows, mut refused) = (Vec::new(), None);
        loop {
            let (tag, body) = self.receive()?;
            match tag {
                b'D' => rows.push(row(body)?),
                b'E' => refused = Some(refusal("run a replication command", &body)),
                b'Z' => return refused.map_or(Ok(rows), Err),
                _ => {}
            }
        }
    }

    /// Begins the stream; from here on only [`Wire::copied`] and [`Wire::put`] make sense.
    ///
    /// # Errors
    /// `Postgres`: the slot is taken, lost, or is not there.
    pub(crate) fn start_copy(&mut self, command: &str) -> Result<(), PipelineError> {
        self.send(|out| frontend::query(command, out))?;
        loop {
            let (tag, body) = self.receive()?;
            match tag {
                b'W' => return Ok(()),
                b'E' => return Err(refusal("start replication", &body)),
                _ => {}
            }
        }
    }

    /// The next piece of the stream, or none within `wait`.
    ///
    /// # Errors
    /// `Postgres`: the connection is gone or the server ended the stream.
    pub(crate) fn copied(&mut self, wait: Duration) -> Result<Option<Bytes>, PipelineError> {
        let Some((tag, body)) = self.frame(wait)? else {
            return Ok(None);
        };
        match tag {
            b'd' => Ok(Some(body)),
            b'E' => Err(refusal("read changes", &body)),
            b'c' | b'Z' => Err(fault("read changes", "the server ended the stream")),
            _ => Ok(None),
        }
    }

    /// Writes a piece to the stream.
    ///
    /// # Errors
    /// `Postgres`: the connection is gone.
    pub(crate) fn put(&mut self, piece: &[u8]) -> Result<(), PipelineError> {
        self.send(|out| {
            frontend::CopyData::new(piece)?.write(out);
            Ok(())
        })
    }

    fn send(
        &mut self,
        write: impl FnOnce(&mut BytesMut) -> std::io::Result<()>,
    ) -> Result<(), PipelineError> {
        let mut out = BytesMut::new();
        write(&mut out)
            .and_then(|()| self.socket.write_all(&out))
            .map_err(|e| fault("write to the server", &e.to_string()))
    }

    fn receive(&mut self) -> Result<Frame, PipelineError> {
        let late = || fault("wait for the server", "no answer within 60 s");
        self.frame(PATIENCE)?.ok_or_else(late)
    }

    /// As [`Wire::receive`], with a refusal as an error.
    fn answer(&mut self) -> Result<Frame, PipelineError> {
        match self.receive()? {
            (b'E', body) => Err(refusal("log in", &body)),
            frame => Ok(frame),
        }
    }

    fn frame(&mut self, wait: Duration) -> Result<Option<Frame>, PipelineError> {
        let gone = |reason: &str| fault("read from the server", reason);
        let until = Instant::now() + wait;
        loop {
            if let Some(frame) = cut(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            let left = until.saturating_duration_since(Instant::now());
            self.socket
                .set_read_timeout(left)
                .map_err(|e| gone(&e.to_string()))?;
            let mut piece = [0; 16 << 10];
            match self.socket.read(&mut piece) {
                Ok(0) => return Err(gone("the connection was closed")),
                Ok(count) => self.buffer.extend_from_slice(&piece[..count]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return Ok(None),
                Err(e) => return Err(gone(&e.to_string())),
            }
        }
    }
}

/// Takes the first whole message off the buffer.
fn cut(buffer: &mut BytesMut) -> Result<Option<Frame>, PipelineError> {
    if buffer.len() < 5 {
        return Ok(None);
    }
    let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(4..=MAX_MESSAGE).contains(&length) {
        return Err(fault(
            "read from the server",
            &format!("a message of {length} bytes"),
        ));
    }
    if buffer.len() <= length {
        return Ok(None);
    }
    let mut frame = buffer.split_to(length + 1).freeze();
    let tag = frame[0];
    frame.advance(5);
    Ok(Some((tag, frame)))
}

/// A row of text cells.
fn row(mut body: Bytes) -> Result<Vec<Option<String>>, PipelineError> {
    let short = || fault("read an answer", "a row is cut short");
    if body.remaining() < 2 {
        return Err(short());
    }
    let count = body.get_u16();
    let mut cells = Vec::new();
    for _ in 0..count {
        if body.remaining() < 4 {
            return Err(short());
        }
        cells.push(match usize::try_from(body.get_i32()) {
            Err(_) => None,
            Ok(length) if length <= body.remaining() => {
                Some(String::from_utf8_lossy(&body.split_to(length)).into_owned())
            }
            Ok(_) => return Err(short()),
        });
    }
    Ok(cells)
}

/// The server's refusal: its message, detail and code.
fn refusal(action: &str, body: &[u8]) -> PipelineError {
    let (mut reason, mut code) = (String::new(), None);
    for field in body.split(|b| *b == 0) {
        let text = String::from_utf8_lossy(field.get(1..).unwrap_or_default());
        match field.first() {
            Some(b'M') => reason.insert_str(0, &text),
            Some(b'D') => reason.push_str(&format!(" ({text})")),
            Some(b'C') => code = Some(text.into_owned()),
            _ => {}
        }
    }
    PipelineError::Postgres {
        action: action.to_owned(),
        reason,
        code,
    }
}

fn fault(action: &str, reason: &str) -> PipelineError {
    PipelineError::Postgres {
        action: action.to_owned(),
        reason: reason.to_owned(),
        code: None,
    }
}

fn open(config: &postgres::Config) -> std::io::Result<Socket> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let wait = config.get_connect_timeout().copied();
    match config.get_hosts().first() {
        Some(Host::Unix(folder)) => {
            UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).map(Socket::Unix)
        }
        Some(Host::Tcp(name)) => tcp(name, port, wait),
        None => tcp("127.0.0.1", port, wait),
    }
}

fn tcp(name: &str, port: u16, wait: Option<Duration>) -> std::io::Result<Socket> {
    use std::net::ToSocketAddrs as _;
    let mut last = std::io::Error::new(ErrorKind::NotFound, format!("{name}: no address"));
    for address in (name, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, wait.unwrap_or(Duration::from_secs(10))) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                return Ok(Socket::Tcp(socket));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_where_they_end() {
        let mut buffer = BytesMut::from(&b"Z\0\0\0\x05IT\0\0"[..]);
        let (tag, body) = cut(&mut buffer).unwrap().unwrap();
        assert_eq!((tag, body.as_ref()), (b'Z', &b"I"[..]));
        assert_eq!(cut(&mut buffer).unwrap(), None);
        buffer.extend_from_slice(b"\0\x04");
        assert_eq!(cut(&mut buffer).unwrap().unwrap().0, b'T');
    }

    #[test]
    fn an_impossible_length_is_refused() {
        for head in [&b"d\0\0\0\x03"[..], &b"d\xff\xff\xff\xff"[..]] {
            assert!(cut(&mut BytesMut::from(head)).is_err());
        }
    }

    #[test]
    fn a_refusal_has_the_servers_words() {
        let body = b"SERROR\0C55006\0Mslot is active\0Dby 7\0\0";
        let PipelineError::Postgres { reason, code, .. } = refusal("x", body) else {
            panic!("another error");
        };
        assert_eq!(
            (reason.as_str(), code.as_deref()),
            ("slot is active (by 7)", Some("55006"))
        );
    }

    #[test]
    fn rows_that_lie_about_their_length_are_refused() {
        assert!(row(Bytes::from_static(b"\0\x01\0\0\0\x09ab")).is_err());
        assert!(row(Bytes::from_static(b"\0\x02\0\0\0\x01a")).is_err());
        let whole = row(Bytes::from_static(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff")).unwrap();
        assert_eq!(whole, [Some("a".to_owned()), None]);
    }
}
