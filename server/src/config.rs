//! What the operator decides. Invariant: read once, at the start; the rest of the program takes it as data.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the server listens unless told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:7420";

/// Settings of one server.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds everything: database, attachments.
    pub data: PathBuf,
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How clients reach the server, without a slash at the end; `None`: by the address it listens on.
    pub public_url: Option<String>,
}

impl Config {
    /// The defaults on a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        let listen = LISTEN_DEFAULT.parse().expect("the default is an address");
        Self {
            data: data.into(),
            listen,
            public_url: None,
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
            .unwrap_or_else(|| format!("http://{}", self.listen))
    }
}
