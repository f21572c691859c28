//! Connections of the gRPC port: counted, and closed where nothing is said.
//!
//! The decision here is that of the other ports: a connection beyond the bound waits in the kernel's queue, and who
//! connects and keeps silent loses its place. HTTP/2 begins with 24 known bytes; until they are there a clock runs,
//! later the protocol's own pings find out who has gone.

use crate::listener::{self, Bounds, Stopped};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Bytes of the preface.
const PREFACE: usize = 24;

/// A connection with its place among those open at once.
pub(super) struct Connection {
    stream: TcpStream,
    /// Bytes of the preface still to come, and until when.
    greeting: Option<(usize, Pin<Box<Sleep>>)>,
    _place: OwnedSemaphorePermit,
}

/// Accepts until the stop signal.
pub(super) fn accept(
    listener: TcpListener,
    bounds: Bounds,
    stopped: Stopped,
) -> ReceiverStream<io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(1);
    let places = Arc::new(Semaphore::new(bounds.connections.min(Semaphore::MAX_PERMITS)));
    tokio::spawn(async move {
        while let Some((stream, place)) = listener::next(&listener, &places, stopped.clone()).await {
            stream.set_nodelay(true).ok();
            let greeting = Some((PREFACE, Box::pin(tokio::time::sleep(bounds.head))));
            let connection = Connection {
                stream,
                greeting,
                _place: place,
            };
            if sender.send(Ok(connection)).await.is_err() {
                return;
            }
        }
    });
    ReceiverStream::new(receiver)
}

impl Connection {
    /// Notes bytes read; an error where the greeting has taken too long.
    fn greeted(&mut self, read: usize, context: &mut Context<'_>) -> io::Result<()> {
        let Some((missing, clock)) = &mut self.greeting else {
            return Ok(());
        };
        if read >= *missing {
            self.greeting = None;
            return Ok(());
        }
        *missing -= read;
        match clock.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        match self.greeted(read, context) {
            Ok(()) => polled,
            Err(late) => Poll::Ready(Err(late)),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::watch;
    use tonic::codegen::tokio_stream::StreamExt;

    async fn port(
        connections: usize,
        head: Duration,
    ) -> (
        std::net::SocketAddr,
        ReceiverStream<io::Result<Connection>>,
        watch::Sender<bool>,
    ) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let bounds = Bounds { connections, head };
        (address, accept(listener, bounds, stopped), stop)
    }

    #[tokio::test]
    async fn who_greets_slowly_is_cut_off_and_who_greeted_may_be_silent() {
        let (address, mut incoming, _stop) = port(5, Duration::from_millis(50)).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(&[b'P'; 23]).await.unwrap();
        let mut server = incoming.next().await.unwrap().unwrap();
        let mut buffer = [0; 64];
        let mut read = server.read(&mut buffer).await;
        while matches!(read, Ok(1..)) {
            read = server.read(&mut buffer).await;
        }
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let mut quick = TcpStream::connect(address).await.unwrap();
        quick.write_all(&[b'P'; 24]).await.unwrap();
        let mut server = incoming.next().await.unwrap().unwrap();
        server.read_exact(&mut buffer[..24]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        quick.write_all(b"x").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test]
    async fn a_connection_beyond_the_bound_waits_and_the_stop_ends_all() {
        let (address, mut incoming, stop) = port(1, Duration::from_secs(600)).await;
        let (_first, _second) = (
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        );
        let first = incoming.next().await.unwrap();
        let wait = tokio::time::timeout(Duration::from_millis(50), incoming.next()).await;
        assert!(wait.is_err(), "the second has no place yet");
        drop(first);
        assert!(incoming.next().await.unwrap().is_ok());
        stop.send(true).unwrap();
        assert!(incoming.next().await.is_none());
    }
}
