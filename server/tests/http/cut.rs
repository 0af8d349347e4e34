//! A sync that is cut after every byte of its request, and after every byte of its answer, arrives once in the end.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use gongdan_core::ids::{Part, TicketId};
use gongdan_core::replica::Seen;
use gongdan_core::testing;
use gongdan_core::ticket::Command;
use reqwest::{Client, Method};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::desk::{DISPATCHER, TECHNICIAN};
use crate::harness::TestServer;
use crate::phone::{MEDIA_TYPE, PATH, Phone};

/// Tickets that the notes are spread over.
const TICKETS: usize = 8;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// After so many bytes of the request.
    Request(usize),
    /// After so many bytes of the answer.
    Answer(usize),
}

/// A way to the server that breaks.
struct Proxy {
    address: SocketAddr,
    cut: Arc<Mutex<Cut>>,
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let cut = Arc::new(Mutex::new(Cut::Request(0)));
        let of = Arc::clone(&cut);
        tokio::spawn(async move {
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = TcpStream::connect(server).await.unwrap();
                let (up, down) = match *of.lock().unwrap() {
                    Cut::Request(bytes) => (bytes, usize::MAX),
                    Cut::Answer(bytes) => (usize::MAX, bytes),
                };
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                // Whichever side is cut takes the other with it.
                tokio::spawn(async move {
                    tokio::select! {
                        () = pass(near_in, far_out, up) => {}
                        () = pass(far_in, near_out, down) => {}
                    }
                });
            }
        });
        Self { address, cut }
    }

    fn cut(&self, cut: Cut) {
        *self.cut.lock().unwrap() = cut;
    }
}

/// Passes at most so many bytes on, then lets go.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut left: usize) {
    let mut buffer = [0; 4096];
    while left > 0 {
        let room = left.min(buffer.len());
        match from.read(&mut buffer[..room]).await {
            Ok(count @ 1..) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
                left -= count;
            }
            _ => return,
        }
    }
}

/// One exchange: whether to ask again, or nothing where the answer did not come whole.
async fn exchange(phone: &mut Phone, client: &Client, address: SocketAddr) -> Option<bool> {
    let body = phone.replica.next_request().unwrap();
    let header = phone.device.header(&Method::POST, PATH, &body);
    let request = client
        .post(format!("http://{address}{PATH}"))
        .header("authorization", header)
        .header("content-type", MEDIA_TYPE)
        .body(body);
    let response = request.send().await.ok()?;
    assert_eq!(response.status(), 200);
    let answer = response.bytes().await.ok()?;
    Some(phone.replica.receive(&answer).unwrap().more)
}

fn note(text: &str) -> Command {
    Command::WriteNote {
        part: Part::Service,
        text: text.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_cut_after_any_byte_arrives_once() {
    let server = TestServer::start().await;
    let desk = server.desk(DISPATCHER);
    let mut tickets: Vec<TicketId> = Vec::new();
    for n in 0..TICKETS {
        let (id, _) = desk.open("east", &format!("第{n}台不制冷")).await;
        let assign =
            json!([{ "assign": { "crew": [TECHNICIAN], "lead": TECHNICIAN, "group": null } }]);
        desk.execute(&id, &json!({}), assign).await;
        tickets.push(id.parse().unwrap());
    }
    let state = &server.running.state;
    let mut phone = Phone::enrolled(&server).await;
    phone.sync(&server).await;
    let proxy = Proxy::before(server.running.address()).await;
    // A connection for each exchange.
    let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();

    // Several commands, and an act over several parts.
    phone.execute(&server, tickets[0], Command::Accept);
    phone.execute(&server, tickets[0], note("请求"));
    let opened = phone
        .replica
        .open_ticket(state.host.now(), testing::open())
        .unwrap();
    let inbox = || {
        let sql = "SELECT count(*) FROM inbox";
        let count = state.db.read(|c| {
            Ok::<_, gongdan_server::store::StoreError>(c.query_row(sql, [], |row| row.get(0))?)
        });
        count.unwrap()
    };
    let before: i64 = inbox();
    let mut requests = 0;
    loop {
        proxy.cut(Cut::Request(requests));
        if exchange(&mut phone, &client, proxy.address).await.is_some() {
            break;
        }
        // A request's last byte may pass, and its answer not.
        requests += 1;
    }
    assert!(inbox() > before);
    phone.sync(&server).await;

    let (mut answers, mut expected) = (0, Vec::new());
    loop {
        let ticket = tickets[answers % TICKETS];
        let (on_phone, at_desk) = (format!("现场{answers}"), format!("调度{answers}"));
        phone.execute(&server, ticket, note(&on_phone));
        let by = DISPATCHER.parse().unwrap();
        let act = note(&at_desk).into();
        state
            .relay
            .execute(state.host.now(), &by, Some(ticket), &Seen::new(), &act)
            .unwrap();
        expected.extend([(ticket, on_phone), (ticket, at_desk)]);
        proxy.cut(Cut::Answer(answers));
        if exchange(&mut phone, &client, proxy.address).await.is_some() {
            break;
        }
        answers += 1;
        phone.sync(&server).await;
    }
    phone.sync(&server).await;

    assert_eq!(phone.replica.outbox().unwrap(), []);
    expected.push((tickets[0], "请求".to_owned()));
    let mut notes = Vec::new();
    for ticket in &tickets {
        let shown = desk.ticket(&ticket.to_string()).await;
        let here = phone.replica.ticket(*ticket).unwrap().unwrap().ticket;
        for (n, there) in shown["ticket"]["notes"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            assert_eq!(there["text"], here.notes[n].text);
            notes.push((*ticket, here.notes[n].text.clone()));
        }
        assert_eq!(
            shown["ticket"]["notes"].as_array().unwrap().len(),
            here.notes.len()
        );
    }
    notes.sort();
    expected.sort();
    assert_eq!(notes, expected, "each once");
    assert_eq!(desk.get("/v1/tickets").await["total"], TICKETS + 1);
    assert_eq!(
        desk.ticket(&opened.to_string()).await["ticket"]["status"],
        "received"
    );
    server.assert_rebuilt_the_same();
    assert!(requests > 500 && answers > 300, "{requests} {answers}");
    // Past the test harness, which keeps what a test prints to itself.
    let line = format!(
        "sync over HTTP: cut after each of {requests} bytes of a request and {answers} of an answer; {} notes and a ticket arrived once\n",
        notes.len()
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
