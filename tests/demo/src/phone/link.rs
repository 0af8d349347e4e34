//! Bytes to the server and back. Invariant: it moves them and counts them, and reads nothing but the
//! status and the code of a problem.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use gongdan_core::clock::Timestamp;
use gongdan_core::ids::DeviceId;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::request_auth::{Authorization, signing_input};
use reqwest::blocking::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;

use super::protocol::Cut;

const SYNC: &str = "/v1/sync";
const MEDIA_TYPE: &str = "application/vnd.gongdan.sync";
const TIMEOUT: Duration = Duration::from_secs(30);

/// The line to one server.
pub(super) struct Link {
    server: String,
    client: Client,
}

/// What came back.
pub(super) enum Reply {
    Ok(Vec<u8>),
    /// Spell everything out and ask once more.
    SpellOut,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
}

impl Link {
    pub(super) fn new(server: &str) -> Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self {
            server: server.trim_end_matches('/').to_owned(),
            client,
        })
    }

    /// `POST /v1/enrol`.
    pub(super) fn enrol(&self, body: &serde_json::Value) -> Result<Enrolled> {
        let url = format!("{}/v1/enrol", self.server);
        let answer = self.client.post(url).json(body).send().context("enrol")?;
        if !answer.status().is_success() {
            let status = answer.status();
            bail!("enrol: {status} {}", answer.text().unwrap_or_default());
        }
        answer.json().context("read the enrolment")
    }

    /// `POST /v1/sync`, signed by the device's key.
    pub(super) fn sync(&self, device: DeviceId, key: &DeviceKey, body: &[u8]) -> Result<Reply> {
        let answer = self
            .client
            .post(format!("{}{SYNC}", self.server))
            .header(AUTHORIZATION, authorization(device, key, body))
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .body(body.to_vec())
            .send()
            .context("sync")?;
        let status = answer.status();
        let bytes = answer.bytes().context("read the answer of a sync")?;
        if status.is_success() {
            return Ok(Reply::Ok(bytes.to_vec()));
        }
        let code = serde_json::from_slice::<Problem>(&bytes).map(|problem| problem.code);
        match code.as_deref() {
            Ok("other_epoch" | "unresolved_reference") if status == 409 => Ok(Reply::SpellOut),
            _ => bail!("sync: {status} {}", String::from_utf8_lossy(&bytes)),
        }
    }

    /// The same request on a connection that breaks. Gives the bytes of the body that were sent.
    pub(super) fn sync_cut(
        &self,
        device: DeviceId,
        key: &DeviceKey,
        body: &[u8],
        cut: Cut,
    ) -> Result<usize> {
        let address = self.server.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).context("connect for a sync")?;
        let head = format!(
            "POST {SYNC} HTTP/1.1\r\nHost: {address}\r\nAuthorization: {}\r\nContent-Type: {MEDIA_TYPE}\r\nContent-Length: {}\r\n\r\n",
            authorization(device, key, body),
            body.len(),
        );
        stream.write_all(head.as_bytes())?;
        let sent = match cut {
            Cut::MidRequest => body.len() / 2,
            Cut::BeforeAnswer => body.len(),
        };
        stream.write_all(&body[..sent])?;
        stream.flush()?;
        if cut == Cut::BeforeAnswer {
            // The server has the request whole, and has answered, when its first byte can be seen; the
            // network goes at that moment, and the phone takes nothing over.
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.peek(&mut [0]).context("wait for the server")?;
        }
        stream.shutdown(Shutdown::Both)?;
        Ok(sent)
    }
}

fn authorization(device: DeviceId, key: &DeviceKey, body: &[u8]) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let at = Timestamp(since.map_or(0, |d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)));
    let signature = key.sign(&signing_input("POST", SYNC, device, at, body));
    let header = Authorization {
        device,
        at,
        signature,
    };
    header.to_string()
}

/// The device's place, as `POST /v1/enrol` tells it.
#[derive(Deserialize)]
pub(super) struct Enrolled {
    pub(super) device: DeviceId,
    pub(super) person: gongdan_core::ids::PersonId,
    pub(super) server_key: String,
}
