//! Wire and storage in memory: the wire hands bodies to whoever counts them, the storage can be copied.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{
    FutureExt, StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    future::{self, BoxFuture},
};
use samod::{
    AcceptorHandle, DialError, Dialer, Transport, Url,
    storage::{Storage, StorageKey},
};

/// The middle of the connection, where bodies wait to be counted and handed on.
pub(super) struct Wire {
    pub(super) from_phone: UnboundedReceiver<Vec<u8>>,
    pub(super) to_office: UnboundedSender<Vec<u8>>,
    pub(super) from_office: UnboundedReceiver<Vec<u8>>,
    pub(super) to_phone: UnboundedSender<Vec<u8>>,
}

/// A wire to `acceptor` that delivers nothing by itself, and the dialer that hands out its ends.
pub(super) fn wire(url: Url, acceptor: AcceptorHandle) -> (Wire, MemoryDialer) {
    let (phone_out, from_phone) = unbounded();
    let (office_out, from_office) = unbounded();
    let (to_phone, phone_in) = unbounded();
    let (to_office, office_in) = unbounded();
    let ends = (
        transport(phone_in, phone_out),
        transport(office_in, office_out),
    );
    let dialer = MemoryDialer {
        url,
        acceptor,
        ends: Mutex::new(Some(ends)),
    };
    (
        Wire {
            from_phone,
            to_office,
            from_office,
            to_phone,
        },
        dialer,
    )
}

fn transport(
    incoming: UnboundedReceiver<Vec<u8>>,
    outgoing: UnboundedSender<Vec<u8>>,
) -> Transport {
    Transport::new(incoming.map(Ok::<_, Infallible>), outgoing)
}

/// Hands its two ends out once; a wire that was cut stays cut.
pub(super) struct MemoryDialer {
    url: Url,
    acceptor: AcceptorHandle,
    ends: Mutex<Option<(Transport, Transport)>>,
}

impl Dialer for MemoryDialer {
    type Error = Infallible;

    fn url(&self) -> Url {
        self.url.clone()
    }

    fn connect(&self) -> BoxFuture<'static, Result<Transport, DialError<Infallible>>> {
        let ends = lock(&self.ends).take();
        let connected = match ends {
            None => Err(DialError::transient(std::io::Error::other(
                "the wire was used before",
            ))),
            Some((phone, office)) => match self.acceptor.accept(office) {
                Ok(_) => Ok(phone),
                Err(stopped) => Err(DialError::transient(stopped)),
            },
        };
        future::ready(connected).boxed()
    }
}

/// Storage in memory that can be copied, so that situations do not depend on each other.
#[derive(Clone, Default)]
pub(super) struct MemoryStorage(Arc<Mutex<HashMap<StorageKey, Vec<u8>>>>);

impl MemoryStorage {
    pub(super) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(lock(&self.0).clone())))
    }
}

impl Storage for MemoryStorage {
    async fn load(&self, key: StorageKey) -> Option<Vec<u8>> {
        lock(&self.0).get(&key).cloned()
    }

    async fn load_range(&self, prefix: StorageKey) -> HashMap<StorageKey, Vec<u8>> {
        let entries = lock(&self.0);
        entries
            .iter()
            .filter(|(key, _)| prefix.is_prefix_of(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    async fn put(&self, key: StorageKey, data: Vec<u8>) {
        lock(&self.0).insert(key, data);
    }

    async fn delete(&self, key: StorageKey) {
        lock(&self.0).remove(&key);
    }
}

/// The mutexes guard plain values that no panic leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
