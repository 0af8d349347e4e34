//! Metrics on an address of their own: whoever may reach it may read them, so that it is not the clients'.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::{MEDIA_TYPE, text};
use crate::api::problem::ApiError;
use crate::store::blocking;
use crate::{AppState, ServerError};

/// Answers `GET /metrics` on an address until the server ends; the address listened on.
///
/// # Errors
/// The address cannot be listened on.
pub(crate) async fn listen(
    state: AppState,
    address: SocketAddr,
) -> Result<SocketAddr, ServerError> {
    let io = |source| ServerError::Io {
        what: format!("listen on {address} for metrics"),
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    let shutdown = state.shutdown.clone();
    let app = Router::new().route("/metrics", get(show)).with_state(state);
    tokio::spawn(async move {
        let served = axum::serve(listener, app)
            .with_graceful_shutdown(shutdown.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "serving metrics ended");
        }
    });
    tracing::info!(%address, "metrics");
    Ok(address)
}

async fn show(State(state): State<AppState>) -> Result<Response, ApiError> {
    let text = blocking(move || text(&state)).await?;
    Ok(([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response())
}
