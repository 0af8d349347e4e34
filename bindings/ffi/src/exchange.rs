//! One exchange with the server after another: request out, answer in, until nothing is left.
//!
//! Invariant: hosts that transfer in the background and `Phone::sync` go through the same two calls,
//! `next_request` and `receive`; an exchange cut off at any point is only made again.

use std::sync::Arc;

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::{DeviceId, TicketId};
use gongdan_core::replica::{Outcome, Replica};
use gongdan_core::sync::request_auth::{Authorization, base64url, signing_input};
use serde::Deserialize;

use crate::error::{HostError, PhoneError};
use crate::host::{Transport, now};
use crate::phone::Phone;

const SYNC_PATH: &str = "/v1/sync";
const INCARNATION_PATH: &str = "/v1/incarnation";
const CERTIFICATE_PATH: &str = "/v1/certificate";
/// As `core/docs/sync-protocol.md` names it.
const SYNC_MEDIA_TYPE: &str = "application/vnd.gongdan.sync";

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

#[derive(Deserialize)]
struct Problem {
    code: String,
}

impl Response {
    /// The body of a success, or the server's problem.
    pub(crate) fn success(self) -> Result<Vec<u8>, PhoneError> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let problem = serde_json::from_slice::<Problem>(&self.body);
        let code = problem.map_or_else(|_| "unknown".to_owned(), |problem| problem.code);
        Err(PhoneError::Server {
            status: self.status,
            code,
        })
    }
}

/// Whether the server lost track of this phone's cursor or references: telling everything helps.
fn wants_everything(error: &PhoneError) -> bool {
    matches!(error, PhoneError::Server { status: 409, code }
        if code == "other_epoch" || code == "unresolved_reference")
}

/// Whether the server does not know this phone, which it enrolled: it was put back to a backup of before.
fn is_forgotten(error: &PhoneError) -> bool {
    matches!(error, PhoneError::Server { status: 401, code } if code == "unknown_device")
}

/// Asks for another round.
fn again() -> Outcome {
    Outcome {
        more: true,
        ..Outcome::default()
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

/// What the request under way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum UnderWay {
    /// The exchange itself.
    #[default]
    Sync,
    /// Another incarnation: a copy of this phone writes under its name.
    Incarnation,
    /// The server does not know this phone: it was restored from a backup of before.
    Return,
}

/// A phone's side of the exchange.
pub(crate) struct Exchange {
    pub(crate) replica: Replica,
    under_way: UnderWay,
    /// The certificate was shown in this opening: a second time would not help.
    has_shown: bool,
    /// The server would not have this phone go on as another device: it goes on as it is.
    stays: bool,
    /// The request under way spells everything out: a second time would not help.
    spelled_out: bool,
}

impl Exchange {
    pub(crate) fn new(replica: Replica) -> Self {
        Self {
            replica,
            under_way: UnderWay::Sync,
            has_shown: false,
            stays: false,
            spelled_out: false,
        }
    }

    pub(crate) fn sign(&self, method: &str, path: &str, at: Timestamp, body: &[u8]) -> String {
        let device = self.replica.identity().device;
        let signature = self
            .replica
            .key()
            .sign(&signing_input(method, path, device, at, body));
        Authorization {
            device,
            at,
            signature,
        }
        .to_string()
    }

    pub(crate) fn next_request(&mut self) -> Result<Request, PhoneError> {
        if self.under_way == UnderWay::Return
            && let Some(own) = self.replica.certificate()?
        {
            let shown = base64url(&own.certificate.to_bytes());
            return Ok(self.json("PUT", CERTIFICATE_PATH, "certificate", &shown));
        }
        self.under_way = UnderWay::Sync;
        if !self.stays && self.replica.is_split()? {
            self.under_way = UnderWay::Incarnation;
            let key = self.replica.begin_incarnation()?;
            let shown = base64url(key.as_bytes());
            return Ok(self.json("POST", INCARNATION_PATH, "public_key", &shown));
        }
        let body = self.replica.next_request()?;
        Ok(Request {
            method: "POST".to_owned(),
            path: SYNC_PATH.to_owned(),
            authorization: Some(self.sign("POST", SYNC_PATH, now(), &body)),
            content_type: SYNC_MEDIA_TYPE.to_owned(),
            body,
        })
    }

    /// A signed request with one text in its body.
    fn json(&self, method: &str, path: &str, name: &str, text: &str) -> Request {
        let body = serde_json::json!({ name: text });
        let body = serde_json::to_vec(&body).expect("a text is JSON");
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            authorization: Some(self.sign(method, path, now(), &body)),
            content_type: "application/json".to_owned(),
            body,
        }
    }

    pub(crate) fn spell_out(&mut self) {
        self.replica.spell_out();
        self.spelled_out = true;
    }

    pub(crate) fn receive(&mut self, response: Response) -> Result<Outcome, PhoneError> {
        match std::mem::take(&mut self.under_way) {
            UnderWay::Sync => {}
            UnderWay::Incarnation => return self.incarnated(response),
            UnderWay::Return => {
                response.success()?;
                return Ok(again());
            }
        }
        match response.success() {
            Ok(body) => {
                let outcome = self.replica.receive(&body)?;
                self.replica.contacted(now())?;
                self.spelled_out = false;
                Ok(outcome)
            }
            Err(problem) if wants_everything(&problem) && !self.spelled_out => {
                self.spell_out();
                Ok(again())
            }
            Err(problem) if is_forgotten(&problem) && !self.has_shown => {
                if self.replica.certificate()?.is_none() {
                    return Err(problem);
                }
                self.has_shown = true;
                self.under_way = UnderWay::Return;
                Ok(again())
            }
            Err(problem) => Err(problem),
        }
    }
}

impl Exchange {
    /// Goes on as the device that the server made; or as it is, where the server will not have it.
    fn incarnated(&mut self, response: Response) -> Result<Outcome, PhoneError> {
        if matches!(response.status, 403 | 404 | 409) {
            self.stays = true;
            return Ok(again());
        }
        let malformed = || PhoneError::answer("malformed");
        let body = response.success()?;
        let answer: Incarnation = serde_json::from_slice(&body).map_err(|_| malformed())?;
        let own = crate::enrol::own_certificate(
            &answer.organisation_key,
            &answer.certificate,
            answer.device,
        )?;
        self.replica.incarnate(answer.device, Some(&own))?;
        Ok(again())
    }
}

/// What the server answers to a phone that is to go on as another device.
#[derive(Deserialize)]
struct Incarnation {
    device: DeviceId,
    organisation_key: String,
    certificate: String,
}

#[uniffi::export]
impl Phone {
    /// The next request of a sync; what waits in the outbox goes with it. An answer that never comes
    /// costs nothing: ask again, and the same commands go again.
    ///
    /// # Errors
    /// [`PhoneError::Store`].
    pub fn next_request(&self) -> Result<Request, PhoneError> {
        self.with(Exchange::next_request)
    }

    /// Takes over the answer to the last request. `more` in the outcome asks for another round.
    ///
    /// # Errors
    /// [`PhoneError::Server`], [`PhoneError::Answer`], [`PhoneError::Store`]: nothing was written.
    pub fn receive(&self, response: Response) -> Result<Outcome, PhoneError> {
        self.with(|exchange| exchange.receive(response))
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
