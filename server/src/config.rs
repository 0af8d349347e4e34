//! What the operator decides. Invariant: read once, at the start; the rest of the program takes it as data.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::tls::TlsFiles;

/// Where the server listens unless told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7420";

/// Settings of one server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds everything: database, attachments.
    pub data: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where metrics are served; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// How clients reach the server, without a slash at the end; `None`: by the address it listens on.
    pub public_url: Option<String>,
    /// Certificate and key that it speaks TLS with; `None`: plain HTTP, for this machine or behind a proxy.
    pub tls: Option<TlsFiles>,
    /// Where a time-stamp authority (RFC 3161) answers; `None`: sheets get no time-stamps.
    pub time_stamp_url: Option<String>,
    /// An upload that brings nothing for this long is given up.
    pub upload_silence_max: Duration,
    /// What a device's body may take to arrive.
    pub body_time_max: Duration,
}

impl Config {
    /// The defaults on a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let listen = LISTEN_DEFAULT.parse().expect("the default is an address");
        Self {
            data: data.into(),
            listen,
            metrics: None,
            public_url: None,
            tls: None,
            time_stamp_url: None,
            upload_silence_max: Duration::from_secs(60),
            body_time_max: Duration::from_secs(120),
        }
    }

    /// The database's file.
    pub fn database_path(&self) -> PathBuf {
        self.data.join("gongdan.db")
    }

    /// Where clients reach the server.
    pub fn url(&self) -> String {
        self.public_url
            .clone()
            .unwrap_or_else(|| format!("{}://{}", self.scheme(), self.listen))
    }

    /// How it speaks itself.
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Whether browsers reach it by TLS, its own or a proxy's: cookies are `Secure` then, and they are told to
    /// come by nothing else (HSTS, RFC 6797).
    pub fn is_secure(&self) -> bool {
        self.url().starts_with("https://")
    }
}
