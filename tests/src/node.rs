//! A replica that runs as wasm32 in a process of Node and is spoken to in lines of JSON.
//!
//! Invariant: where the package or Node is missing this fails and says what to run; it is never skipped.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};

use gongdan_core::clock::Timestamp;
use gongdan_core::ids::TicketId;
use gongdan_core::replica::{Identity, OutboxCounts, Seen, TicketView};
use gongdan_core::ticket::Act;
use gongdan_core::ticket::summary::Summary;
use gongdan_web::golden::{hex, unhex};
use serde_json::{Value, json};

/// Names the folder of the package; `cargo xtask test` sets it.
const PACKAGE: &str = "GONGDAN_WASM_PACKAGE";

/// The replica.
pub struct NodeReplica {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// The folder of the WebAssembly package made for Node.
fn package() -> PathBuf {
    if let Some(folder) = std::env::var_os(PACKAGE) {
        return folder.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    target.join("wasm/pkg-nodejs")
}

impl NodeReplica {
    /// Starts Node and opens a fresh replica in it.
    ///
    /// # Panics
    /// The package was not built, or there is no Node.
    pub fn start(identity: &Identity, secret: &[u8; 32], entropy: &[u8; 32]) -> Self {
        let package = package();
        assert!(
            package.join("gongdan_web.js").is_file(),
            "{} has no gongdan_web.js: build it with `cargo xtask wasm`",
            package.display()
        );
        let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("wasm/replica.mjs");
        let mut process = Process::new("node")
            .arg(driver)
            .env(PACKAGE, package)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node 20 runs the WebAssembly that `cargo xtask wasm` built");
        let to = process.stdin.take().expect("a pipe was asked for");
        let from = BufReader::new(process.stdout.take().expect("a pipe was asked for"));
        let mut replica = Self { process, to, from };
        let identity = json!({
            "device": identity.device.to_string(),
            "person": identity.person,
            "server_key": hex(&identity.server_key),
        });
        let arguments = json!([identity.to_string(), hex(secret), hex(entropy)]);
        replica
            .call("open", arguments)
            .expect("a fresh replica opens");
        replica
    }

    fn call(&mut self, name: &str, arguments: Value) -> Result<Value, String> {
        writeln!(
            self.to,
            "{}",
            json!({ "call": name, "arguments": arguments })
        )
        .expect("Node listens");
        self.to.flush().expect("Node listens");
        let mut line = String::new();
        self.from.read_line(&mut line).expect("Node answers");
        let mut answer: Value =
            serde_json::from_str(&line).expect("Node answers a line of JSON a call");
        match answer.get("error") {
            Some(error) => Err(error
                .as_str()
                .unwrap_or("an error without a message")
                .to_owned()),
            None => Ok(answer["ok"].take()),
        }
    }

    fn must(&mut self, name: &str, arguments: Value) -> Value {
        self.call(name, arguments).expect("a call that cannot fail")
    }

    /// As `Replica::execute`; the error's message begins with its code.
    ///
    /// # Errors
    /// What the replica says against it.
    pub fn execute(
        &mut self,
        now: Timestamp,
        ticket: TicketId,
        seen: &Seen,
        act: &Act,
    ) -> Result<(), String> {
        let arguments = json!([now.seconds(), ticket, text(seen), text(act)]);
        self.call("execute", arguments).map(drop)
    }

    /// As `Replica::open_ticket`.
    ///
    /// # Errors
    /// What the replica says against it.
    pub fn open_ticket(&mut self, now: Timestamp, act: &Act) -> Result<TicketId, String> {
        let id = self.call("openTicket", json!([now.seconds(), text(act)]))?;
        Ok(id
            .as_str()
            .and_then(|id| id.parse().ok())
            .expect("the id of a ticket"))
    }

    /// As `Replica::next_request`.
    pub fn next_request(&mut self) -> Vec<u8> {
        let bytes = self.must("nextRequest", json!([]));
        bytes
            .as_str()
            .and_then(unhex)
            .expect("bytes in hexadecimal digits")
    }

    /// As `Replica::receive`: whether to ask again at once.
    ///
    /// # Errors
    /// What the replica says against it.
    pub fn receive(&mut self, body: &[u8]) -> Result<bool, String> {
        let outcome = self.call("receive", json!([hex(body)]))?;
        Ok(parsed(&outcome)["more"]
            .as_bool()
            .expect("an outcome says whether there is more"))
    }

    /// As `Replica::spell_out`.
    pub fn spell_out(&mut self) {
        self.must("spellOut", json!([]));
    }

    /// All tickets.
    pub fn list(&mut self) -> Vec<Summary> {
        let rows = self.must("list", json!([""]));
        serde_json::from_value(parsed(&rows)).expect("rows of a list")
    }

    /// As `Replica::ticket`.
    pub fn ticket(&mut self, id: TicketId) -> Option<TicketView> {
        let view = self.must("ticket", json!([id]));
        serde_json::from_value(parsed(&view)).expect("a ticket or nothing")
    }

    /// As `Replica::outbox_counts`.
    pub fn outbox_counts(&mut self) -> OutboxCounts {
        let counts = self.must("outboxCounts", json!([]));
        serde_json::from_value(parsed(&counts)).expect("counts")
    }
}

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("what goes in is JSON")
}

fn parsed(json: &Value) -> Value {
    serde_json::from_str(json.as_str().expect("JSON in a string")).expect("what comes out is JSON")
}

impl Drop for NodeReplica {
    fn drop(&mut self) {
        // It ends by itself when its input does; a test that panicked may have left it in the middle.
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}
