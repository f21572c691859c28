//! A port: accepts connections, serves HTTP/1.1 on each, ends when told to.
//!
//! Between the socket and the routes. The decision: connections are counted and their request heads timed here,
//! because no route has seen anything yet of a client that connects and keeps silent. A connection beyond the bound
//! waits in the kernel's queue until one ends. At the stop signal a connection with a request under way is served to
//! its end, any other is closed at once.

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Pause after a failed accept: without a free file descriptor the next one would fail at once, too.
const PAUSE: Duration = Duration::from_millis(50);

/// Bounds of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Connections open at once.
    pub(crate) connections: usize,
    /// Longest time from the opening of a connection, or from its last answer, to the end of the next request head.
    pub(crate) head: Duration,
}

/// The signal to stop.
pub(crate) type Stopped = watch::Receiver<bool>;

/// Serves `router` until the stop signal and then until every request under way is answered.
pub(crate) async fn serve(listener: TcpListener, router: Router, bounds: Bounds, stopped: Stopped) {
    let most = bounds.connections.min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(most));
    while let Some((stream, place)) = next(&listener, &places, stopped.clone()).await {
        let (router, stopped) = (router.clone(), stopped.clone());
        tokio::spawn(async move {
            connection(stream, router, bounds.head, stopped).await;
            drop(place);
        });
    }
    drop(listener);
    // every connection gives its place back at its end
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    places.acquire_many(all).await.ok();
}

/// The next connection, as soon as there is a place for it; none after the stop signal.
pub(crate) async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
    mut stopped: Stopped,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let connected = async {
        let place = places.clone().acquire_owned().await.ok()?;
        Some((accept(listener).await, place))
    };
    tokio::select! {
        biased;
        _ = stopped.wait_for(|&stop| stop) => None,
        connected = connected => connected,
    }
}

/// Accepts, however often it takes.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, router: Router, head: Duration, mut stopped: Stopped) {
    // answers are written whole, so waiting for more of them only delays the last packet
    stream.set_nodelay(true).ok();
    let asked = AtomicBool::new(false);
    let routes = TowerToHyperService::new(router);
    let service = service_fn(|request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        routes.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    tokio::select! {
        biased;
        ended = served.as_mut() => return told(ended),
        _ = stopped.wait_for(|&stop| stop) => {}
    }
    served.as_mut().graceful_shutdown();
    // hyper closes a connection that waits for another request, but not one that waits for its first
    if asked.load(Ordering::Relaxed) {
        told(served.await);
    }
}

/// A client that leaves or is too slow is no fault of the server.
fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::SocketAddr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::{Notify, watch};
    use tokio::task::JoinHandle;

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const HEAD: Duration = Duration::from_secs(600);

    /// A port whose only page waits for a permission.
    struct Port {
        address: SocketAddr,
        stop: watch::Sender<bool>,
        served: JoinHandle<()>,
        asked: Arc<Notify>,
        go: Arc<Notify>,
    }

    impl Port {
        async fn open(connections: usize, head: Duration) -> Port {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let page = {
                let (asked, go) = (asked.clone(), go.clone());
                async move || {
                    asked.notify_one();
                    go.notified().await;
                    "done"
                }
            };
            let (stop, stopped) = watch::channel(false);
            let bounds = Bounds { connections, head };
            let router = Router::new().route("/", get(page));
            let served = tokio::spawn(serve(listener, router, bounds, stopped));
            Port {
                address,
                stop,
                served,
                asked,
                go,
            }
        }

        async fn client(&self, sends: &[u8]) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(sends).await.unwrap();
            stream
        }

        /// A client that has had an answer and keeps its connection.
        async fn idle(&self) -> TcpStream {
            let mut stream = self.client(ASK).await;
            self.go.notify_one();
            let mut got = Vec::new();
            while !got.ends_with(b"done") {
                got.push(stream.read_u8().await.unwrap());
            }
            stream
        }
    }

    /// What is still to come on a connection, until its end.
    async fn rest(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        // a reset is an end, too
        stream.read_to_end(&mut text).await.ok();
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn silent_half_sent_and_idle_connections_end_at_the_stop() {
        let port = Port::open(10, HEAD).await;
        let clients = [
            port.client(b"").await,
            port.client(b"GET / HTTP/1.1\r\nhost").await,
            port.idle().await,
        ];
        // a connection made later was answered: the ones before it are accepted
        port.idle().await;
        port.stop.send(true).unwrap();
        for client in clients {
            assert_eq!(rest(client).await, "");
        }
        port.served.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_under_way_is_answered_after_the_stop() {
        let port = Port::open(10, HEAD).await;
        let client = port.client(ASK).await;
        port.asked.notified().await;
        port.stop.send(true).unwrap();
        tokio::task::yield_now().await;
        port.go.notify_one();
        assert!(rest(client).await.ends_with("done"));
        port.served.await.unwrap();
    }

    #[tokio::test]
    async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
        let port = Port::open(10, Duration::from_millis(100)).await;
        let half = port.client(b"GET / HTTP/1.1\r\nho").await;
        let idle = port.idle().await;
        let late = rest(half).await;
        assert!(!late.contains("200 OK"), "{late}");
        assert_eq!(rest(idle).await, "");
    }

    #[tokio::test]
    async fn a_connection_beyond_the_bound_waits_for_a_place() {
        let port = Port::open(1, HEAD).await;
        let first = port.idle().await;
        let waits = port.client(ASK).await;
        let asked = tokio::time::timeout(Duration::from_millis(200), port.asked.notified());
        // the permission that `idle` used up left its own mark
        asked.await.unwrap();
        let asked = tokio::time::timeout(Duration::from_millis(200), port.asked.notified());
        assert!(asked.await.is_err(), "served beyond the bound");
        drop(first);
        port.asked.notified().await;
        port.go.notify_one();
        port.stop.send(true).unwrap();
        assert!(rest(waits).await.ends_with("done"));
    }
}
