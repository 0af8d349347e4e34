//! Connections: how many there may be, and how long one may take to say what it wants.
//!
//! Invariant: whoever says nothing, or says it byte by byte, holds a place for [`Limits::header`] at most,
//! a request's body for what its reader allows; a place is free again when its connection ends, whatever ended
//! it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::auth::client::Peer;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Open ones; what comes beyond waits in the system's queue until one ends.
    pub(crate) connections_max: usize,
    /// From a request's first byte awaited to its header's last, which bounds an idle connection too.
    pub(crate) header: Duration,
    /// Bytes of a request's header.
    pub(crate) header_bytes_max: usize,
}

impl Limits {
    /// Of the running server. Ten seconds are more than a header takes on the worst link that still carries
    /// one; a thousand connections are more than an office and its phones have open at once.
    pub(crate) const SERVER: Self = Self {
        connections_max: 1_024,
        header: Duration::from_secs(10),
        header_bytes_max: 64 * 1024,
    };
}

/// Serves `app` until `shutdown`, then lets what is under way end.
pub(crate) async fn serve<L>(
    mut listener: L,
    app: Router,
    limits: Limits,
    shutdown: CancellationToken,
) -> std::io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
{
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let under_way = GracefulShutdown::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, (stream, from)) = tokio::select! {
            next = next => next,
            () = shutdown.cancelled() => break,
        };
        let app = app.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            // Failed sign-ins are counted by address as well.
            request
                .extensions_mut()
                .insert(ConnectInfo(Peer::at(from.ip())));
            app.clone().oneshot(request.map(Body::new))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header)
            .max_buf_size(limits.header_bytes_max)
            .serve_connection(TokioIo::new(stream), service);
        let connection = under_way.watch(connection);
        tokio::spawn(async move {
            // Connections that break off are no news.
            let _ended = connection.await;
            drop(place);
        });
    }
    drop(listener);
    under_way.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

    async fn started(limits: Limits) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().route("/", get(|| async { "here" }));
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, app, limits, shutdown.clone()));
        (address, shutdown)
    }

    async fn answer(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        let _broken_off = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn a_hundred_that_never_end_their_header_are_ended_and_others_are_served() {
        let limits = Limits {
            connections_max: 50,
            header: Duration::from_millis(100),
            ..Limits::SERVER
        };
        let (address, shutdown) = started(limits).await;
        let mut slow = Vec::new();
        for n in 0..100 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // Half of them say nothing at all.
            if n % 2 == 0 {
                stream.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
            }
            slow.push(stream);
        }
        // They hold every place; without an end to them this one would wait for ever.
        let mut honest = TcpStream::connect(address).await.unwrap();
        honest.write_all(ASKED).await.unwrap();
        assert!(answer(honest).await.ends_with("here"));
        for stream in slow {
            assert!(!answer(stream).await.ends_with("here"));
        }
        shutdown.cancel();
    }

    #[tokio::test]
    async fn a_header_past_its_limit_is_refused() {
        let (address, shutdown) = started(Limits::SERVER).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let long = vec![b'a'; 2 * Limits::SERVER.header_bytes_max];
        let _cut_off = stream.write_all(b"GET / HTTP/1.1\r\nx: ").await;
        let _cut_off = stream.write_all(&long).await;
        assert!(!answer(stream).await.contains(" 200 "));
        shutdown.cancel();
    }
}
