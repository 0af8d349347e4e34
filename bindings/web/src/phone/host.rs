//! What the host gives: a place for secret keys, somebody to tell of changes, a way to the server; its clock and
//! randomness.

use gongdan_core::clock::Timestamp;
use gongdan_core::exchange::{Request, Response};
use gongdan_core::fault::Fault;
use gongdan_core::sync::keys::DeviceKey;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

#[wasm_bindgen]
extern "C" {
    /// Keeps secrets, each under its name (`DeviceKey`, `DatabaseKey`; `WipeReport` is no secret, but has to
    /// outlive the database). What it did is durable when it returns; it throws where it did nothing.
    pub type KeyStore;
    #[wasm_bindgen(method, catch)]
    fn load(this: &KeyStore, secret: &str) -> Result<Option<Vec<u8>>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn save(this: &KeyStore, secret: &str, bytes: &[u8]) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn destroy(this: &KeyStore, secret: &str) -> Result<(), JsValue>;

    /// Is told of changes, after they are in the store.
    pub type Observer;
    #[wasm_bindgen(method, catch)]
    pub(super) fn changed(this: &Observer, tickets: Vec<String>) -> Result<(), JsValue>;

    /// Moves bytes to the server and back.
    pub type Transport;
    #[wasm_bindgen(method, catch)]
    async fn send(this: &Transport, request: HttpRequest) -> Result<JsValue, JsValue>;
}

/// An HTTP request to make against the server's address. Send path and body unchanged: they are signed.
#[wasm_bindgen(js_name = Request)]
pub struct HttpRequest(pub(super) Request);

#[wasm_bindgen(js_class = Request)]
impl HttpRequest {
    /// In capitals.
    #[wasm_bindgen(getter)]
    pub fn method(&self) -> String {
        self.0.method.clone()
    }
    /// Path below the server's address.
    #[wasm_bindgen(getter)]
    pub fn path(&self) -> String {
        self.0.path.clone()
    }
    /// Value of the `Authorization` header, where there is to be one.
    #[wasm_bindgen(getter)]
    pub fn authorization(&self) -> Option<String> {
        self.0.authorization.clone()
    }
    /// Value of the `Content-Type` header.
    #[wasm_bindgen(getter, js_name = contentType)]
    pub fn content_type(&self) -> String {
        self.0.content_type.clone()
    }
    /// The body.
    #[wasm_bindgen(getter)]
    pub fn body(&self) -> Vec<u8> {
        self.0.body.clone()
    }
}

/// Sends a request: `send` of the transport gives an object with `status` and `body`.
pub(super) async fn send(transport: &Transport, request: Request) -> Result<Response, Fault> {
    let lost = |error: JsValue| Fault::Network {
        reason: error
            .dyn_ref::<js_sys::Error>()
            .map(|error| String::from(error.name()))
            .unwrap_or_default(),
    };
    let answer = transport.send(HttpRequest(request)).await.map_err(lost)?;
    let field = |name: &str| js_sys::Reflect::get(&answer, &JsValue::from_str(name)).map_err(lost);
    let body = field("body")?;
    let body = body
        .dyn_ref::<js_sys::Uint8Array>()
        .ok_or_else(|| Fault::answer("malformed"))?;
    Ok(Response {
        status: status(field("status")?.as_f64().unwrap_or_default()),
        body: body.to_vec(),
    })
}

/// A secret from the host, made and saved first where there is none and `make` says so.
pub(super) fn secret(store: &KeyStore, which: &str, make: bool) -> Result<[u8; 32], Fault> {
    let saved = store.load(which).map_err(|_| Fault::key("failed"))?;
    match saved {
        Some(bytes) => bytes.try_into().map_err(|_| Fault::key("not_32_bytes")),
        None if make => {
            let bytes = random()?;
            store
                .save(which, &bytes)
                .map_err(|_| Fault::key("failed"))?;
            Ok(bytes)
        }
        None => Err(Fault::key("no_key")),
    }
}

/// The device's key.
pub(super) fn device_key(store: &KeyStore, make: bool) -> Result<DeviceKey, Fault> {
    Ok(DeviceKey::from_bytes(&secret(store, DEVICE_KEY, make)?))
}

pub(super) const DEVICE_KEY: &str = "DeviceKey";
pub(super) const DATABASE_KEY: &str = "DatabaseKey";
const WIPE_REPORT: &str = "WipeReport";

/// The signed report of a wipe that the office has not heard of.
pub(super) fn wipe_report(store: &KeyStore) -> Result<Option<String>, Fault> {
    let report = store.load(WIPE_REPORT).map_err(|_| Fault::key("failed"))?;
    report
        .map(|bytes| String::from_utf8(bytes).map_err(|_| Fault::store("malformed")))
        .transpose()
}

pub(super) fn keep_wipe_report(store: &KeyStore, report: &str) -> Result<(), Fault> {
    let kept = store.save(WIPE_REPORT, report.as_bytes());
    kept.map_err(|_| Fault::key("failed"))
}

pub(super) fn forget_wipe_report(store: &KeyStore) -> Result<(), Fault> {
    destroy(store, WIPE_REPORT)
}

pub(super) fn destroy(store: &KeyStore, secret: &str) -> Result<(), Fault> {
    store.destroy(secret).map_err(|_| Fault::key("failed"))
}

/// 32 bytes of the browser's randomness.
pub(super) fn random() -> Result<[u8; 32], Fault> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Fault::key("no_randomness"))?;
    Ok(bytes)
}

/// What the phone's clock says.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub(super) fn now() -> Timestamp {
    Timestamp((js_sys::Date::now() / 1000.0).floor() as i64)
}

/// A whole number of JavaScript's; 0 for what is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates"
)]
pub(super) fn whole(number: f64) -> u64 {
    number as u64
}

fn status(number: f64) -> u16 {
    u16::try_from(whole(number)).unwrap_or_default()
}
