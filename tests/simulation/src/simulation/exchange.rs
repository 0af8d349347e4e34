//! Exchanges over links that lose, double, delay and cut.
//!
//! Invariant: the phone takes over whole answers to its last request and nothing else; the server takes in
//! whole requests and nothing else.

use gongdan_core::ids::DeviceId;
use gongdan_core::replica::ReceiveError;
use gongdan_core::store::StoreError;
use gongdan_server::relay::SyncError;

use super::Simulation;
use crate::faults::Fault;
use crate::schedule::Event;
use crate::server::Served;
use crate::violation::{Kind, Violation};

/// Exchanges of one contact.
const EXCHANGES_MAX: usize = 12;
/// A fault of a link strikes once in so many exchanges, each kind.
const LINK: usize = 5;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// An answer was taken over, and nothing is left to ask.
    Done,
    /// An answer was taken over, and there is more.
    More,
    /// It broke off.
    Broken,
}

impl Simulation {
    /// A phone syncs; whether it should try again soon.
    pub(super) fn syncs(&mut self, phone: usize) -> Result<bool, Violation> {
        if self.now < self.phones[phone].offline_until {
            return Ok(false);
        }
        if self.strikes(Fault::Offline, 30) {
            let hours = 1 + self.random.below(20);
            self.phones[phone].offline_until = self.now + 3600 * i64::try_from(hours).unwrap_or(1);
            return Ok(false);
        }
        for _ in 0..EXCHANGES_MAX {
            match self.exchange(phone)? {
                Exchange::Done => return Ok(false),
                Exchange::More => {}
                Exchange::Broken => return Ok(true),
            }
        }
        Ok(true)
    }

    /// The app may die, or the disk fill up, in what comes next.
    pub(super) fn endanger(&mut self, phone: usize) {
        if self.strikes(Fault::PhoneDies, 6) {
            let left = u32::try_from(self.random.below(60)).unwrap_or(0);
            self.phones[phone].disk.will_die(left);
        } else if !self.phones[phone].disk.is_full() && self.strikes(Fault::PhoneFull, 25) {
            let left = u32::try_from(self.random.below(40)).unwrap_or(0);
            self.phones[phone].disk.will_fill(left);
            self.soon(3_600, Event::PhoneHasRoom(phone));
        }
    }

    /// The danger is over, whether it struck or not.
    pub(super) fn danger_over(&mut self, phone: usize) {
        if self.phones[phone].disk.died() {
            self.phones[phone].close();
        }
        self.phones[phone].disk.calm();
    }

    pub(super) fn exchange(&mut self, phone: usize) -> Result<Exchange, Violation> {
        self.exchanges += 1;
        if !self.goes_on(phone)? {
            return Ok(Exchange::Broken);
        }
        self.endanger(phone);
        let request = self.phones[phone]
            .app()
            .and_then(gongdan_core::replica::Replica::next_request);
        self.danger_over_after(phone, request.as_ref().err());
        let body = match request {
            Ok(body) => body,
            Err(error) => {
                self.bear(phone, "make a request", &error)?;
                self.danger_over(phone);
                return Ok(Exchange::Broken);
            }
        };
        self.look_at(phone)?;
        self.note(&body);
        let device = self.device(phone);
        if self.strikes(Fault::LosesRequest, LINK) {
            return Ok(Exchange::Broken);
        }
        if self.strikes(Fault::CutsRequest, LINK) {
            let at = self.random.below(body.len());
            self.server_refuses(device, &body[..at])?;
            return Ok(Exchange::Broken);
        }
        if self.strikes(Fault::DelaysRequest, LINK) {
            let answered = self.random.one_in(2).then_some(phone);
            self.soon(7_200, Event::RequestArrives(device, body, answered));
            return Ok(Exchange::Broken);
        }
        if self.strikes(Fault::DuplicatesRequest, LINK) {
            self.soon(7_200, Event::RequestArrives(device, body.clone(), None));
        }
        let Some(answer) = self.ask(phone, device, &body)? else {
            return Ok(Exchange::Broken);
        };
        if self.strikes(Fault::LosesAnswer, LINK) {
            return Ok(Exchange::Broken);
        }
        if self.strikes(Fault::CutsAnswer, LINK) {
            let at = self.random.below(answer.len());
            return self.takes_nothing(phone, &answer[..at]);
        }
        if self.strikes(Fault::DelaysAnswer, LINK) {
            self.soon(1_800, Event::AnswerArrives(phone, answer));
            return Ok(Exchange::Broken);
        }
        let ended = self.takes(phone, &answer)?;
        if ended != Exchange::Broken && self.strikes(Fault::DuplicatesAnswer, LINK) {
            self.takes_nothing(phone, &answer)?;
        }
        Ok(ended)
    }

