//! One exchange with the server after another: request out, answer in, until nothing is left.
//!
//! Invariant: hosts that transfer in the background and `Phone::sync` go through the same two calls,
//! `next_request` and `receive`; what they mean is core's (`gongdan_core::exchange`).

use std::sync::Arc;

use gongdan_core::exchange;
use gongdan_core::ids::TicketId;
use gongdan_core::replica::Outcome;

use crate::error::{HostError, PhoneError};
use crate::host::{Transport, now};
use crate::phone::Phone;

/// An HTTP request to make against the server's address.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Path below the server's address, as it is signed: send it unchanged.
    pub path: String,
    /// Value of the `Authorization` header, where there is to be one.
    pub authorization: Option<String>,
    /// Value of the `Content-Type` header.
    pub content_type: String,
    /// The body: send it unchanged.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

/// What a sync did.
#[derive(Debug, Clone, PartialEq, Eq, Default, uniffi::Record)]
pub struct SyncReport {
    /// Requests answered.
    pub round_trips: u32,
    /// Bytes of bodies sent.
    pub sent_bytes: u64,
    /// Bytes of bodies received.
    pub received_bytes: u64,
    /// Tickets that are not as they were.
    pub changed: Vec<TicketId>,
    /// Tickets dropped from this phone.
    pub evicted: Vec<TicketId>,
    /// Commands refused or quarantined: the outbox has them, and the person must hear of it.
    pub unsettled: u32,
    /// Everything there was is sent and fetched. Where not, the server cannot take what waits yet;
    /// sync again later.
    pub complete: bool,
    /// The office ordered this phone to be wiped, and it is: every other call fails with `wiped`.
    pub wiped: bool,
}

impl From<exchange::Request> for Request {
    fn from(request: exchange::Request) -> Self {
        Self {
            method: request.method,
            path: request.path,
            authorization: request.authorization,
            content_type: request.content_type,
            body: request.body,
        }
    }
}

impl From<Response> for exchange::Response {
    fn from(response: Response) -> Self {
        Self {
            status: response.status,
            body: response.body,
        }
    }
}

impl Response {
    /// The body of a success, or the server's problem.
    pub(crate) fn success(self) -> Result<Vec<u8>, PhoneError> {
        Ok(exchange::Response::from(self).success()?)
    }
}

/// Sends over the host's transport.
pub(crate) async fn send(
    transport: &dyn Transport,
    request: Request,
) -> Result<Response, PhoneError> {
    let sent = transport.send(request).await;
    sent.map_err(|HostError::Failed { reason }| PhoneError::Network { reason })
}

#[uniffi::export]
impl Phone {
    /// The next request of a sync; what waits in the outbox goes with it. An answer that never comes
    /// costs nothing: ask again, and the same commands go again.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn next_request(&self) -> Result<Request, PhoneError> {
        self.with(|exchange| Ok(exchange.next_request(now())?.into()))
    }

    /// Takes over the answer to the last request. `more` in the outcome asks for another round.
    ///
    /// # Errors
    /// [`PhoneError::Server`], [`PhoneError::Answer`], [`PhoneError::Store`]: nothing was written.
    pub fn receive(&self, response: Response) -> Result<Outcome, PhoneError> {
        self.with(|exchange| Ok(exchange.receive(now(), response.into())?))
    }

    /// Makes the next request tell and ask for everything. `receive` does so by itself where the server
    /// asks for it.
    ///
    /// # Errors
    /// [`PhoneError::Store`] with `reopen`.
    pub fn spell_out(&self) -> Result<(), PhoneError> {
        self.with(|exchange| {
            exchange.spell_out();
            Ok(())
        })
    }

    /// The `Authorization` header of any other request of this device, such as `POST /v1/token`. `path`
    /// is the request's target as sent, with its query.
    ///
    /// # Errors
    /// [`PhoneError::Store`] with `reopen`.
    pub fn sign_request(
        &self,
        method: String,
        path: String,
        body: Vec<u8>,
    ) -> Result<String, PhoneError> {
        self.with(|exchange| Ok(exchange.sign(&method, &path, now(), &body)))
    }

    /// Syncs until there is nothing left to send or to fetch. Two at once wait for one another.
    ///
    /// # Errors
    /// What an exchange fails with; what earlier rounds brought stays.
    pub async fn sync(&self, transport: Arc<dyn Transport>) -> Result<SyncReport, PhoneError> {
        let _alone = self.syncing.lock().await;
        let mut report = SyncReport::default();
        let mut previous = Vec::new();
        loop {
            let request = self.next_request()?;
            // The same question would get the same answer, for ever.
            if request.body == previous {
                return Ok(report);
            }
            previous.clone_from(&request.body);
            let sent_bytes = request.body.len() as u64;
            let response = send(&*transport, request).await?;
            report.round_trips += 1;
            report.sent_bytes += sent_bytes;
            report.received_bytes += response.body.len() as u64;
            let outcome = self.receive(response)?;
            report.changed.extend(outcome.changed);
            report.evicted.extend(outcome.evicted);
            report.unsettled += outcome.unsettled;
            if !outcome.more {
                report.complete = true;
                break;
            }
        }
        report.wiped = self.carry_out_wipe()?;
        if report.wiped {
            // Where it does not come through, the host finds the phone wiped and reports it again.
            let (path, key_store) = (self.path().to_owned(), self.shared_key_store());
            let _ = crate::wipe::report_wipe(path, transport, key_store).await;
        }
        Ok(report)
    }
}
