//! One exchange with the server after another.

use gongdan_core::exchange::Response;
use gongdan_core::ids::TicketId;
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use super::host::{HttpRequest, Transport, now, send};
use super::{Phone, Thrown, leaving, thrown, to_json};

/// What a sync did.
#[derive(Default, Serialize)]
struct SyncReport {
    /// Requests answered.
    round_trips: u32,
    sent_bytes: u64,
    received_bytes: u64,
    changed: Vec<TicketId>,
    evicted: Vec<TicketId>,
    /// Commands refused or quarantined.
    unsettled: u32,
    /// Everything there was is sent and fetched.
    complete: bool,
    /// The office ordered this phone to be wiped, and it is.
    wiped: bool,
}

#[wasm_bindgen]
impl Phone {
    /// The next request of a sync.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = nextRequest)]
    pub fn next_request(&self) -> Result<HttpRequest, Thrown> {
        self.with(|exchange| Ok(HttpRequest(exchange.next_request(now())?)))
    }

    /// Takes over the answer to the last request; JSON of the outcome.
    ///
    /// # Errors
    /// `Server`, `Answer`, `Store`: nothing was written.
    pub fn receive(&self, status: u16, body: Vec<u8>) -> Result<String, Thrown> {
        let response = Response { status, body };
        to_json(&self.with(|exchange| exchange.receive(now(), response))?)
    }

    /// Makes the next request tell and ask for everything.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = spellOut)]
    pub fn spell_out(&self) -> Result<(), Thrown> {
        self.with(|exchange| {
            exchange.spell_out();
            Ok(())
        })
    }

    /// The `Authorization` header of any other request of this device.
    ///
    /// # Errors
    /// `Store`.
    #[wasm_bindgen(js_name = signRequest)]
    pub fn sign_request(&self, method: &str, path: &str, body: &[u8]) -> Result<String, Thrown> {
        self.with(|exchange| Ok(exchange.sign(method, path, now(), body)))
    }

    /// Syncs until there is nothing left to send or to fetch; JSON of the report. One at a time: the host waits
    /// for one before it begins another.
    ///
    /// # Errors
    /// What an exchange fails with; what earlier rounds brought stays.
    pub async fn sync(&self, transport: Transport) -> Result<String, Thrown> {
        let mut report = SyncReport::default();
        let mut previous = Vec::new();
        loop {
            let HttpRequest(request) = self.next_request()?;
            // The same question would get the same answer, for ever.
            if request.body == previous {
                return to_json(&report);
            }
            previous.clone_from(&request.body);
            report.sent_bytes += request.body.len() as u64;
            let response = send(&transport, request).await.map_err(thrown)?;
            report.round_trips += 1;
            report.received_bytes += response.body.len() as u64;
            let outcome = self.with(|exchange| exchange.receive(now(), response))?;
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
            let _ = leaving::report(&transport, &self.key_store).await;
        }
        to_json(&report)
    }
}