    /// A phone that heard of a copy of itself goes on as a device of its own, as the library for phones does it;
    /// one that the server does not know shows its certificate. Whether it can ask now.
    fn goes_on(&mut self, phone: usize) -> Result<bool, Violation> {
        if self.server.is_full() {
            return Ok(true);
        }
        self.comes_back(phone);
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let split = app.is_split();
        let split = split.map_err(|why| Violation::failure("read whether it is split", why))?;
        // A revoked device gets no other name.
        if !split || self.phones[phone].revoked {
            return Ok(true);
        }
        let app = self.phones[phone].app();
        let begun = app.and_then(gongdan_core::replica::Replica::begin_incarnation);
        let key = match begun {
            Ok(key) => key,
            Err(error) => {
                self.bear(phone, "begin an incarnation", &error)?;
                return Ok(false);
            }
        };
        let device = self.server.office.incarnate(self.device(phone), &key);
        let certificate = self.server.office.certificate(device);
        self.certificates.insert(device, certificate.clone());
        if self.strikes(Fault::LosesAnswer, LINK) {
            return Ok(false);
        }
        let app = self.phones[phone].app();
        if let Err(error) = app.and_then(|app| app.incarnate(device, Some(&certificate))) {
            self.bear(phone, "go on as another device", &error)?;
            return Ok(false);
        }
        self.tell(|| format!("phone {phone} goes on as {device}"));
        self.phones[phone].identity.device = device;
        Ok(true)
    }

    fn comes_back(&self, phone: usize) {
        let (office, device) = (&self.server.office, self.device(phone));
        if let (false, Some(shown)) = (office.knows(device), self.certificates.get(&device)) {
            office.take_back(shown);
            if self.phones[phone].revoked {
                office.revoke(device);
            }
        }
    }

    fn danger_over_after(&mut self, phone: usize, error: Option<&StoreError>) {
        if error.is_none() {
            self.danger_over(phone);
        }
    }

    /// The server's answer to a whole request; nothing where it died, or asked for everything anew.
    fn ask(
        &mut self,
        phone: usize,
        device: DeviceId,
        body: &[u8],
    ) -> Result<Option<Vec<u8>>, Violation> {
        match self.serve(device, body)? {
            Served::Answer(answer) => Ok(Some(answer)),
            Served::Refused(SyncError::OtherEpoch | SyncError::UnresolvedReference) => {
                let app = self.phones[phone].app();
                app.map_err(|why| Violation::failure("start the app", why))?
                    .spell_out();
                Ok(None)
            }
            Served::Refused(error) => Err(Violation::failure("sync", error)),
            Served::Died => Ok(None),
        }
    }

    fn serve(
        &mut self,
        device: DeviceId,
        body: &[u8],
    ) -> Result<Served<Vec<u8>, SyncError>, Violation> {
        if !self.server.office.knows(device) {
            return Ok(Served::Died);
        }
        let dies = self.strikes(Fault::ServerDies, 8);
        if dies {
            let looks = 1 + self.random.below(120);
            self.server.will_die(u32::try_from(looks).unwrap_or(1));
        }
        let served = self.server.sync(device, body);
        if dies && self.random.one_in(2) {
            let restarted = self.server.restart();
            self.bear_server("restart the server", restarted)?;
        }
        if let Served::Answer(answer) = &served {
            self.note(answer);
        }
        self.ledger.look(self.server.office.database())?;
        Ok(served)
    }

