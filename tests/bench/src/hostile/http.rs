//! Requests that a device signs, over a connection that is kept: as little of HTTP/1.1 as the server's answers need.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::DeviceId;
use gongdan_core::sync::keys::DeviceKey;
use gongdan_core::sync::request_auth::{Authorization, signing_input};

use super::Failure;
use super::process::Process;

const PATH: &str = "/v1/sync";
const MEDIA_TYPE: &str = "application/vnd.gongdan.sync";

/// What the server said.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The stable code of a problem.
    pub(super) fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        problem["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// The value of `authorization` for a sync of these bytes.
pub(super) fn authorization(device: DeviceId, key: &DeviceKey, body: &[u8]) -> String {
    let at = Timestamp(1_000_000_000);
    let signature = key.sign(&signing_input("POST", PATH, device, at, body));
    Authorization {
        device,
        at,
        signature,
    }
    .to_string()
}

/// The head of a sync whose body of `length` bytes is to follow.
pub(super) fn head(server: &Process, authorization: &str, length: usize) -> String {
    format!(
        "POST {PATH} HTTP/1.1\r\nhost: {}\r\nauthorization: {authorization}\r\ncontent-type: {MEDIA_TYPE}\r\n\
         content-length: {length}\r\n\r\n",
        server.address()
    )
}

/// A connection, made anew where the server has hung up.
#[derive(Default)]
pub(super) struct Connection(Mutex<Option<(String, BufReader<TcpStream>)>>);

impl Connection {
    /// One sync.
    pub(super) fn post(
        &self,
        server: &Process,
        authorization: &str,
        body: &[u8],
    ) -> Result<Answer, Failure> {
        let head = head(server, authorization, body.len());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = match kept.take() {
            Some((address, stream)) if address == server.address() => Some(stream),
            _ => None,
        };
        let first = stream.map(|stream| exchange(stream, &head, body));
        let (answer, stream) = match first {
            Some(Ok(done)) => done,
            // Its time was over; what is sent again is taken once.
            Some(Err(_)) | None => {
                let stream = TcpStream::connect(server.address())?;
                stream.set_nodelay(true)?;
                exchange(BufReader::new(stream), &head, body)?
            }
        };
        *kept = Some((server.address().to_owned(), stream));
        Ok(answer)
    }
}

fn exchange(
    mut stream: BufReader<TcpStream>,
    head: &str,
    body: &[u8],
) -> Result<(Answer, BufReader<TcpStream>), Failure> {
    stream.get_mut().write_all(head.as_bytes())?;
    stream.get_mut().write_all(body)?;
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).ok_or("an answer without a status")?;
    let status = status.parse()?;
    let mut length = None;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err("an answer that breaks off".into());
        }
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        }
    }
    let mut body = vec![0; length.ok_or("an answer without a length")?];
    stream.read_exact(&mut body)?;
    Ok((Answer { status, body }, stream))
}
