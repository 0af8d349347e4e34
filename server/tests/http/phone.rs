//! A technician's phone on the real wire.

use gongdan_core::ids::TicketId;
use gongdan_core::replica::{Identity, Replica, Seen};
use gongdan_core::store::memory::MemoryStore;
use gongdan_core::ticket::Command;
use reqwest::{Method, Response, StatusCode};

use crate::desk::TECHNICIAN;
use crate::harness::{TestDevice, TestServer};

pub(crate) const PATH: &str = "/v1/sync";
pub(crate) const MEDIA_TYPE: &str = "application/vnd.gongdan.sync";

/// A technician's phone on the real wire.
pub(crate) struct Phone {
    pub(crate) device: TestDevice,
    pub(crate) replica: Replica,
}

impl Phone {
    pub(crate) async fn enrolled(server: &TestServer) -> Self {
        assert_eq!(server.technician, TECHNICIAN);
        let device = server.device(9).await;
        let server_key = *server.running.state.keys.public().as_bytes();
        let person = TECHNICIAN.parse().unwrap();
        let identity = Identity {
            device: device.id,
            person,
            server_key,
        };
        let mut store = MemoryStore::default();
        Replica::enrol(&mut store, &identity).unwrap();
        let replica = Replica::open(Box::new(store), device.key.clone(), [7; 32]).unwrap();
        Self { device, replica }
    }

    /// Sends a body as the device's; the answer.
    pub(crate) async fn post(&self, server: &TestServer, body: Vec<u8>) -> Response {
        let header = self.device.header(&Method::POST, PATH, &body);
        let request = server
            .client
            .post(server.url(PATH))
            .header("authorization", header);
        let request = request.header("content-type", MEDIA_TYPE).body(body);
        request.send().await.unwrap()
    }

    /// Sends what waits; the answer.
    pub(crate) async fn send(&mut self, server: &TestServer) -> Vec<u8> {
        let body = self.replica.next_request().unwrap();
        let response = self.post(server, body).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.bytes().await.unwrap().to_vec()
    }

    /// Exchanges until there is nothing more.
    pub(crate) async fn sync(&mut self, server: &TestServer) {
        loop {
            let answer = self.send(server).await;
            if !self.replica.receive(&answer).unwrap().more {
                return;
            }
        }
    }

    pub(crate) fn execute(&mut self, server: &TestServer, ticket: TicketId, command: Command) {
        let now = server.running.state.host.now();
        self.replica
            .execute(now, ticket, &Seen::new(), command)
            .unwrap();
    }
}
