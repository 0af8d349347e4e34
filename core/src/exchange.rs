//! A phone's side of the exchange with the server: request out, answer in, until nothing is left.
//!
//! Invariant: whatever moves the bytes goes through the same two calls, `next_request` and `receive`; an
//! exchange cut off at any point is only made again.

use serde::Deserialize;

use crate::clock::Timestamp;
use crate::enrolment::own_certificate;
use crate::fault::Fault;
use crate::ids::DeviceId;
use crate::replica::{Outcome, Replica};
use crate::sync::request_auth::{Authorization, base64url, signing_input};

const SYNC_PATH: &str = "/v1/sync";
const INCARNATION_PATH: &str = "/v1/incarnation";
const CERTIFICATE_PATH: &str = "/v1/certificate";
/// Where a phone says that it is wiped.
pub const WIPED_PATH: &str = "/v1/wiped";
/// As `core/docs/sync-protocol.md` names it.
const SYNC_MEDIA_TYPE: &str = "application/vnd.gongdan.sync";

/// An HTTP request to make against the server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

impl Response {
    /// The body of a success.
    ///
    /// # Errors
    /// [`Fault::Server`] with the server's problem.
    pub fn success(self) -> Result<Vec<u8>, Fault> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let problem = serde_json::from_slice::<Problem>(&self.body);
        let code = problem.map_or_else(|_| "unknown".to_owned(), |problem| problem.code);
        Err(Fault::Server {
            status: self.status,
            code,
        })
    }
}

/// Whether the server lost track of this phone's cursor or references: telling everything helps.
fn wants_everything(error: &Fault) -> bool {
    matches!(error, Fault::Server { status: 409, code }
        if code == "other_epoch" || code == "unresolved_reference")
}

/// Whether the server does not know this phone, which it enrolled: it was put back to a backup of before.
fn is_forgotten(error: &Fault) -> bool {
    matches!(error, Fault::Server { status: 401, code } if code == "unknown_device")
}

/// Asks for another round.
fn again() -> Outcome {
    Outcome {
        more: true,
        ..Outcome::default()
    }
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
pub struct Exchange {
    /// The replica that exchanges.
    pub replica: Replica,
    under_way: UnderWay,
    /// The certificate was shown in this opening: a second time would not help.
    has_shown: bool,
    /// The server would not have this phone go on as another device: it goes on as it is.
    stays: bool,
    /// The request under way spells everything out: a second time would not help.
    spelled_out: bool,
}

impl Exchange {
    /// The exchange of a replica that was just opened.
    pub fn new(replica: Replica) -> Self {
        Self {
            replica,
            under_way: UnderWay::Sync,
            has_shown: false,
            stays: false,
            spelled_out: false,
        }
    }

    /// The `Authorization` header of a request of this device. `path` is the request's target as sent.
    pub fn sign(&self, method: &str, path: &str, at: Timestamp, body: &[u8]) -> String {
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

    /// The next request; what waits in the outbox goes with it.
    ///
    /// # Errors
    /// [`Fault::Store`].
    pub fn next_request(&mut self, now: Timestamp) -> Result<Request, Fault> {
        if self.under_way == UnderWay::Return
            && let Some(own) = self.replica.certificate()?
        {
            let shown = base64url(&own.certificate.to_bytes());
            return Ok(self.json("PUT", CERTIFICATE_PATH, now, ("certificate", &shown)));
        }
        self.under_way = UnderWay::Sync;
        if !self.stays && self.replica.is_split()? {
            self.under_way = UnderWay::Incarnation;
            let key = self.replica.begin_incarnation()?;
            let shown = base64url(key.as_bytes());
            return Ok(self.json("POST", INCARNATION_PATH, now, ("public_key", &shown)));
        }
        let body = self.replica.next_request()?;
        Ok(Request {
            method: "POST".to_owned(),
            path: SYNC_PATH.to_owned(),
            authorization: Some(self.sign("POST", SYNC_PATH, now, &body)),
            content_type: SYNC_MEDIA_TYPE.to_owned(),
            body,
        })
    }

    /// A signed request with one text in its body.
    fn json(&self, method: &str, path: &str, now: Timestamp, named: (&str, &str)) -> Request {
        let body = serde_json::json!({ named.0: named.1 });
        let body = body.to_string().into_bytes();
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            authorization: Some(self.sign(method, path, now, &body)),
            content_type: "application/json".to_owned(),
            body,
        }
    }

    /// Makes the next request tell and ask for everything.
    pub fn spell_out(&mut self) {
        self.replica.spell_out();
        self.spelled_out = true;
    }

    /// Takes over the answer to the last request. `more` in the outcome asks for another round.
    ///
    /// # Errors
    /// [`Fault::Server`], [`Fault::Answer`], [`Fault::Store`]: nothing was written.
    pub fn receive(&mut self, now: Timestamp, response: Response) -> Result<Outcome, Fault> {
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
                self.replica.contacted(now)?;
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

    /// Goes on as the device that the server made; or as it is, where the server will not have it.
    fn incarnated(&mut self, response: Response) -> Result<Outcome, Fault> {
        if matches!(response.status, 403 | 404 | 409) {
            self.stays = true;
            return Ok(again());
        }
        let malformed = || Fault::answer("malformed");
        let body = response.success()?;
        let answer: Incarnation = serde_json::from_slice(&body).map_err(|_| malformed())?;
        let own = own_certificate(&answer.organisation_key, &answer.certificate, answer.device)?;
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