    pub(super) fn bear_server(
        &mut self,
        what: &str,
        done: Result<(), gongdan_server::store::StoreError>,
    ) -> Result<(), Violation> {
        match done {
            Err(error) if !self.server.is_full() => Err(Violation::failure(what, error)),
            _ => Ok(()),
        }
    }

    /// A request that broke off is stored by nobody.
    fn server_refuses(&mut self, device: DeviceId, part: &[u8]) -> Result<(), Violation> {
        match self.server.sync(device, part) {
            Served::Refused(SyncError::Malformed(_)) | Served::Died => Ok(()),
            other => Err(Violation::failure("a request that broke off", other)),
        }
    }

    fn takes(&mut self, phone: usize, answer: &[u8]) -> Result<Exchange, Violation> {
        self.endanger(phone);
        let app = self.phones[phone].app();
        let taken = match app {
            Ok(app) => app.receive(answer),
            Err(error) => Err(ReceiveError::Store(error)),
        };
        let ended = match taken {
            Ok(outcome) => {
                self.note(format!("{outcome:?}").as_bytes());
                self.tell(|| format!("phone {phone} takes over: {outcome:?}"));
                if outcome.more {
                    Exchange::More
                } else {
                    Exchange::Done
                }
            }
            Err(ReceiveError::Store(error)) => {
                self.bear(phone, "receive", &error)?;
                Exchange::Broken
            }
            // The app died since it asked, and was started anew.
            Err(ReceiveError::NotForThisRequest) => Exchange::Broken,
            Err(error) => return Err(Violation::failure("receive", error)),
        };
        self.danger_over(phone);
        self.look_at(phone)?;
        if ended != Exchange::Broken {
            self.uploads(phone)?;
        }
        Ok(ended)
    }

    /// The attachments that the server does not have go up.
    fn uploads(&mut self, phone: usize) -> Result<(), Violation> {
        let app = self.phones[phone].app();
        let app = app.map_err(|why| Violation::failure("start the app", why))?;
        let unsent = app.unsent_blobs();
        for blob in unsent.map_err(|why| Violation::failure("list attachments", why))? {
            if let Err(error) = app.mark_blob_sent(blob.hash) {
                return self.bear(phone, "note an upload", &error);
            }
        }
        Ok(())
    }

    /// An answer that broke off, or that was taken over before.
    fn takes_nothing(&mut self, phone: usize, answer: &[u8]) -> Result<Exchange, Violation> {
        let before = self.phones[phone].disk.outbox();
        let app = self.phones[phone].app();
        let taken = app
            .map_err(|why| Violation::failure("start the app", why))?
            .receive(answer);
        let same = self.phones[phone].disk.with_outbox(|now| *now == before);
        match taken {
            Err(ReceiveError::Malformed(_) | ReceiveError::NotForThisRequest) if same => {
                Ok(Exchange::Broken)
            }
            other => {
                let text = format!("an answer that is none was taken over: {other:?}");
                Err(Violation::new(Kind::Effect, text))
            }
        }
    }

    pub(super) fn request_arrives(
        &mut self,
        device: DeviceId,
        body: &[u8],
        phone: Option<usize>,
    ) -> Result<(), Violation> {
        match self.serve(device, body)? {
            Served::Answer(answer) => match phone {
                Some(phone) => self.answer_arrives(phone, &answer),
                None => Ok(()),
            },
            Served::Refused(SyncError::OtherEpoch | SyncError::UnresolvedReference) => Ok(()),
            Served::Refused(error) => Err(Violation::failure("a late request", error)),
            Served::Died => Ok(()),
        }
    }

    /// An answer comes late: to the last request, or to one before it.
    pub(super) fn answer_arrives(&mut self, phone: usize, answer: &[u8]) -> Result<(), Violation> {
        self.takes(phone, answer).map(drop)
    }
}
